//! Who waits for what, from the runtime's own tables: without backtraces, and without a cost until somebody asks.
//!
//! ```text
//!   a waker is the address of a slot ──▶ whoever keeps the waker of a task is what the task waits for:
//!     a source, an entry of the wheel, the joiner of another task's slot, an operation of the ring
//!   channels and locks keep wakers where nobody finds them, so who waits there leaves a note (`record/waits`)
//! ```
//!
//! A waker that is no slot belongs to other code, for example to a set of futures. What such code waits for for its task
//! is not known here.
//!
//! In tokio: `runtime/dump.rs`, unstable, where each task is polled once more and its backtrace is taken.

use crate::core::current::current;
use crate::core::ready::Interest;
use crate::core::task::slot::own_slot;
use crate::core::task::{Id, Plain};
use crate::core::wait::Instant;
use crate::core::wait::reactor::NO_FD;
use crate::core::worker::{RuntimeRef, Worker};
use crate::face::handle::Handle;
use crate::services::afar::spawn_from_afar;
use crate::services::coop::consume_budget;
use crate::services::shared::Shared;
use crate::watch::record::{each_note, look_at_descriptor};
use crate::watch::running::{RunningTask, WaitsFor};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// All tasks of a runtime, and what each waits for. See [`Handle::dump`]. It exists with the feature `record`.
#[derive(Clone, Debug)]
pub struct Dump {
    tasks: Vec<RunningTask>,
}

impl Dump {
    #[cfg(feature = "live")]
    pub(super) fn of(tasks: Vec<RunningTask>) -> Dump {
        Dump { tasks }
    }

    /// Returns the tasks that are not finished, without the one that has asked.
    pub fn tasks(&self) -> &[RunningTask] {
        &self.tasks
    }

    /// Returns the circles of tasks of which each waits for the end of the next or for a lock that the next has, and for
    /// nothing else: they wait for ever, unless one of them is aborted. A task that waits for itself is a circle of one.
    pub fn deadlocks(&self) -> Vec<Vec<Id>> {
        let next: HashMap<Id, Id> = self.tasks.iter().filter_map(needs_only).collect();
        let mut known: Vec<Id> = Vec::new();
        let mut circles = Vec::new();
        for start in self.tasks.iter().map(RunningTask::id) {
            let (mut path, mut at) = (Vec::new(), start);
            while !known.contains(&at) {
                known.push(at);
                path.push(at);
                match next.get(&at) {
                    Some(joined) => at = *joined,
                    None => break,
                }
            }
            if let Some(first) = path.iter().position(|id| *id == at).filter(|_| next.contains_key(&at)) {
                circles.push(path.split_off(first));
            }
        }
        circles
    }
}

/// A task that waits for what another one does, and for nothing else.
fn needs_only(task: &RunningTask) -> Option<(Id, Id)> {
    match task.waits_for() {
        [WaitsFor::Task(other) | WaitsFor::Other { holder: Some(other), .. }] if !task.is_runnable() => {
            Some((task.id(), *other))
        }
        _ => None,
    }
}

impl fmt::Display for Dump {
    /// Writes a line for each task, and one for each deadlock. There is no line break after the last one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} task{}", self.tasks.len(), if self.tasks.len() == 1 { "" } else { "s" })?;
        self.tasks.iter().try_for_each(|task| write!(f, "\n  {task}"))?;
        for circle in self.deadlocks() {
            let ids: Vec<String> = circle.iter().chain(circle.first()).map(Id::to_string).collect();
            write!(f, "\ndeadlock: each waits for the next: tasks {}", ids.join(", "))?;
        }
        Ok(())
    }
}

impl Handle {
    /// Lists all tasks of the runtime, with what each waits for: a descriptor, a time, another task, a blocking call, an
    /// operation on a file. It exists with the feature `record`; the runtime need not be recorded.
    ///
    /// It is for the question why a program stands still. Channels and locks of `ayi::sync` leave a note when somebody
    /// waits for them, which takes some 40 ns; nothing else costs anything until somebody asks, and then a
    /// task costs about a microsecond. Futures that bring wakers of their own, such as sets of futures, and channels and
    /// locks of other crates are not known to the runtime: a task that waits for such a thing alone waits for "other code".
    ///
    /// The runtime answers between two polls: while a task keeps its thread, nothing comes. What happens then,
    /// [`snapshot`](Handle::snapshot) tells. A runtime of the kind `current_thread` that nobody is in, by `block_on`, answers
    /// in the next one. If the runtime has ended, or ends meanwhile, there are no tasks.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::{runtime::Handle, task, time::{Duration, sleep}};
    /// task::Builder::new().name("later").spawn(sleep(Duration::from_secs(60)))?;
    /// task::yield_now().await;
    /// let dump = Handle::current().dump().await;
    /// println!("{dump}"); // 1 task: task 2 "later", spawned at …, waits for a time, in 60s
    /// assert_eq!(dump.tasks()[0].name(), Some("later"));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn dump(&self) -> Dump {
        consume_budget().await;
        let (mut tasks, mut waits) = (Vec::new(), Vec::new());
        for worker in self.link.shared.workers() {
            let (mut some, mut more) = look_at_worker(worker).await;
            tasks.append(&mut some);
            waits.append(&mut more);
        }
        // A task that visits another worker waits there.
        attach(&mut tasks, waits);
        Dump { tasks }
    }
}

type Waits = Vec<(Id, WaitsFor)>;
/// What a worker says of itself: its tasks, and what is known there of the waits of any.
pub(super) type Answer = (Vec<RunningTask>, Waits);

/// Looks into the tables of a worker, on its own thread.
pub(super) fn look_into(worker: &Worker) -> Answer {
    (worker.tasks().running(), waits_in(worker))
}

async fn look_at_worker(worker: &Arc<Shared>) -> Answer {
    let look = || current().map(|worker| look_into(&worker)).unwrap_or_default();
    let RuntimeRef { scheduler, id } = worker.runtime;
    if scheduler.own().is_some() {
        return look();
    }
    let there = move || async move {
        let asks = Id::current();
        let (mut tasks, waits) = look();
        tasks.retain(|task: &RunningTask| task.id() != asks);
        (tasks, waits)
    };
    let answer = spawn_from_afar(scheduler, id, there, Plain);
    worker.go_on_in_background();
    answer.await.unwrap_or_default()
}

/// Adds what is known of the waits of tasks to them.
pub(crate) fn attach(tasks: &mut [RunningTask], waits: Waits) {
    let mut of_task: HashMap<Id, Vec<WaitsFor>> = HashMap::new();
    let mut add = |id, wait| of_task.entry(id).or_default().push(wait);
    waits.into_iter().for_each(|(id, wait)| add(id, wait));
    each_note(|id, what, address, holder| add(id, WaitsFor::Other { what, address, holder }));
    for task in tasks {
        task.set_waits(of_task.remove(&task.id()).unwrap_or_default());
    }
}

/// What the tasks of a worker wait for, on its own thread. No foreign code runs: wakers are only looked at.
pub(crate) fn waits_in(worker: &Worker) -> Waits {
    let mut waits = Waits::new();
    let mut add = |waker: &Waker, wait: WaitsFor| {
        if let Some(slot) = own_slot(waker) {
            waits.push((slot.id(), wait));
        }
    };
    for slot in worker.tasks().slots().filter(|slot| slot.id() != Id::NONE && !slot.is_finished(slot.id())) {
        let joiner = slot.cells().joiner.take();
        joiner.iter().for_each(|joiner| add(joiner, WaitsFor::Task(slot.id())));
        slot.cells().joiner.set(joiner);
    }
    let reactor = worker.reactor();
    for source in reactor.pages.iter().copied().flatten().filter(|source| source.fd() != NO_FD) {
        source.waiters.each(|interest, waker| {
            let (_, peer) = look_at_descriptor(source.fd());
            let [to_read, to_write] = [Interest::READABLE, Interest::WRITABLE].map(|it| interest == it);
            add(waker, WaitsFor::Descriptor { fd: source.fd(), peer, to_read, to_write });
        });
    }
    drop(reactor);
    let now = worker.nanos(Instant::now());
    for timer in &worker.timers().entries {
        let left = Duration::from_nanos(timer.deadline.saturating_sub(now));
        timer.waker.iter().for_each(|waker| add(waker, WaitsFor::Time(left)));
    }
    #[cfg(feature = "uring")]
    worker.lodgers.ring.each_waker(|waker| add(waker, WaitsFor::FileOperation));
    waits
}
