//! The end does not wait for longer than it may.

use std::time::{Duration, Instant};

#[ayi::main(shutdown_timeout = "10ms", name = "short")]
async fn run() -> Option<String> {
    drop(ayi::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(60))));
    ayi::runtime::Handle::current().name().map(String::from)
}

fn main() {
    let start = Instant::now();
    assert_eq!(run().as_deref(), Some("short"));
    assert!(start.elapsed() < Duration::from_secs(30));
}
