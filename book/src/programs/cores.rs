//! Two workers: tasks that compute are made on one of them, and the other one gets some.

use crate::Said;
use ayi::runtime::{Builder, Record};
use ayi::task::yield_now;
use std::collections::HashSet;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Computes for as long, and gives way now and then.
async fn compute(time: Duration) -> HashSet<thread::ThreadId> {
    let (end, mut seen) = (Instant::now() + time, HashSet::new());
    while Instant::now() < end {
        seen.insert(thread::current().id());
        let pause = Instant::now() + Duration::from_micros(50);
        while Instant::now() < pause {
            std::hint::spin_loop();
        }
        yield_now().await;
    }
    seen
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().name("two workers").record(Record::new()).build()?;
    let threads = runtime.block_on(async {
        let tasks: Vec<_> =
            (0..6).map(|_| ayi::task::spawn_send(compute(Duration::from_millis(30)))).collect();
        let mut all = HashSet::new();
        for task in tasks {
            all.extend(task.await?);
        }
        Ok::<_, io::Error>(all)
    })?;
    let threads = if threads.len() <= 2 { "one or two" } else { "more than two" };
    said.say(format!("six tasks have run on {threads} threads"));
    let snapshot = runtime.handle().snapshot();
    Ok(snapshot.ok_or_else(|| io::Error::other("the runtime has recorded nothing"))?.as_bytes().to_vec())
}
