//! Children that nobody will wait for any more: their `Child` was dropped while they ran.
//!
//! Somebody must reap them, else each stays a zombie, a line in the process table, until this program ends:
//!
//! ```text
//! dropped ──► ended already: reaped
//!         ├─► in a runtime: a detached task waits for the end ──► reaped
//!         │                      │ the runtime ends before
//!         └─► elsewhere ─────────┴─► the list: asked at each start, wait and drop of a child
//! ```
//!
//! The task costs nothing while it waits, and does not keep the runtime from ending. The list is asked one by one, but
//! is empty in a program that starts its children inside a runtime.
//!
//! In tokio: `process/unix/orphan.rs`, which has only the list, and asks it at each SIGCHLD.

use super::watched::Watched;
use ayi_runtime::runtime::Handle;
use std::process::Child;
use std::sync::{Mutex, PoisonError};

static LIST: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Sees to it that the child is reaped when it ends.
pub(super) fn leave(mut watched: Watched) {
    // (An error means that there is nothing to be reaped: somebody else has done it.)
    if !matches!(watched.try_wait(), Ok(None)) {
        return;
    }
    watched.leave_runtime();
    let mut orphan = Orphan(Some(watched));
    // In a runtime that has ended, the future is dropped at once.
    if let Ok(handle) = Handle::try_current() {
        handle.spawn(async move { orphan.wait().await });
    }
}

/// Reaps those of the list that have ended.
pub(super) fn reap_listed() {
    let mut list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    list.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// Goes on the list when it is dropped before its end.
struct Orphan(Option<Watched>);

impl Orphan {
    async fn wait(&mut self) {
        if let Some(watched) = &mut self.0 {
            // After an error, `drop` looks once more.
            let _ = watched.wait().await;
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let Some(mut watched) = self.0.take() else { return };
        if matches!(watched.try_wait(), Ok(None)) {
            LIST.lock().unwrap_or_else(PoisonError::into_inner).push(watched.into_std());
        }
    }
}
