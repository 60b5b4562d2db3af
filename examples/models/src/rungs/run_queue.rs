//! Rung 14c: tasks, a run queue, and a waker that puts its task into the queue.
//!
//! ```text
//!   socket 7 is readable ──▶ rung 11's handler ──▶ the waker that was left there ──▶ queue: 3
//!                                                    Arc { task: 3, queue }            │
//!   tasks { 1: future, 2: future, 3: future }                                          ▼
//!              ▲                                                        take 3, poll its future with
//!              └──────────────── Pending: it stays ◀─────────────────── a Context that has its waker
//!
//!   phase 1, until there is data    the reactor, in epoll_wait, for everybody
//!   phase 2, the copy               the task, in recv, inside its poll
//! ```
//!
//! In rungs 14a and 14b a handler knew its future, and an event of its socket polled it. Now an event only calls a
//! *waker*, and that says which *task* is to be polled: a future that nobody awaits, with a number. A task may wait for
//! two sockets, for a timer or for another task, and the reactor need not know. Reactor and *executor* have become
//! two parts, which know nothing of each other but `Waker`.
//!
//! The standard library makes a `Waker` of any `Arc<impl Wake>`: a pointer and a table of four functions, `clone`,
//! `wake`, `wake_by_ref`, `drop`. It may go to any thread, so the queue is behind a lock, though here only one thread
//! uses it. A task that is woken twice before its turn is in the queue once: `is_queued`.
//!
//! Fixes: a task is not tied to one descriptor.
//! Costs: an `Arc` for each task, a lock for each wake, and a look into a table for each poll.
//!
//! In tokio: the queue is `VecDeque` in `runtime/scheduler/current_thread/mod.rs`, the waker in `runtime/task/waker.rs`;
//! there, the task itself is what the `Arc` is here, with its reference count and its state in one word.

use super::async_fn::{attempt, full_budget};
use super::hand_written_future::accept_all;
use super::reactor::{Next, Reactor};
use super::{Family, Rung, USUAL};
use crate::epoll::Epoll;
use crate::listener::Listener;
use crate::protocol::{MESSAGE, answer};
use crate::stop::Stop;
use crate::sys;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pub const RUNG: Rung = Rung {
    number: "14c",
    name: "run_queue",
    family: Family::Futures,
    summary: "an event calls a waker, and the waker puts its task into a queue: an executor beside the reactor",
    serve,
    ..USUAL
};

/// What a waker points to.
struct Ticket {
    task: u64,
    is_queued: AtomicBool,
    queue: Arc<Mutex<VecDeque<u64>>>,
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: pairs with itself in `run`. What was done before a wake that finds `true` is seen by the poll to come.
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.task);
        }
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    ticket: Arc<Ticket>,
}

/// The tasks of this thread.
#[derive(Default)]
pub struct Executor {
    queue: Arc<Mutex<VecDeque<u64>>>,
    /// A task is taken out while it is polled: it may spawn others.
    tasks: RefCell<HashMap<u64, Task>>,
    next: Cell<u64>,
}

impl Executor {
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let number = self.next.replace(self.next.get() + 1);
        let ticket =
            Arc::new(Ticket { task: number, is_queued: AtomicBool::new(false), queue: self.queue.clone() });
        ticket.wake_by_ref();
        self.tasks.borrow_mut().insert(number, Task { future: Box::pin(future), ticket });
    }

    /// Polls each task that is in the queue now. Returns whether others are there when it is done. They were woken
    /// meanwhile, and their turn comes after the reactor's: one that wakes itself for ever must not keep that waiting.
    pub fn run(&self) -> bool {
        let mut turn = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        for number in turn.drain(..) {
            let task = self.tasks.borrow_mut().remove(&number);
            // It may be over since.
            let Some(mut task) = task else { continue };
            // Before the poll: a wake during it is for the next one.
            task.ticket.is_queued.swap(false, Ordering::AcqRel);
            full_budget();
            let waker = Waker::from(task.ticket.clone());
            match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(()) => drop(task),
                Poll::Pending => drop(self.tasks.borrow_mut().insert(number, task)),
            }
        }
        !self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// A socket, and the waker of the task that waits for it.
struct Source {
    socket: Rc<OwnedFd>,
    waker: Rc<Cell<Option<Waker>>>,
    token: u64,
    /// Where its end is announced, for the reactor.
    ended: Rc<RefCell<Vec<u64>>>,
}

impl Source {
    /// Registers it. Its handler calls the waker, and that is all a handler does from now on.
    fn new(reactor: &Reactor<'_>, ended: &Rc<RefCell<Vec<u64>>>, socket: OwnedFd) -> io::Result<Source> {
        let (socket, waker) = (Rc::new(socket), Rc::new(Cell::<Option<Waker>>::default()));
        let left_there = waker.clone();
        let token = reactor.register(socket.clone(), move |_, _| {
            left_there.take().inspect(Waker::wake_by_ref);
            Next::Wait
        })?;
        Ok(Source { socket, waker, token, ended: ended.clone() })
    }

    /// Makes a call, or leaves the waker behind and says `Pending`.
    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        call: impl FnOnce(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let result = attempt(cx, || call(&self.socket));
        if result.is_pending() {
            self.waker.set(Some(cx.waker().clone()));
        }
        result
    }

    async fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll(cx, |socket| sys::recv(socket, room))).await
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll(cx, |socket| sys::send(socket, bytes))).await
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.ended.borrow_mut().push(self.token);
    }
}

async fn converse(client: Source) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    loop {
        let mut received = 0;
        while received < MESSAGE {
            match client.recv(&mut message[received..]).await? {
                0 => return Ok(()),
                bytes => received += bytes,
            }
        }
        answer(&mut message);
        let mut sent = 0;
        while sent < MESSAGE {
            sent += client.send(&message[sent..]).await?;
        }
    }
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let executor = Rc::new(Executor::default());
    let ended = Rc::new(RefCell::default());
    let reactor = Reactor::new(Epoll::new()?);
    let (tasks, of_clients) = (executor.clone(), ended.clone());
    accept_all(&reactor, listener, move |reactor, conversation| {
        let client = Source::new(reactor, &of_clients, conversation.into_socket())?;
        tasks.spawn(async move {
            // An error is the end of this client alone.
            let _ = converse(client).await;
        });
        Ok(())
    })?;
    reactor.run_with(stop, |reactor| {
        let is_more = executor.run();
        ended.take().into_iter().for_each(|token| reactor.end(token));
        is_more
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A waker of a task, as a future gets it.
    fn own_waker() -> impl Future<Output = Waker> {
        poll_fn(|cx| Poll::Ready(cx.waker().clone()))
    }

    #[test]
    fn a_task_that_is_woken_twice_before_its_turn_has_one_turn() {
        let executor = Executor::default();
        let (polls, kept) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
        let (counted, keep) = (polls.clone(), kept.clone());
        executor.spawn(async move {
            *keep.borrow_mut() = Some(own_waker().await);
            poll_fn(|_| {
                counted.set(counted.get() + 1);
                Poll::<()>::Pending
            })
            .await
        });
        executor.run();
        let waker = kept.take().unwrap();
        waker.wake_by_ref();
        waker.wake();
        executor.run();
        assert_eq!(polls.get(), 2);
        executor.run();
        assert_eq!(polls.get(), 2, "nobody has woken it");
    }

    #[test]
    fn a_waker_that_is_kept_after_the_end_of_its_task_wakes_nobody() {
        let executor = Executor::default();
        let kept = Rc::new(RefCell::new(None));
        let keep = kept.clone();
        executor.spawn(async move { *keep.borrow_mut() = Some(own_waker().await) });
        assert!(!executor.run());
        kept.take().unwrap().wake();
        assert!(!executor.run());
        assert!(executor.tasks.borrow().is_empty());
    }

    #[test]
    fn one_that_wakes_itself_lets_the_others_run() {
        let executor = Executor::default();
        let told = Rc::new(RefCell::new(Vec::new()));
        for name in ["a", "b"] {
            let told = told.clone();
            executor.spawn(async move {
                for _ in 0..2 {
                    told.borrow_mut().push(name);
                    let mut has_yielded = false;
                    poll_fn(|cx| {
                        if std::mem::replace(&mut has_yielded, true) {
                            return Poll::Ready(());
                        }
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    })
                    .await;
                }
            });
        }
        while executor.run() {}
        assert_eq!(*told.borrow(), ["a", "b", "a", "b"]);
    }
}
