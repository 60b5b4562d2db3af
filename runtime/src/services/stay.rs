//! How long a runtime is on a thread: from when a thread goes into it until the last [`Stay`] there is dropped.
//!
//! `block_on` and the guard of `enter` have one each. A stay that is forgotten keeps the runtime on its thread.

use super::here::{leaves, lives_here};
use super::home::{Home, Who};
use super::shared::Shared;
use crate::core::current::find_worker;
use crate::core::sync::thread_local;
use crate::core::task::OwnScheduler;
use crate::core::worker::{RuntimeRef, Worker};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Weak};

thread_local! {
    /// The idle runtimes that this thread was in last, unless another thread has taken them since.
    static LEFT: RefCell<Vec<(RuntimeRef, Weak<Shared>)>> = const { RefCell::new(Vec::new()) };
}

/// How many stays there are on a runtime's thread.
#[derive(Default)]
pub(crate) struct Stays(Cell<usize>);

impl OwnScheduler {
    /// A task is spawned whose future need not be `Send`.
    #[inline]
    pub(crate) fn local_task(self) {
        self.cells().is_local.set(true);
    }
}

/// As long as it exists, the runtime is on this thread.
pub(crate) struct Stay(Option<Rc<Worker>>);

impl Stay {
    fn new(worker: Rc<Worker>) -> Stay {
        let stays = &worker.lodgers.stays;
        stays.0.set(stays.0.get() + 1);
        Stay(Some(worker))
    }

    /// Goes into `runtime`, or stays there. `None` if it is on another thread, or has ended.
    pub(crate) fn begin(runtime: RuntimeRef, home: &Home, who: Who) -> Option<Stay> {
        let Some((worker, is_new_here)) = home.take(who) else {
            return find_worker(runtime.id).map(Stay::new);
        };
        lives_here(&worker);
        if is_new_here {
            worker.lodgers.ring.renew();
            worker.lodgers.shared.come_to_this_thread();
        }
        Some(Stay::new(worker))
    }

    /// Goes into `worker`, which is on this thread, idle or not.
    pub(crate) fn within(worker: &Rc<Worker>) -> Stay {
        let runtime = worker.reference;
        let stay = Stay::begin(runtime, &worker.lodgers.shared.home, Who::LastThread);
        stay.expect("a runtime that is on this thread is found here")
    }

    /// Goes into the idle runtime that this thread has left last.
    pub(crate) fn in_the_latest() -> Option<Stay> {
        let all = LEFT.try_with(|all| all.borrow().clone()).ok()?;
        all.iter()
            .rev()
            .find_map(|(runtime, shared)| Stay::begin(*runtime, &shared.upgrade()?.home, Who::LastThread))
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        self.0.as_ref().expect("only the drop takes it")
    }
}

/// The runtime has just been made: nobody is in it yet.
pub(crate) fn begin_idle(worker: Rc<Worker>) {
    // It has no work yet, at most a message that concerns all runtimes. So no thread is started.
    leave(worker);
}

impl Drop for Stay {
    fn drop(&mut self) {
        let Some(worker) = self.0.take() else { return };
        let stays = &worker.lodgers.stays;
        stays.0.set(stays.0.get() - 1);
        // One that has ended is dropped by whoever is the last in it.
        if stays.0.get() == 0 && !worker.is_over.get() {
            leave(worker).go_on_in_background();
        }
    }
}

/// Nobody on this thread is in the runtime any more.
fn leave(worker: Rc<Worker>) -> Arc<Shared> {
    let (runtime, shared, tasks) = (worker.reference, worker.lodgers.shared.clone(), worker.tasks());
    leaves(&worker);
    if tasks.tasks_left() == 0 {
        tasks.cells().is_local.set(false);
    }
    let is_shared = Rc::strong_count(&worker) > 1 || Rc::weak_count(&worker) > 0;
    let is_tied = is_shared || tasks.cells().is_local.get() || worker.lodgers.ring.has_operations();
    if is_tied {
        // The handles of this thread find it.
        lives_here(&worker);
    }
    // This fails only while the thread ends. Then nobody looks for the runtime.
    let _ = LEFT.try_with(|all| {
        let mut all = all.borrow_mut();
        all.retain(|(other, shared)| other.id != runtime.id && shared.strong_count() > 0);
        all.push((runtime, Arc::downgrade(&shared)));
    });
    shared.home.put(worker, is_tied);
    shared
}
