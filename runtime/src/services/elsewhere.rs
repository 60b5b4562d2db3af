//! The runtimes of the process, for threads that have to do with a descriptor of another thread's runtime.
//!
//! *Waiting for a source.* A task or a foreign executor on another thread has tried its operation, which would block. It
//! sends a message to the owner, who stores the waker and then has epoll report anew what is ready. So if the descriptor
//! has become ready since the attempt, the next turn wakes the waker: no edge is lost.
//!
//! *Becoming a source* is not possible by a message: when the owner reads it, the descriptor may be closed, and its number
//! another's. A descriptor that first waits on a thread without a loop becomes a guest: see `guests`. One that waits on a
//! thread with a loop goes there: see `moves`.
//!
//! The lock is std's even under loom, whose lock would have to be made anew for each model.

use super::guests::Waited;
use super::shared::Shared;
use super::sources::Moves;
use crate::core::current::find_worker;
use crate::core::foreign;
use crate::core::task::Scheduler;
use crate::core::wait::reactor::NO_FD;
use crate::core::wait::{Asker, Reactor, SourceKey, Waiter};
use crate::core::worker::{RuntimeRef, Worker};
use std::io;
use std::sync::{Arc, Mutex, Weak};

static RUNTIMES: Mutex<Vec<Runtime>> = Mutex::new(Vec::new());

struct Runtime {
    runtime: RuntimeRef,
    shared: Weak<Shared>,
}

/// As long as it exists, other threads find the runtime.
pub(crate) struct Listed {
    runtime: u64,
}

impl Listed {
    pub(crate) fn new(shared: &Arc<Shared>) -> Listed {
        let runtime = shared.runtime;
        list().push(Runtime { runtime, shared: Arc::downgrade(shared) });
        Listed { runtime: runtime.id }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let shared = shared_of(self.runtime);
        list().retain(|listed| listed.runtime.id != self.runtime);
        // The end has done so, unless it was cut short.
        shared.iter().for_each(|shared| shared.guests.close());
    }
}

/// What the runtime shares with its handles, if it exists.
pub(crate) fn shared_of(runtime: u64) -> Option<Arc<Shared>> {
    list().iter().find(|listed| listed.runtime.id == runtime)?.shared.upgrade()
}

/// What each runtime shares with its handles, in the order in which they were made.
#[cfg(feature = "live")]
pub(crate) fn all_shared() -> Vec<Arc<Shared>> {
    list().iter().filter_map(|listed| listed.shared.upgrade()).collect()
}

/// What the runtime that has `scheduler` now shares with its handles, if there is one.
pub(crate) fn shared_with(scheduler: &'static Scheduler) -> Option<Arc<Shared>> {
    let list = list();
    let mut fitting = list.iter().filter(|listed| std::ptr::eq(listed.runtime.scheduler, scheduler));
    fitting.find_map(|listed| listed.shared.upgrade())
}

/// Waits for a source of a runtime on another thread.
pub(crate) fn wait_by_message(shared: &Shared, key: SourceKey, asker: &Asker<'_>) -> Waited {
    let runtime = shared.runtime;
    let (interest, waker) = (asker.interest, asker.waker.clone());
    let wait = move |worker: &Worker| {
        let mut waiter = Waiter::POLL_STYLE;
        worker.wait_for(key, &mut Asker { interest, waiter: &mut waiter, waker: &waker });
        let asked = worker.reactor().ask(key);
        if asked.is_err() {
            // The descriptor is no longer in epoll. The next attempt tells why.
            foreign::wake(waker);
        }
    };
    if let Some(worker) = find_worker(runtime.id) {
        wait(&worker);
        return Waited::Waits;
    }
    match runtime.scheduler.send(Some(runtime.id), Box::new(move |_| runtime.send(wait))) {
        Ok(()) => Waited::Waits,
        Err(_) => Waited::Over,
    }
}

impl Reactor {
    /// Has epoll report anew what is ready of a source.
    pub(crate) fn ask(&mut self, key: SourceKey) -> io::Result<()> {
        let Some(source) = self.source(key) else { return Ok(()) };
        // Meanwhile no other thread takes it out, or closes it.
        let _moves = Moves::lock();
        match source.fd() {
            // Who has taken it out says so to those who wait.
            NO_FD => Ok(()),
            fd => self.epoll.modify(fd, key.0),
        }
    }
}

fn list() -> std::sync::MutexGuard<'static, Vec<Runtime>> {
    RUNTIMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
