//! Ends a process whose simulation is stuck: a program computes, or waits for what only another thread could do.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much real time a program may take without giving way.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a simulation tells of itself.
#[derive(Default)]
pub(crate) struct Pulse {
    steps: AtomicU64,
    /// The host whose program runs.
    host: Mutex<String>,
}

impl Pulse {
    pub(crate) fn step(&self) {
        // Relaxed, here and below: a number that stands alone.
        self.steps.fetch_add(1, Relaxed);
    }

    pub(crate) fn runs(&self, host: &str) {
        let mut name = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        name.clear();
        name.push_str(host);
    }
}

/// Looks after a run for as long as it lives.
pub(crate) struct Watchdog {
    _end: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn new(pulse: Arc<Pulse>, seed: u64) -> Watchdog {
        let (end, ended) = mpsc::channel::<()>();
        let watch = move || {
            let mut before = pulse.steps.load(Relaxed);
            while ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let now = pulse.steps.load(Relaxed);
                if now == before {
                    let host = pulse.host.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ = writeln!(
                        std::io::stderr(),
                        "the simulation with seed {seed} is stuck: the program of host {host:?} has not given way for \
                         {PATIENCE:?} of real time; it computes without an .await, or blocks the thread, for example \
                         in a lock or a channel of std"
                    );
                    std::process::abort();
                }
                before = now;
            }
        };
        // Without the thread there is no watch, and nothing else is wrong.
        let _ = thread::Builder::new().name("ayi-sim watchdog".into()).spawn(watch);
        Watchdog { _end: end }
    }
}
