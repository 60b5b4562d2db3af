//! Tasks that go from one runtime to another, while others wake, abort, await and drop them, and while either runtime
//! ends.

use super::elsewhere::Notice;
use super::output::{Drops, Output};
use super::runtime;
use crate::core::counters::Count;
use crate::core::current::home;
use crate::core::sync::explore;
use crate::core::task::OwnSlot;
use crate::core::worker::RuntimeRef;
use crate::runtime::{self, Builder, Handle, Runtime};
use crate::services::departures::{depart, send_off};
use crate::services::sharing::{Group, Seat};
use crate::task::{Id, JoinError, JoinHandle, yield_now};
use loom::cell::Cell;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread::{self, JoinHandle as Thread};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Sends the task `id` on from the runtime that this thread is in, as `sharing` does. The task is not being polled. False:
/// it is not here, or stays.
pub(super) fn send(id: Id, to: &Handle) -> bool {
    let tasks = home().expect("called in a runtime").tasks();
    let to: RuntimeRef = to.link.reference;
    let leave = |slot: OwnSlot| if slot.id() == id { depart(slot, to, 0) } else { None };
    let mut departed = tasks.take_waiting(u64::MAX, leave);
    if departed.is_empty() {
        // It waits for a wake, or is the first of the queue, where its place stays.
        departed.extend(tasks.slots().filter(|slot| slot.id() == id).find_map(|slot| depart(slot, to, 0)));
    }
    let has_left = !departed.is_empty();
    if has_left {
        send_off(tasks, departed, to);
    }
    has_left
}

pub(super) async fn turns(n: usize) {
    for _ in 0..n {
        yield_now().await;
    }
}

/// What a model and its task know.
#[derive(Default)]
pub(super) struct Word {
    is_said: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// Given when the task is polled first, and in its second and third runtime.
    pub(super) is_there: [Notice; 3],
    /// Given when the task's future is dropped.
    pub(super) is_gone: Notice,
}

impl Word {
    /// Says it, and wakes who waits for it. What is said is Relaxed: only the wake makes a poll see it, or the lock.
    pub(super) fn say(&self) {
        self.is_said.store(true, Relaxed);
        let waker = self.waker.lock().unwrap().clone();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A task's future: waits for a word. It leaves only the waker of its first poll, or each.
struct Traveller {
    word: Arc<Word>,
    keeps_first: bool,
    polls: Cell<u32>,
    stations: Vec<runtime::Id>,
    output: Option<Output>,
    /// Counts the drops of the future.
    _own: Output,
}

impl Future for Traveller {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let polls = self.polls.get();
        self.polls.set(polls + 1);
        if polls == 0 || !self.keeps_first {
            let before = self.word.waker.lock().unwrap().replace(cx.waker().clone());
            drop(before);
        }
        let here = Handle::current().id();
        if self.stations.last() != Some(&here) {
            self.stations.push(here);
            self.word.is_there[self.stations.len() - 1].give();
        }
        match self.word.is_said.load(Relaxed) {
            true => Poll::Ready(self.output.take().unwrap().written()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Traveller {
    fn drop(&mut self) {
        self.word.is_gone.give();
    }
}

/// Counts the drops of a traveller, and of its output.
pub(super) struct Luggage(Drops, Drops);

impl Drop for Luggage {
    /// At the end of a model.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!((self.0.count(), self.1.count()), (1, 1), "the future and its output, each once");
        }
    }
}

/// A task of `rt` that only leaves the waker of its first poll, or, if not `keeps_first`, that of each.
pub(super) fn spawn(rt: &Runtime, keeps_first: bool) -> (JoinHandle<Output>, Arc<Word>, Luggage) {
    let (word, (output, drops), (own, own_drops)) = (Arc::<Word>::default(), Output::new(), Output::new());
    let (polls, stations, output) = (Cell::new(0), Vec::new(), Some(output));
    let future = Traveller { word: word.clone(), keeps_first, polls, stations, output, _own: own };
    (rt.handle().spawn(future), word, Luggage(own_drops, drops))
}

/// A runtime on a thread of its own.
pub(super) struct Other {
    pub(super) handle: Handle,
    thread: Thread<()>,
    pub(super) done: Arc<Notice>,
}

impl Other {
    /// It is there until `body` has ended.
    pub(super) fn until<F: Future>(body: impl FnOnce() -> F + Send + 'static) -> Other {
        Other::new(body, Arc::default())
    }

    /// It is there until it is told to `end`, and runs `body` first.
    pub(super) fn until_told<F: Future>(body: impl FnOnce() -> F + Send + 'static) -> Other {
        let done = Arc::new(Notice::default());
        let theirs = done.clone();
        let body = || async move {
            body().await;
            poll_fn(|cx| theirs.poll(cx)).await
        };
        Other::new(body, done)
    }

    /// It is there until it is told, and then runs `body`.
    pub(super) fn when_told<F: Future>(body: impl FnOnce() -> F + Send + 'static) -> Other {
        let done = Arc::new(Notice::default());
        let theirs = done.clone();
        let body = || async move {
            poll_fn(|cx| theirs.poll(cx)).await;
            body().await;
        };
        Other::new(body, done)
    }

    /// Sends the task `id` on `to` another one, when it is in its `station`.
    pub(super) fn that_sends_on(id: Id, word: Arc<Word>, station: usize, to: &Handle) -> Other {
        let (done, to) = (Arc::new(Notice::default()), to.clone());
        let theirs = done.clone();
        let body = move || async move {
            let is_there = poll_fn(|cx| match word.is_there[station].poll(cx) {
                Poll::Pending => theirs.poll(cx).map(|()| false),
                Poll::Ready(()) => Poll::Ready(true),
            });
            if is_there.await {
                send(id, &to);
            }
            poll_fn(|cx| theirs.poll(cx)).await
        };
        Other::new(body, done)
    }

    fn new<F: Future>(body: impl FnOnce() -> F + Send + 'static, done: Arc<Notice>) -> Other {
        let (told, news) = loom::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let rt = runtime();
            told.send(rt.handle().clone()).unwrap();
            rt.block_on(body());
            end(rt);
        });
        Other { handle: news.recv().unwrap(), thread, done }
    }

    pub(super) fn end(self) {
        self.done.give();
        self.thread.join().unwrap();
    }
}

/// Ends a runtime none of whose own tasks is left.
pub(super) fn end(rt: Runtime) {
    assert_eq!(rt.metrics().num_alive_tasks(), 0);
    end_early(rt);
}

/// Ends a runtime, and nothing is left there of any task.
pub(super) fn end_early(rt: Runtime) {
    let counters = &rt.handle().link.reference.scheduler.counters;
    drop(rt);
    assert_eq!(counters.get(Count::Spawned), counters.get(Count::Finished));
    assert_eq!(counters.get(Count::Visiting), 0);
}

/// Waits until the runtime has no tasks.
async fn no_tasks() {
    let worker = home().expect("called in a runtime");
    let watch = |cx: &mut Context<'_>| {
        worker.tasks().cells().onlookers.watch(cx.waker().clone());
        if worker.tasks().tasks_left() == 0 { Poll::Ready(()) } else { Poll::Pending }
    };
    poll_fn(watch).await;
}

/// The task has ended by itself, or else was cancelled.
pub(super) fn has_output(output: Result<Output, JoinError>) -> bool {
    match output {
        Ok(output) => output.read(),
        Err(error) => {
            assert!(error.is_cancelled());
            return false;
        }
    }
    true
}

pub(super) async fn nothing() {}

#[test]
fn a_task_goes_and_its_output_comes_home() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        rt.block_on(async {
            assert!(send(id, &other.handle));
            word.say();
            task.await.unwrap().read();
        });
        end(rt);
        other.end();
    });
}

#[test]
fn a_waker_of_before_wakes_a_task_that_leaves() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        rt.block_on(async {
            yield_now().await;
            let speaks = thread::spawn(move || word.say());
            send(id, &other.handle);
            task.await.unwrap().read();
            speaks.join().unwrap();
        });
        end(rt);
        other.end();
    });
}

/// With the waker from where it was first, or from where it is.
fn a_task_goes_and_comes_back(keeps_first: bool, is_polled_before: bool) {
    explore(2, move || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, keeps_first);
        let id = task.id();
        let other = Other::that_sends_on(id, word.clone(), usize::from(is_polled_before), rt.handle());
        let speaks = rt.block_on(async {
            if is_polled_before {
                yield_now().await;
            }
            assert!(send(id, &other.handle));
            let speaks = thread::spawn(move || word.say());
            task.await.unwrap().read();
            speaks
        });
        speaks.join().unwrap();
        end(rt);
        other.end();
    });
}

#[test]
fn a_waker_of_home_wakes_a_task_that_comes_back() {
    a_task_goes_and_comes_back(true, true);
}

#[test]
fn a_waker_from_elsewhere_wakes_a_task_that_has_gone_home() {
    a_task_goes_and_comes_back(true, false);
}

#[test]
fn each_waker_wakes_a_task_that_goes_and_comes_back() {
    a_task_goes_and_comes_back(false, true);
}

/// The place has the mark of an abort that was for its runtime's own tasks.
#[test]
fn a_waker_from_where_all_tasks_were_aborted_wakes_a_task_that_has_left() {
    explore(2, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let (id, at_home, there) = (task.id(), rt.handle().clone(), word.clone());
        let other = Other::until_told(move || async move {
            poll_fn(|cx| there.is_there[0].poll(cx)).await;
            send(id, &at_home);
            home().expect("called in a runtime").tasks().abort_all(Id::NONE);
            turns(2).await;
            there.say();
        });
        rt.block_on(async {
            assert!(send(id, &other.handle));
            task.await.unwrap().read();
        });
        end(rt);
        other.end();
    });
}

/// The waker is that of home or of the second runtime, and the task is on its way to the third or is there.
fn a_task_goes_to_a_third_runtime(is_polled_before: bool) {
    explore(2, move || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let third = Other::until_told(nothing);
        let second = Other::that_sends_on(id, word.clone(), usize::from(is_polled_before), &third.handle);
        let speaks = rt.block_on(async {
            if is_polled_before {
                yield_now().await;
            }
            assert!(send(id, &second.handle));
            let speaks = thread::spawn(move || word.say());
            task.await.unwrap().read();
            speaks
        });
        speaks.join().unwrap();
        end(rt);
        second.end();
        third.end();
    });
}

#[test]
fn a_waker_of_home_wakes_a_task_in_a_third_runtime() {
    a_task_goes_to_a_third_runtime(true);
}

#[test]
fn a_waker_of_the_second_runtime_wakes_a_task_in_a_third() {
    a_task_goes_to_a_third_runtime(false);
}

#[test]
fn an_abort_from_elsewhere_reaches_a_task_that_leaves() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, _word, _luggage) = spawn(&rt, true);
        let (id, stop) = (task.id(), task.abort_handle());
        rt.block_on(async {
            let stops = thread::spawn(move || stop.abort());
            send(id, &other.handle);
            assert!(!has_output(task.await));
            stops.join().unwrap();
        });
        end(rt);
        other.end();
    });
}

#[test]
fn an_abort_at_home_reaches_a_task_that_goes_on() {
    explore(3, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let third = Other::until_told(nothing);
        let second = Other::that_sends_on(id, word, 0, &third.handle);
        rt.block_on(async {
            send(id, &second.handle);
            task.abort();
            assert!(!has_output(task.await));
        });
        end(rt);
        second.end();
        third.end();
    });
}

#[test]
fn an_abort_reaches_a_task_that_goes_home() {
    explore(2, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let (id, stop) = (task.id(), task.abort_handle());
        let other = Other::that_sends_on(id, word, 0, rt.handle());
        rt.block_on(async {
            send(id, &other.handle);
            let stops = thread::spawn(move || stop.abort());
            assert!(!has_output(task.await));
            stops.join().unwrap();
        });
        end(rt);
        other.end();
    });
}

#[test]
fn a_task_that_is_aborted_elsewhere_has_an_output_or_is_cancelled() {
    explore(2, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let (id, stop) = (task.id(), task.abort_handle());
        rt.block_on(async {
            yield_now().await;
            send(id, &other.handle);
            let speaks = thread::spawn(move || word.say());
            stop.abort();
            has_output(task.await);
            speaks.join().unwrap();
        });
        end(rt);
        other.end();
    });
}

#[test]
fn a_task_that_is_elsewhere_is_awaited_on_a_third_thread() {
    explore(2, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let (id, handle) = (task.id(), rt.handle().clone());
        let awaits = thread::spawn(move || handle.block_on(task).unwrap().read());
        rt.block_on(async {
            yield_now().await;
            assert!(send(id, &other.handle));
            word.say();
            no_tasks().await;
        });
        end(rt);
        awaits.join().unwrap();
        other.end();
    });
}

#[test]
fn the_handle_of_a_task_that_is_elsewhere_is_dropped_on_a_third_thread() {
    explore(2, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let drops = thread::spawn(move || drop(task));
        rt.block_on(async {
            send(id, &other.handle);
            word.say();
            no_tasks().await;
        });
        drops.join().unwrap();
        end(rt);
        other.end();
    });
}

/// Both give each other what waits, all the time.
#[test]
fn runtimes_that_share_their_tasks() {
    fn seated(group: &Arc<Group>, index: usize) -> Runtime {
        let seat = Seat { group: group.clone(), index };
        Builder::new_current_thread().event_interval(1).seat(seat).build().unwrap()
    }
    explore(3, || {
        let (group, done) = (Group::new(2, true), Arc::new(Notice::default()));
        let rt = seated(&group, 0);
        let theirs = done.clone();
        let other = thread::spawn(move || {
            let rt = seated(&group, 1);
            rt.block_on(poll_fn(|cx| theirs.poll(cx)));
            end(rt);
        });
        let (task, word, _luggage) = spawn(&rt, true);
        let speaks = thread::spawn(move || word.say());
        rt.block_on(task).unwrap().read();
        speaks.join().unwrap();
        end(rt);
        done.give();
        other.join().unwrap();
    });
}
