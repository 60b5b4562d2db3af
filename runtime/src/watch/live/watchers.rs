//! Who looks on, and what each of them has seen.

use crate::core::foreign::lock;
use crate::watch::record::{Reason, Ring, in_use, section};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a runtime that ends waits for those who look on to take its last events. Otherwise nobody would see the end of
/// a program that ends with its runtime.
const AT_THE_END: Duration = Duration::from_millis(100);

/// The most sections that are kept for a client that does not take them. A program may make and end runtimes all the time.
const MOST_LAST: usize = 64;

static WATCHERS: Mutex<Vec<Arc<Watcher>>> = Mutex::new(Vec::new());

/// A client that follows the run.
#[derive(Default)]
pub(super) struct Watcher {
    seen: Mutex<Seen>,
    changed: Condvar,
    process: u32,
}

#[derive(Default)]
struct Seen {
    /// For each runtime, the number of the first event that was not sent.
    next: HashMap<u64, u64>,
    /// The last sections of runtimes that have ended, which are not sent yet.
    last: Vec<Vec<u8>>,
    /// It has taken sections of `last`, and sends them.
    is_sending: bool,
    /// It did not take the end of a runtime in time, so the next one does not wait for it.
    is_late: bool,
}

/// Lists a watcher while it lives.
pub(super) struct Listed(pub(super) Arc<Watcher>);

impl Listed {
    pub(super) fn new() -> Listed {
        let watcher = Arc::new(Watcher { process: std::process::id(), ..Watcher::default() });
        lock(&WATCHERS).push(watcher.clone());
        Listed(watcher)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&WATCHERS).retain(|watcher| !Arc::ptr_eq(watcher, &self.0));
        // Nobody waits for what it will not take.
        drop(self.0.ended());
        self.0.has_sent();
    }
}

impl Watcher {
    /// Takes the last sections of runtimes that have ended. [`Watcher::has_sent`] follows.
    pub(super) fn ended(&self) -> Vec<Vec<u8>> {
        let mut seen = lock(&self.seen);
        seen.is_sending = !seen.last.is_empty();
        std::mem::take(&mut seen.last)
    }

    /// What it has taken is sent.
    pub(super) fn has_sent(&self) {
        let mut seen = lock(&self.seen);
        seen.is_sending = false;
        seen.is_late = false;
        self.changed.notify_all();
    }

    /// Returns what is new in a ring since the last time.
    pub(super) fn news(&self, ring: &Ring, runtime: u64) -> Option<Vec<u8>> {
        lock(&self.seen).news(ring, runtime, Reason::Asked)
    }

    /// Waits until a runtime has ended, or `limit` is over.
    pub(super) fn wait(&self, limit: Duration) {
        // A wake for nothing is harmless: it only looks earlier.
        let seen = lock(&self.seen);
        if seen.last.is_empty() {
            drop(self.changed.wait_timeout(seen, limit));
        }
    }

    /// Waits until what is there is sent, or until `deadline`.
    fn wait_until_sent(&self, deadline: Instant) {
        let mut seen = lock(&self.seen);
        while !seen.is_late && (seen.is_sending || !seen.last.is_empty()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                seen.is_late = true;
                return;
            }
            let waited = self.changed.wait_timeout(seen, left);
            seen = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

impl Seen {
    /// The section is made under the lock: so what one thread sends, another one does not.
    fn news(&mut self, ring: &Ring, runtime: u64, reason: Reason) -> Option<Vec<u8>> {
        let next = self.next.get(&runtime).copied();
        if next.is_some_and(|next| ring.written() <= next) && reason != Reason::Ended {
            return None;
        }
        let section = section(ring, runtime, reason, "", next.unwrap_or(0))?;
        self.next.insert(runtime, section.next);
        Some(section.bytes)
    }
}

/// A runtime has ended, and its ring is about to be given back: those who look on get what they have not seen of it.
pub(crate) fn tell_end(ring: &Ring, runtime: u64) {
    let process = std::process::id();
    // A child of fork(2) has the list, but not the threads.
    let watchers: Vec<_> = lock(&WATCHERS).iter().filter(|it| it.process == process).cloned().collect();
    for watcher in &watchers {
        let mut seen = lock(&watcher.seen);
        let last = if seen.last.len() < MOST_LAST { seen.news(ring, runtime, Reason::Ended) } else { None };
        seen.next.remove(&runtime);
        seen.last.extend(last);
        watcher.changed.notify_all();
    }
    let deadline = Instant::now() + AT_THE_END;
    watchers.iter().for_each(|watcher| watcher.wait_until_sent(deadline));
}

/// Returns the rings of all runtimes.
pub(super) fn rings() -> Vec<(&'static Ring, u64)> {
    in_use()
}
