//! Taking a descriptor out of the epoll of another thread's runtime.
//!
//! That has to happen before the descriptor is closed, so a message to the owner would come too late: by then its number
//! may be another's. The call itself may come from any thread, as long as the epoll instance exists, and this list says
//! so: a runtime is in it from its start to its end. (std's lock and list in any case: loom's would have to be made anew
//! for each model.)

use super::Reactor;
use crate::sys::EpollRef;
use std::os::fd::RawFd;
use std::sync::Mutex;

static EPOLLS: Mutex<Vec<(u64, EpollRef)>> = Mutex::new(Vec::new());

/// In the list while it lives.
pub(super) struct Listed {
    runtime: u64,
}

impl Reactor {
    /// From now on, other threads find this by its runtime's number.
    pub(crate) fn list(&mut self, runtime: u64) {
        list().push((runtime, self.epoll.reference()));
        self.listed = Some(Listed { runtime });
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        list().retain(|(runtime, _)| *runtime != self.runtime);
    }
}

/// Takes `fd`, which is still open, out of that runtime's epoll, if there is one.
pub(crate) fn delete_elsewhere(runtime: u64, fd: RawFd) {
    let list = list();
    if let Some((_, epoll)) = list.iter().find(|(id, _)| *id == runtime) {
        epoll.delete(fd);
    }
}

fn list() -> std::sync::MutexGuard<'static, Vec<(u64, EpollRef)>> {
    EPOLLS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
