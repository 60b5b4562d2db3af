//! Rung 14d: reactor and executor in one: the smallest runtime.
//!
//! ```text
//!   ┌──▶ run: poll each task in the queue ──▶ wait: epoll_wait, for whoever has left a waker ──▶ wake them ──┐
//!   └─────────────────────────────────────────────────────────────────────────────────────────────────────┘
//!   spawn(future)      a task, and into the queue
//!   socket.recv(room)  recv; if it says EAGAIN, the waker is left at the socket, and the task is Pending
//!
//!   phase 1, until there is data    the reactor, in epoll_wait, for everybody
//!   phase 2, the copy               the task, in recv, inside its poll
//! ```
//!
//! Nothing of the rungs before is used but epoll and the names of system calls, so this is all there is to it: some 130
//! lines for tasks, wakers, a reactor and sockets, and a server whose code reads like rung 1. It does what a runtime has
//! to do, and is right. It has no timers, and a wake from another thread waits until the next event: rung 14e.
//!
//! Fixes: rung 11's pattern is gone from the server. It is a loop again, with local variables.
//! Costs: a `Box` and an `Arc` for each task, two tables, a lock, and a copy of a waker for each wait.
//!
//! In tokio: `#[tokio::main(flavor = "current_thread")]` without timers, threads, and everything that makes it fast.

use super::timers_and_threads::Bell;
use super::{Family, Rung, USUAL};
use crate::epoll::{EDGE, Epoll, Events, READABLE, WRITABLE};
use crate::listener::Listener;
use crate::protocol::{MESSAGE, answer};
use crate::stop::Stop;
use crate::sys;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub const RUNG: Rung = Rung {
    number: "14d",
    name: "smallest_runtime",
    family: Family::Futures,
    summary: "reactor and executor in one: tasks, wakers and sockets in some 130 lines",
    serve,
    ..USUAL
};

/// How many system calls a task makes before it lets the others run.
const BUDGET: usize = 64;

/// The tasks that are to be polled, by their numbers. Any thread may add one.
#[derive(Default)]
pub struct Queue(Mutex<VecDeque<u64>>);

impl Queue {
    fn tasks(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_empty(&self) -> bool {
        self.tasks().is_empty()
    }
}

/// A waker points to this: the number of a task, the queue to put it into, and whom to tell: see rung 14e.
struct Ticket(u64, Arc<Queue>, Option<Arc<Bell>>);

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.1.tasks().push_back(self.0);
        self.2.iter().for_each(|bell| bell.ring());
    }
}

type Task<'a> = (Pin<Box<dyn Future<Output = ()> + 'a>>, Waker);
type Slot = Rc<Cell<Option<Waker>>>;

pub struct Runtime<'a> {
    epoll: Epoll,
    pub queue: Arc<Queue>,
    bell: Option<Arc<Bell>>,
    tasks: RefCell<HashMap<u64, Task<'a>>>,
    /// Where the wakers of those that wait for a descriptor are left, by its token.
    slots: RefCell<HashMap<u64, Slot>>,
    next: Cell<u64>,
    budget: Cell<usize>,
}

impl<'a> Runtime<'a> {
    pub fn new(bell: Option<Arc<Bell>>) -> io::Result<Rc<Runtime<'a>>> {
        let (queue, tasks, slots) = (Arc::default(), RefCell::default(), RefCell::default());
        let (next, budget) = (Cell::new(0), Cell::new(BUDGET));
        Ok(Rc::new(Runtime { epoll: Epoll::new()?, queue, bell, tasks, slots, next, budget }))
    }

    fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    pub fn spawn(&self, future: impl Future<Output = ()> + 'a) {
        let number = self.number();
        let waker = Waker::from(Arc::new(Ticket(number, self.queue.clone(), self.bell.clone())));
        waker.wake_by_ref();
        self.tasks.borrow_mut().insert(number, (Box::pin(future), waker));
    }

    /// Registers a descriptor, once and for both directions.
    pub fn socket<T: AsFd>(self: &Rc<Self>, fd: T) -> io::Result<Socket<'a, T>> {
        let (token, slot) = (self.number(), Slot::default());
        self.epoll.add(&fd, READABLE | WRITABLE | EDGE, token)?;
        self.slots.borrow_mut().insert(token, slot.clone());
        Ok(Socket { fd, token, slot, runtime: self.clone() })
    }

    /// Polls each task that is in the queue now. Those that are woken meanwhile come after the next wait.
    pub fn run_tasks(&self) {
        let turn = std::mem::take(&mut *self.queue.tasks());
        for number in turn {
            // It is taken out for its poll, since it may spawn others. If it is not there, it is over.
            let task = self.tasks.borrow_mut().remove(&number);
            let Some((mut future, waker)) = task else { continue };
            self.budget.set(BUDGET);
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.tasks.borrow_mut().insert(number, (future, waker));
            }
        }
    }

    /// Waits until descriptors are ready, and wakes those that wait for them.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.epoll.wait(events, timeout)?;
        for (token, _) in events.iter() {
            let waker = self.slots.borrow().get(&token).and_then(|slot| slot.take());
            waker.into_iter().for_each(Waker::wake);
        }
        Ok(())
    }

    /// Runs until the server is to stop.
    fn run(self: &Rc<Self>, stop: &Stop) -> io::Result<()> {
        let (_stop, mut events) = (self.socket(stop.as_fd())?, Events::new());
        while !stop.is_requested() {
            self.run_tasks();
            self.wait(&mut events, (!self.queue.is_empty()).then_some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// Drops the tasks, which hold the runtime through their sockets.
    pub fn end(&self) {
        let tasks = self.tasks.take();
        drop(tasks);
    }
}

pub struct Socket<'a, T: AsFd> {
    fd: T,
    token: u64,
    slot: Slot,
    runtime: Rc<Runtime<'a>>,
}

impl<T: AsFd> Socket<'_, T> {
    /// Makes a call now, or when the descriptor is ready.
    pub async fn when_ready<R>(&self, mut call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|cx| {
            let budget = &self.runtime.budget;
            if budget.replace(budget.get().saturating_sub(1)) == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match call(&self.fd) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.slot.set(Some(cx.waker().clone()));
                    Poll::Pending
                }
                result => Poll::Ready(result),
            }
        })
        .await
    }
}

impl<T: AsFd> Drop for Socket<'_, T> {
    fn drop(&mut self) {
        self.runtime.slots.borrow_mut().remove(&self.token);
    }
}

async fn converse(client: Socket<'_, OwnedFd>) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    loop {
        let mut received = 0;
        while received < MESSAGE {
            match client.when_ready(|fd| sys::recv(fd, &mut message[received..])).await? {
                0 => return Ok(()),
                bytes => received += bytes,
            }
        }
        answer(&mut message);
        let mut sent = 0;
        while sent < MESSAGE {
            sent += client.when_ready(|fd| sys::send(fd, &message[sent..])).await?;
        }
    }
}

/// Accepts clients until the listener is shut down, and gives each a task.
async fn accept<'a>(listener: &'a Listener, runtime: Rc<Runtime<'a>>) -> io::Result<()> {
    let listener = runtime.socket(listener)?;
    loop {
        let Some(client) = listener.when_ready(|listener| listener.accept()).await? else { continue };
        sys::set_nonblocking(&client)?;
        // If the kernel has no memory for it, the client is dropped, and knows.
        let Ok(client) = runtime.socket(client) else { continue };
        runtime.spawn(async move { drop(converse(client).await) });
    }
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let runtime = Runtime::new(None)?;
    runtime.spawn({
        let accepting = accept(listener, runtime.clone());
        async move { drop(accepting.await) }
    });
    let result = runtime.run(stop);
    runtime.end();
    result
}
