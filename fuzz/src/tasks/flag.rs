//! A waker that does not belong to the runtime: it runs steps when it is woken and dropped, and its wake may panic.
//!
//! Its drop does not panic. If that happened at the end of a function, rustc would leak what the function returns, for
//! example an error of `readable`. See rust-lang/rust#47949.

use super::world::Live;
use super::{steps, world};
use std::sync::Arc;
use std::task::{Wake, Waker};

struct Flag(#[expect(dead_code, reason = "it counts as long as it is there")] Live);

pub fn flag(live: Live) -> Waker {
    Waker::from(Arc::new(Flag(live)))
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        if let Some(world) = world() {
            steps::foreign(&world);
            steps::maybe_panic(&world);
        }
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        if let Some(world) = world() {
            steps::foreign(&world);
        }
    }
}
