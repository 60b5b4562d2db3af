//! How often an interval ticks while another thread keeps a channel full.

use crate::runtimes::Runtime;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_millis(10);

/// One task receives, another one has the interval. Returns ticks and messages per second.
macro_rules! of {
    ($name:ident, $crate_name:ident) => {
        pub fn $name<R: Runtime, const CAPACITY: usize>() -> [f64; 2] {
            use $crate_name::time::{MissedTickBehavior, interval};

            let (sender, mut receiver) = $crate_name::sync::mpsc::channel(CAPACITY);
            let is_over = Arc::new(AtomicBool::new(false));
            let has_to_end = is_over.clone();
            let flood = thread::spawn(move || {
                while !has_to_end.load(Relaxed) {
                    sender.blocking_send(0u64).unwrap();
                }
            });
            let figures = R::block_on(async {
                let start = Instant::now();
                let receiving = R::spawn(async move {
                    let mut messages = 0;
                    while receiver.recv().await.is_some() {
                        messages += 1;
                    }
                    messages
                });
                let ticking = R::spawn(async move {
                    let mut interval = interval(PERIOD);
                    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
                    let mut ticks = 0;
                    while start.elapsed() < TIME {
                        interval.tick().await;
                        ticks += 1;
                    }
                    is_over.store(true, Relaxed);
                    ticks
                });
                let ticks: u32 = ticking.await;
                let messages: u32 = receiving.await;
                [ticks, messages].map(|number| f64::from(number) / start.elapsed().as_secs_f64())
            });
            flood.join().expect("nobody stops receiving");
            figures
        }
    };
}

of!(of_ayi, ayi);
of!(of_tokio, tokio);
