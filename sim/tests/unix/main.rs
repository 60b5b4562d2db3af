//! Unix sockets and pipes of simulated hosts. Most situations are tried on the real kernel as well, which says what is
//! right.

mod connecting;
mod datagrams;
mod likeness;
mod many;
mod passing;
mod pipes;
mod raw;
mod streams;

use ayi::sim::Sim;
use ayi::time::{Duration, sleep};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;

ayi::sim::kernel!();

/// Runs `main` on a simulated host. Returns the hash of the run.
fn simulated<F: Future<Output = ()> + 'static>(seed: u64, main: impl Fn() -> F + 'static) -> u64 {
    let sim = Sim::new(seed);
    sim.client("alone", main);
    sim.run().unwrap();
    sim.hash()
}

/// Runs `main` on the real kernel, and on simulated ones.
fn everywhere<F: Future<Output = ()> + 'static>(main: impl Fn() -> F + Clone + 'static) {
    ayi::runtime::Runtime::new().unwrap().block_on(main());
    for seed in 0..3 {
        simulated(seed, main.clone());
    }
}

/// A path, of which nothing is left at the end.
struct Node(PathBuf);

impl Deref for Node {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Node {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A path at which there is nothing yet.
fn path(name: &str) -> Node {
    Node(std::env::temp_dir().join(format!("ayi-sim-{}-{name}", std::process::id())))
}

/// An abstract name.
fn name(name: &str) -> String {
    format!("\0ayi-sim-{}-{name}", std::process::id())
}

/// Lets the other tasks do what they can.
async fn turn() {
    sleep(Duration::from_millis(20)).await;
}

async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}
