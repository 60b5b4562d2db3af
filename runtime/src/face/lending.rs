//! A worker whose thread blocks within a poll is lent to another thread. See `services/lending`.

use super::entered::Afar;
use super::link::Link;
use crate::core::coop;
use crate::core::current::{Current, EnterGuard, HOME, current};
use crate::core::foreign;
use crate::core::lodger::Lodger;
use crate::core::task::{OwnScheduler, wake};
use crate::core::turn::Root;
use crate::core::worker::Worker;
use crate::plugged::Lodgers;
use crate::services::blocked_on::BlockedOn;
use crate::services::here::{leaves, lives_here};
use crate::services::lending::{StandsIn, is_own_thread, stands_in};
use crate::services::shared::Shared;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Waits until no other thread stands in for this one's worker, since what comes next is not `Send`.
pub(super) async fn until_it_is_here() {
    poll_fn(|cx| match HOME.get() {
        Some(tasks) => {
            tasks.local_task();
            Poll::Ready(())
        }
        None => {
            let waker = cx.waker().clone();
            let Some(worker) = current() else { unreachable!("a task is polled within a worker") };
            worker.lodgers.shared.lending.put_off(Box::new(move |_| waker.wake()));
            Poll::Pending
        }
    })
    .await;
}

/// Whether `worker`, in which this thread polls, can go on on another thread.
fn may_be_lent(worker: &Worker) -> bool {
    let id = worker.reference.id;
    let is_at_work = is_own_thread(id) || stands_in(id).is_some();
    is_at_work && !worker.tasks().cells().is_local.get() && !worker.lodgers.ring.has_operations()
}

/// Calls `f`, which blocks, within a poll of `worker`, and lends the worker meanwhile if that is possible.
pub(super) fn lent_while<R>(worker: Option<Rc<Worker>>, f: impl FnOnce() -> R) -> R {
    match worker.filter(|worker| may_be_lent(worker)) {
        Some(worker) => {
            let shared = worker.lodgers.shared.clone();
            let _suspended = Suspended::new(&worker);
            // If the system refuses the thread, the other tasks wait for `f`.
            let _ = shared.pool.clone().submit(Box::new(move || stand_in(&shared)));
            f()
        }
        None => f(),
    }
}

/// This thread is outside of the worker, whose poll or message it is in, until this is dropped.
struct Suspended {
    shared: Arc<Shared>,
    /// Dropped last: what is outside of it.
    entered: Option<EnterGuard<'static>>,
}

impl Suspended {
    fn new(worker: &Rc<Worker>) -> Suspended {
        coop::leave();
        coop::wake_exhausted();
        let entered = EnterGuard::new(Current::afar(Rc::new(Afar::outside(Link::of(worker)))));
        leaves(worker);
        worker.lodgers.ring.set_lent(true);
        let shared = worker.lodgers.shared.clone();
        // Last of all: another thread may have it before this returns.
        shared.lending.suspend(worker);
        Suspended { shared, entered: Some(entered) }
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        let shared = &self.shared;
        let worker = shared.lending.resume(|| ask(shared));
        lives_here(&worker);
        shared.come_to_this_thread();
        let root = stands_in(worker.reference.id);
        worker.lodgers.ring.set_lent(root.is_some());
        drop(self.entered.take());
        // The root future of this thread among others.
        worker.tasks().release_held();
        match root {
            // It looks whether anybody wants the worker.
            Some(root) => wake(root),
            None => {
                let put_off = shared.lending.take_put_off();
                put_off.into_iter().for_each(|f| drop(shared.runtime.scheduler.send(None, f)));
                if shared.lending.is_wanted() {
                    ask(shared);
                }
            }
        }
    }
}

/// Asks the thread that has the worker for it.
fn ask(shared: &Arc<Shared>) {
    let runtime = shared.runtime;
    let there = move |_: OwnScheduler| match stands_in(runtime.id) {
        Some(root) => wake(root),
        None => {
            let worker = current().filter(|worker| worker.reference.id == runtime.id);
            let wanted = worker.filter(|worker| worker.lodgers.shared.lending.is_wanted());
            wanted.iter().for_each(|worker| drop(Suspended::new(worker)));
        }
    };
    // Refused: it has ended, and then no poll has to go on.
    let _ = runtime.scheduler.send(Some(runtime.id), Box::new(there));
}

/// Runs the worker on a thread of the pool, until somebody wants it.
fn stand_in(shared: &Arc<Shared>) {
    let Some(worker) = shared.lending.stand_in() else { return };
    lives_here(&worker);
    shared.come_to_this_thread();
    foreign::run(|| run(&worker, shared));
    leaves(&worker);
    shared.lending.give(worker);
}

fn run(worker: &Rc<Worker>, shared: &Shared) {
    let root = Root::new(worker.tasks());
    let waker = root.0.waker();
    let _stands_in = StandsIn::new(worker.reference.id, waker.clone());
    let _inside = EnterGuard::new(Current::afar(Rc::new(Afar::inside(Link::of(worker), worker.clone()))));
    let _running = Lodgers::run(worker);
    let _blocked = BlockedOn::new();
    let mut is_over = false;
    let cx = Context::from_waker(&waker);
    while !shared.lending.is_wanted() {
        let end = worker.run(&root, || {
            if shared.lending.is_wanted() {
                return Poll::Ready(None);
            }
            match &shared.background {
                Some(background) if !is_over => background.poll_end(&cx).map(Some),
                _ => Poll::Pending,
            }
        });
        if let Some(grace) = end {
            // It drops all tasks but those that are within a poll, which may wait for that.
            is_over = true;
            worker.shut_down(grace);
        }
    }
}
