//! Rung 14e: timers, and wakes from other threads.
//!
//! ```text
//!   the loop         run tasks ─▶ say "asleep" ─▶ look: is the queue empty? ─▶ epoll_wait ─▶ wake what is due ─▶ …
//!                                                    no: do not sleep           ▲    until the next timer
//!   another thread   push a task ─▶ look: does it sleep? ── yes: write to the eventfd
//!
//!   phase 1, until there is data    the reactor, in epoll_wait, for everybody
//!   phase 2, the copy               the task, in recv; another thread makes the answers that take long
//! ```
//!
//! **Timers** are wakers in the order of their times. The wait ends at the first of them, and then what is due is woken.
//! A `Sleep` that is dropped takes its entry along: most timers are limits, and never fire.
//!
//! **A wake from another thread** puts its task into the queue, but the loop's thread sleeps in `epoll_wait`, and a queue
//! ends no system call. So the reactor watches an eventfd, the *bell*. To ring it at each wake would cost a system call
//! each. So the loop says when it sleeps, and only then is the bell rung.
//!
//! Here a wakeup gets lost easily. Suppose the loop looked first: the queue is empty. Now the other thread pushes a task,
//! and sees that nobody sleeps. The loop says that it sleeps, and does, with a task in its queue. So the loop has to say
//! it **before** it looks, and the other thread has to push before it looks. Whoever comes second sees what the first
//! has done. A test shows the order that goes wrong.
//!
//! Fixes: a task may wait for a time, and for another thread. A slow answer no longer holds up the other clients.
//! Costs: a word that is shared between threads, written before each sleep and read at each wake.
//!
//! In tokio: `runtime/time/wheel`, a wheel of timers; mio's `Waker` is the eventfd, and tokio's idle workers look into
//! the queues once more before they park.

use super::smallest_runtime::{Queue, Runtime, Socket};
use super::{Family, Rung, USUAL};
use crate::epoll::Events;
use crate::listener::Listener;
use crate::protocol::{MESSAGE, Message, SLOW, answer};
use crate::stop::Stop;
use crate::sys;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

pub const RUNG: Rung = Rung {
    number: "14e",
    name: "timers_and_threads",
    family: Family::Futures,
    summary: "the smallest runtime with timers, and a bell for wakes from other threads",
    is_one_thread: false,
    serve,
    ..USUAL
};

/// A client that says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(60);

/// What ends the wait of a loop whose queue another thread has filled.
pub struct Bell {
    is_asleep: AtomicBool,
    event: OwnedFd,
}

impl Bell {
    fn new() -> io::Result<Bell> {
        Ok(Bell { is_asleep: AtomicBool::new(false), event: sys::eventfd(libc::EFD_NONBLOCK)? })
    }

    /// Rings, if the loop sleeps or is about to. It is called after something was put into the queue.
    pub fn ring(&self) {
        // Relaxed, here and below: the queue's lock orders them. If the loop has looked into the queue before the push,
        // it had said before that look that it sleeps, and so this sees it.
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::Relaxed) {
            sys::add(&self.event, 1);
        }
    }

    /// Says that the loop sleeps, and then looks. Returns whether it may sleep. `between` is where a wake from another
    /// thread comes at the worst time, for the test.
    fn fall_asleep(&self, queue: &Queue, between: impl FnOnce()) -> bool {
        self.is_asleep.store(true, Ordering::Relaxed);
        between();
        let may_sleep = queue.is_empty();
        if !may_sleep {
            self.wake_up();
        }
        may_sleep
    }

    fn wake_up(&self) {
        self.is_asleep.store(false, Ordering::Relaxed);
    }
}

/// The wakers of those that wait for a time, in the order of the times. The number tells apart what is due at once.
#[derive(Default)]
struct Timers {
    wakers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next: Cell<u64>,
}

impl Timers {
    fn sleep(self: &Rc<Self>, time: Duration) -> Sleep {
        let number = self.next.replace(self.next.get() + 1);
        Sleep { key: (Instant::now() + time, number), timers: self.clone() }
    }

    fn until_next(&self) -> Option<Duration> {
        let wakers = self.wakers.borrow();
        wakers.first_key_value().map(|((time, _), _)| time.saturating_duration_since(Instant::now()))
    }

    fn fire(&self) {
        while let Some(waker) = self.take_due() {
            waker.wake();
        }
    }

    fn take_due(&self) -> Option<Waker> {
        let mut wakers = self.wakers.borrow_mut();
        let first = wakers.first_entry().filter(|first| first.key().0 <= Instant::now());
        first.map(|first| first.remove())
    }
}

struct Sleep {
    key: (Instant, u64),
    timers: Rc<Timers>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.key.0 <= Instant::now() {
            return Poll::Ready(());
        }
        // The waker of the last poll is dropped after the borrow.
        let _old = self.timers.wakers.borrow_mut().insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let _waker = self.timers.wakers.borrow_mut().remove(&self.key);
    }
}

/// Polls both, and takes what is ready first: the shape of every time limit, and of `select!`.
async fn within<T>(limit: Sleep, future: impl Future<Output = T>) -> Option<T> {
    let (mut limit, mut future) = (limit, pin!(future));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Pin::new(&mut limit).poll(cx).map(|()| None),
    })
    .await
}

/// What another thread is to answer: where the answer goes, and who waits for it.
type Reply = Arc<Mutex<(Option<Message>, Option<Waker>)>>;
type Job = (Message, Reply);

/// Lets the other thread make the answer, and waits for it.
async fn answer_elsewhere(jobs: &Sender<Job>, question: Message) -> io::Result<Message> {
    let reply = Reply::default();
    jobs.send((question, reply.clone())).map_err(io::Error::other)?;
    poll_fn(|cx| {
        let mut reply = reply.lock().unwrap_or_else(PoisonError::into_inner);
        // The same order as above, behind one lock: look, and leave the waker behind before anybody else can look.
        match reply.0.take() {
            Some(answer) => Poll::Ready(Ok(answer)),
            None => {
                reply.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}

/// Answers until nobody can ask any more.
fn answer_jobs(jobs: impl IntoIterator<Item = Job>) {
    for (mut message, reply) in jobs {
        answer(&mut message);
        let waker = {
            let mut reply = reply.lock().unwrap_or_else(PoisonError::into_inner);
            reply.0 = Some(message);
            reply.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

async fn converse(client: Socket<'_, OwnedFd>, timers: Rc<Timers>, jobs: Sender<Job>) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    loop {
        let mut received = 0;
        while received < MESSAGE {
            let bytes = client.when_ready(|fd| sys::recv(fd, &mut message[received..]));
            match within(timers.sleep(SILENCE), bytes).await.transpose()? {
                Some(0) | None => return Ok(()),
                Some(bytes) => received += bytes,
            }
        }
        match message.starts_with(SLOW) {
            true => message = answer_elsewhere(&jobs, message).await?,
            false => answer(&mut message),
        }
        let mut sent = 0;
        while sent < MESSAGE {
            sent += client.when_ready(|fd| sys::send(fd, &message[sent..])).await?;
        }
    }
}

async fn accept<'a>(
    listener: &'a Listener,
    runtime: Rc<Runtime<'a>>,
    timers: Rc<Timers>,
    jobs: Sender<Job>,
) -> io::Result<()> {
    let listener = runtime.socket(listener)?;
    loop {
        let Some(client) = listener.when_ready(|listener| listener.accept()).await? else { continue };
        sys::set_nonblocking(&client)?;
        let Ok(client) = runtime.socket(client) else { continue };
        let conversation = converse(client, timers.clone(), jobs.clone());
        runtime.spawn(async move { drop(conversation.await) });
    }
}

/// Runs the tasks of a runtime that has this bell, until `is_over`.
fn run(
    runtime: &Rc<Runtime<'_>>,
    bell: &Bell,
    timers: &Timers,
    is_over: impl Fn() -> bool,
) -> io::Result<()> {
    // Each write to an eventfd is an event of its own, so nobody has to read it.
    let (_bell, mut events) = (runtime.socket(bell.event.as_fd())?, Events::new());
    loop {
        runtime.run_tasks();
        if is_over() {
            return Ok(());
        }
        let timeout =
            if bell.fall_asleep(&runtime.queue, || {}) { timers.until_next() } else { Some(Duration::ZERO) };
        runtime.wait(&mut events, timeout)?;
        bell.wake_up();
        timers.fire();
    }
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let (bell, timers, (jobs, waiting)) = (Arc::new(Bell::new()?), Rc::new(Timers::default()), channel());
    let worker = thread::Builder::new().name("worker".into()).spawn(move || answer_jobs(waiting))?;
    let runtime = Runtime::new(Some(bell.clone()))?;
    runtime.spawn({
        let accepting = accept(listener, runtime.clone(), timers.clone(), jobs);
        async move { drop(accepting.await) }
    });
    let _stop = runtime.socket(stop.as_fd())?;
    let result = run(&runtime, &bell, &timers, || stop.is_requested());
    // With the tasks go the senders of jobs, and with the last of them the worker.
    runtime.end();
    worker.join().map_err(|_| io::Error::other("the worker has panicked"))?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoll::{EDGE, Epoll, READABLE};
    use std::sync::atomic::AtomicU32;
    use std::task::Wake;

    /// Runs a future on a runtime of its own, until its end.
    fn block_on(timers: Rc<Timers>, future: impl Future<Output = ()>) {
        let (bell, is_over) = (Arc::new(Bell::new().unwrap()), Cell::new(false));
        let runtime = Runtime::new(Some(bell.clone())).unwrap();
        runtime.spawn(async {
            future.await;
            is_over.set(true);
        });
        run(&runtime, &bell, &timers, || is_over.get()).unwrap();
    }

    struct Tell(u64, Sender<u64>);

    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            self.1.send(self.0).unwrap();
        }
    }

    #[test]
    fn what_is_due_is_woken_in_the_order_of_the_times() {
        let (timers, (tell, told)) = (Rc::new(Timers::default()), channel());
        let sleeps = [3, 1, 2].map(|milliseconds| {
            let mut sleep = timers.sleep(Duration::from_millis(milliseconds));
            let waker = Waker::from(Arc::new(Tell(milliseconds, tell.clone())));
            assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
            sleep
        });
        thread::sleep(timers.until_next().unwrap() + Duration::from_millis(3));
        timers.fire();
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
        drop(sleeps);
    }

    #[test]
    fn a_limit_ends_what_takes_longer_and_a_sleep_that_is_dropped_leaves_nothing_behind() {
        let timers = Rc::new(Timers::default());
        let long = || timers.sleep(Duration::from_secs(3600));
        let short = timers.sleep(Duration::from_millis(1));
        block_on(timers.clone(), async {
            assert_eq!(within(long(), async { 1 }).await, Some(1));
            assert!(within(short, long()).await.is_none());
        });
        assert!(timers.wakers.borrow().is_empty());
    }

    /// A wake comes between the word and the look, or the look and the word. Returns whether the loop learns of it: it
    /// does not sleep, or the bell ends its sleep at once.
    fn is_noticed(fall_asleep: impl FnOnce(&Bell, &Queue, &dyn Fn()) -> bool) -> bool {
        let bell = Arc::new(Bell::new().unwrap());
        let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
        epoll.add(&bell.event, READABLE | EDGE, 0).unwrap();
        let runtime = Runtime::new(Some(bell.clone())).unwrap();
        let sleeps = fall_asleep(&bell, &runtime.queue, &|| runtime.spawn(async {}));
        epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();
        !sleeps || events.iter().count() == 1
    }

    #[test]
    fn a_wake_at_the_worst_time_is_noticed() {
        assert!(is_noticed(|bell, queue, wake| bell.fall_asleep(queue, wake)));
    }

    /// In this order the loop sleeps for ever, with a task in its queue.
    #[test]
    fn who_looks_before_it_says_that_it_sleeps_loses_a_wakeup() {
        assert!(!is_noticed(|bell, queue, wake| {
            let may_sleep = queue.is_empty();
            wake();
            bell.is_asleep.store(true, Ordering::Relaxed);
            may_sleep
        }));
    }

    #[test]
    fn wakes_from_another_thread_arrive() {
        const WAKES: u32 = 1_000;
        let (told, (wakers, waiting)) = (Arc::new(AtomicU32::new(0)), channel::<Waker>());
        let counted = told.clone();
        let other = thread::spawn(move || {
            for waker in waiting {
                // Release: pairs with the Acquire below.
                counted.fetch_add(1, Ordering::Release);
                waker.wake();
            }
        });
        block_on(Rc::default(), async {
            for number in 1..=WAKES {
                let mut has_sent = false;
                poll_fn(|cx| {
                    if !std::mem::replace(&mut has_sent, true) {
                        wakers.send(cx.waker().clone()).unwrap();
                    }
                    match told.load(Ordering::Acquire) == number {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    }
                })
                .await;
            }
        });
        drop(wakers);
        other.join().unwrap();
    }
}
