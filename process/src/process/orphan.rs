//! Children that nobody will wait for any longer: their `Child` was dropped while they ran.
//!
//! They have to be reaped; otherwise each stays a zombie, a line in the process table, until this program ends. The
//! first runtime that can reap them does so:
//!
//! ```text
//!   dropped ──► ended already: reaped
//!           ├─► in a block_on: waits in that runtime ──────────────────────► reaped
//!           │                       │ the block_on ends         ▲
//!           └─► elsewhere ──────────┴─► homeless ─► every runtime is told: the first one takes it
//! ```
//!
//! No task waits: an orphan is its own waker, which the reactor keeps. So the user's metrics and `shutdown` do not see
//! it, and it does not keep a runtime from ending.
//!
//! Invariants:
//! 1. An orphan is on the list until it is reaped.
//! 2. An orphan that has a home waits in that runtime, which is in a `block_on`. All homeless ones have been announced
//!    since the last of them became homeless, and also when a runtime was made. A runtime that could not take one has
//!    told nobody: that leaves [`reap_homeless`], at each start, wait and drop of a child.
//! 3. The list is locked while nothing else is. An orphan is locked while nothing but the list may be locked after it.
//!    What is called under a lock, including the waker's own clone and drop, does not come back here.
//!
//! In tokio: `process/unix/orphan.rs`, which has only the list, and asks it at each SIGCHLD.

use super::watched::Watched;
use ayi_runtime::runtime::{Handle, Id, run_everywhere, run_when_left};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

static LIST: Mutex<Vec<Arc<Orphan>>> = Mutex::new(Vec::new());

struct Orphan {
    life: Mutex<Life>,
}

struct Life {
    watched: Watched,
    home: Option<Id>,
}

/// Ensures that the child is reaped when it ends.
pub(super) fn leave(mut watched: Watched) {
    // An error means that there is nothing to be reaped: other code has done it.
    if !watched.is_ours() || !matches!(watched.try_wait(), Ok(None)) {
        return;
    }
    watched.leave_runtime();
    let orphan = Arc::new(Orphan { life: Mutex::new(Life { watched, home: None }) });
    lock(&LIST).push(orphan.clone());
    if !orphan.settle() {
        run_everywhere(take_homeless);
    }
}

/// Reaps the orphans that have ended and whose end no runtime would notice.
pub(super) fn reap_homeless() {
    lock(&LIST).retain(|orphan| match orphan.life.try_lock() {
        Ok(mut life) => life.home.is_some() || life.is_running(),
        // Another thread is settling or reaping it.
        Err(_) => true,
    });
}

/// Takes homeless orphans. It runs in the loop of a runtime.
fn take_homeless() {
    for orphan in all() {
        orphan.settle();
    }
}

/// Gives up homes at the end of a `block_on`: its runtime may never be in another.
fn give_up_home() {
    let Some(home) = here() else { return };
    let mut is_any_homeless = false;
    for orphan in all() {
        let mut life = lock(&orphan.life);
        if life.home == Some(home) {
            life.leave_home();
            is_any_homeless = true;
        }
    }
    if is_any_homeless {
        run_everywhere(take_homeless);
    }
}

impl Orphan {
    /// Finds a home here for an orphan that has none, if this thread is in a `block_on`. Returns false if it still has
    /// none.
    fn settle(self: &Arc<Self>) -> bool {
        let mut life = lock(&self.life);
        if life.home.is_some() {
            return true;
        }
        if !run_when_left(give_up_home) {
            return false;
        }
        life.home = here();
        self.poll(life)
    }

    /// Reaps it if it has ended, otherwise waits here. Returns false if that is impossible.
    fn poll(self: &Arc<Self>, mut life: MutexGuard<'_, Life>) -> bool {
        let waker = Waker::from(self.clone());
        let polled = life.watched.poll_wait(&mut Context::from_waker(&waker));
        let has_home = match polled {
            Poll::Pending => return true,
            Poll::Ready(Ok(_)) => false,
            // Either other code has reaped it, or the runtime cannot wait for it.
            Poll::Ready(Err(_)) => life.is_running(),
        };
        life.leave_home();
        if !has_home {
            lock(&LIST).retain(|orphan| !Arc::ptr_eq(orphan, self));
        }
        !has_home
    }
}

/// Woken by the runtime in which it waits.
impl Wake for Orphan {
    fn wake(self: Arc<Self>) {
        let life = lock(&self.life);
        // Otherwise it has moved, and this wake is late.
        if life.home.is_some() && life.home == here() {
            self.poll(life);
        }
    }
}

impl Life {
    fn leave_home(&mut self) {
        self.home = None;
        if self.watched.is_ours() {
            self.watched.leave_runtime();
        }
    }

    /// Returns whether it runs. If it does not, it is reaped by now, possibly by this call.
    fn is_running(&mut self) -> bool {
        matches!(self.watched.try_wait(), Ok(None))
    }
}

/// Returns the runtime that this thread is in.
fn here() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}

fn all() -> Vec<Arc<Orphan>> {
    lock(&LIST).clone()
}

/// Locks the mutex. Nothing under these locks panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
