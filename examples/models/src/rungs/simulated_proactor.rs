//! Rung 14: the Proactor, simulated with a reactor and threads. Boost.Asio does so on Linux.
//!
//! ```text
//!   main      (1) wait···· (3) recv▓ → queue   (5) wait············ (6) send (1) wait···
//!   worker        (2) wait at the queue······ (4) process ░░░░ → epoll  (2) wait at the queue···
//!   client           data                                           ✓
//!
//!   phase 1, until there is data    the main thread, in epoll_wait (·)
//!   phase 2, the copy               the main thread, in recv (▓): what in a real Proactor the kernel does
//! ```
//!
//! To the authors of the processing (░), it looks like a Proactor: it is called with a message that is there already,
//! and other code sends what it returns. The steps, as numbered in the code:
//!
//! 1. The main thread has registered the socket for reading, and waits.
//! 2. The workers wait at the queue of requests.
//! 3. Something has come: the main thread reads the whole message and puts it into the queue as a request.
//! 4. A worker takes the request, processes it, and registers the socket for writing.
//! 5. The main thread waits.
//! 6. There is room: the main thread sends the answer, and registers the socket for reading.
//!
//! A socket is registered for one event at a time (`EPOLLONESHOT`). So while a worker has a request, nothing is
//! reported about its connection, and the worker may own it.
//!
//! Fixes: a handler that computes no longer holds up the others.
//! Costs: two switches of threads for each question, more than most answers take to make.
//!
//! In tokio: `spawn_blocking`, for answers that do take long.

use super::nonblocking::{Conversation, Step};
use super::{Family, Rung, USUAL};
use crate::epoll::{Epoll, Events, ONCE, READABLE, WRITABLE};
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use concurrent_queue::ConcurrentQueue;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread;

pub const RUNG: Rung = Rung {
    number: "14",
    name: "simulated_proactor",
    family: Family::Patterns,
    summary: "the main thread reads and writes, workers process in between: what Boost.Asio does on Linux",
    is_one_thread: false,
    serve,
    ..USUAL
};

const LISTENER: u64 = 0;
const STOP: u64 = 1;

/// A whole question, with the connection that it came on.
struct Request {
    token: u64,
    conversation: Conversation,
}

/// Shared by the main thread and the workers. Neither queue is longer than there are connections.
struct Shared {
    epoll: Epoll,
    requests: ConcurrentQueue<Request>,
    /// Counts the requests, for the workers to wait on.
    waiting: OwnedFd,
    processed: ConcurrentQueue<Request>,
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let (requests, processed) = (ConcurrentQueue::unbounded(), ConcurrentQueue::unbounded());
    let waiting = sys::eventfd(libc::EFD_SEMAPHORE)?;
    let shared = Shared { epoll: Epoll::new()?, requests, waiting, processed };
    let workers = thread::available_parallelism()?.get().max(2);
    thread::scope(|scope| {
        let mut result = Ok(());
        for _ in 0..workers {
            result = result.and(thread::Builder::new().spawn_scoped(scope, || work(&shared)).map(drop));
        }
        let result = result.and_then(|()| serve_clients(&shared, listener, stop));
        // Each worker finds the queue closed.
        shared.requests.close();
        sys::add(&shared.waiting, workers as u64);
        result
    })
}

/// The part of the main thread.
fn serve_clients(shared: &Shared, listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let Shared { epoll, requests, waiting, processed } = shared;
    epoll.add(listener, READABLE, LISTENER)?;
    epoll.add(stop.as_fd(), READABLE, STOP)?;
    let mut conversations: HashMap<u64, Conversation> = HashMap::new();
    let mut next_token = STOP + 1;
    let mut events = Events::new();
    while !stop.is_requested() {
        // (1) and (5).
        epoll.wait(&mut events, None)?;
        // A worker gives a connection back before it registers it, so a connection whose event is here is here too.
        conversations.extend(processed.try_iter().map(|request| (request.token, request.conversation)));
        for (token, _) in events.iter() {
            if token == LISTENER {
                if let Some(conversation) = Conversation::accept(listener)? {
                    if epoll.add(&conversation, READABLE | ONCE, next_token).is_ok() {
                        conversations.insert(next_token, conversation);
                        next_token += 1;
                    }
                }
                continue;
            }
            let Some(mut conversation) = conversations.remove(&token) else { continue };
            if conversation.is_answering() {
                // (6)
                if conversation.send() == Step::Over {
                    continue;
                }
            } else {
                // (3)
                if conversation.receive() == Step::Over {
                    continue;
                }
                if conversation.is_answering() {
                    // It is open until the end, and without a bound, so this succeeds.
                    let _ = requests.push(Request { token, conversation });
                    sys::add(waiting, 1);
                    continue;
                }
            }
            let interest = if conversation.is_answering() { WRITABLE } else { READABLE };
            if epoll.modify(conversation.as_fd().as_raw_fd(), interest | ONCE, token).is_ok() {
                conversations.insert(token, conversation);
            }
        }
    }
    Ok(())
}

/// The part of a worker.
fn work(shared: &Shared) {
    loop {
        // (2) Blocks while there is no request.
        if sys::take(&shared.waiting).is_err() {
            return;
        }
        let Ok(mut request) = shared.requests.pop() else { return };
        // (4)
        request.conversation.process();
        let (token, fd) = (request.token, request.conversation.as_fd().as_raw_fd());
        // It is first given back, then registered: otherwise the main thread could learn of it before it has it. Until
        // then nothing is reported about it, so it stays open.
        let _ = shared.processed.push(request);
        // This cannot fail: it is open and on the list.
        let _ = shared.epoll.modify(fd, WRITABLE | ONCE, token);
    }
}
