//! Taking a descriptor out of the epoll of another thread's runtime.
//!
//! This has to happen before the descriptor is closed. A message to the owner would come too late: by then the
//! descriptor's number may be another's. Any thread may make the call as long as the epoll instance exists. This list
//! says so: a runtime is in it from its start to its end.
//!
//! The lock is std's even under loom, whose lock would have to be made anew for each model.

use crate::core::sys::EpollRef;
use std::os::fd::RawFd;
use std::sync::Mutex;

static EPOLLS: Mutex<Vec<(u64, EpollRef)>> = Mutex::new(Vec::new());

/// An entry in the list, which stays there as long as this lives.
pub(crate) struct Listed {
    runtime: u64,
}

impl Listed {
    /// Enters `epoll`: from now on, other threads find it by its runtime's id.
    pub(crate) fn new(runtime: u64, epoll: EpollRef) -> Listed {
        list().push((runtime, epoll));
        Listed { runtime }
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
