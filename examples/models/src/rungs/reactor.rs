//! Rung 11: the Reactor: rungs 5 to 8 as a pattern.
//!
//! ```text
//!              ┌───────────────────────── (5) return ──────────────────────────┐
//!              ▼                                                               │
//!   (1) register ──▶ (2) wait ··········▶ (3) dispatch ──▶ (4) handle: recv▓ send
//!       a handler        epoll_wait: the      by token         the callback
//!       for an event     demultiplexer
//!
//!   phase 1, until there is data    the demultiplexer, for everybody
//!   phase 2, the copy               the handler, in recv (▓)
//! ```
//!
//! The program is turned inside out. It does not call `recv` and wait, but registers what to do *when* something has
//! come. Three classes of events go through one loop: I/O (a descriptor is ready), timers (a time has come), and
//! signals, which signalfd(2) makes descriptors. Handlers may register others, and end themselves, while the loop goes
//! through its events.
//!
//! Fixes: waiting is written once; a server consists of handlers, which know nothing of epoll.
//! Costs: a loop with local variables becomes scattered over callbacks. And a handler that computes holds up all
//! others, as in every rung of one thread.
//!
//! In tokio: `runtime/io/driver.rs`; there the handler is always the same: it wakes the task that waits.

use super::epoll_edge::advance;
use super::nonblocking::{Conversation, Step};
use super::{Family, Rung, USUAL};
use crate::epoll::{EDGE, Epoll, Events, READABLE, WRITABLE};
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub const RUNG: Rung = Rung {
    number: "11",
    name: "reactor",
    family: Family::Patterns,
    summary: "register a handler, wait, dispatch, handle, return: I/O, timers and signals in one loop",
    serve,
    ..USUAL
};

/// A client that says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(60);

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let signals = sys::signalfd(libc::SIGUSR1)?;
    let reactor = Reactor::new(Epoll::new()?);
    serve_clients(&reactor, listener)?;
    // Signals: `kill -USR1` asks how many handlers there are.
    reactor.register(signals, |reactor, signals| {
        while sys::take_signal(&*signals).is_ok() {
            eprintln!("reactor: {} handlers", reactor.handlers.borrow().len());
        }
        Next::Wait
    })?;
    reactor.run(stop)
}

/// Registers the handler that accepts clients; each of them gets one of its own.
pub fn serve_clients<'a>(reactor: &Reactor<'a>, listener: &'a Listener) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    reactor.register(listener, |reactor, listener| match Conversation::accept(listener) {
        Ok(Some(conversation)) => {
            // If the kernel has no memory for it, the conversation is dropped, and the client knows.
            let _ = serve_client(reactor, conversation);
            Next::Again
        }
        Ok(None) => Next::Wait,
        Err(_) => Next::End,
    })?;
    Ok(())
}

fn serve_client(reactor: &Reactor<'_>, conversation: Conversation) -> io::Result<()> {
    let heard = Rc::new(Cell::new(Instant::now()));
    let of_timer = Rc::downgrade(&heard);
    let client = reactor.register(conversation, move |_, conversation| {
        heard.set(Instant::now());
        match advance(conversation) {
            Step::Moved => Next::Again,
            Step::WouldBlock => Next::Wait,
            Step::Over => Next::End,
        }
    })?;
    reactor.at(Instant::now() + SILENCE, move |reactor| match of_timer.upgrade() {
        Some(heard) if heard.get().elapsed() < SILENCE => Next::At(heard.get() + SILENCE),
        _ => {
            reactor.end(client);
            Next::End
        }
    });
    Ok(())
}

/// What a handler wants after it has handled an event.
pub enum Next {
    /// The next event.
    Wait,
    /// To continue as soon as others have had their turn: it has not come to `EAGAIN`.
    Again,
    /// This time.
    At(Instant),
    /// Nothing: it is dropped, and what it owns is closed.
    End,
}

type Handler<'a> = Box<dyn FnMut(&Reactor<'a>) -> Next + 'a>;

pub struct Reactor<'a> {
    epoll: Epoll,
    /// Indexed by token, which is never used twice. The handler that runs is removed for that time.
    handlers: RefCell<HashMap<u64, Handler<'a>>>,
    timers: RefCell<BinaryHeap<Reverse<(Instant, u64)>>>,
    next_token: Cell<u64>,
}

impl<'a> Reactor<'a> {
    pub fn new(epoll: Epoll) -> Reactor<'a> {
        let (handlers, timers) = (RefCell::default(), RefCell::default());
        Reactor { epoll, handlers, timers, next_token: Cell::new(0) }
    }

    /// (1) Registers a handler for whatever happens to `source`, which the reactor keeps for it.
    pub fn register<S: AsFd + 'a>(
        &self,
        mut source: S,
        mut handler: impl FnMut(&Reactor<'a>, &mut S) -> Next + 'a,
    ) -> io::Result<u64> {
        let token = self.next_token.replace(self.next_token.get() + 1);
        self.epoll.add(&source, READABLE | WRITABLE | EDGE, token)?;
        let handler = Box::new(move |reactor: &Reactor<'a>| handler(reactor, &mut source));
        self.handlers.borrow_mut().insert(token, handler);
        Ok(token)
    }

    /// (1) Registers a handler for a time.
    pub fn at(&self, time: Instant, handler: impl FnMut(&Reactor<'a>) -> Next + 'a) -> u64 {
        let token = self.next_token.replace(self.next_token.get() + 1);
        self.handlers.borrow_mut().insert(token, Box::new(handler));
        self.timers.borrow_mut().push(Reverse((time, token)));
        token
    }

    /// Ends another handler. Later reports about it find nobody.
    pub fn end(&self, token: u64) {
        let handler = self.handlers.borrow_mut().remove(&token);
        // It is dropped here, where nothing is borrowed: what it owns may have a handler for its end.
        drop(handler);
    }

    pub fn run(&self, stop: &'a Stop) -> io::Result<()> {
        self.run_with(stop, |_| false)
    }

    /// Runs, and calls `between` after each round of handlers. It returns whether it is to be called again soon.
    pub fn run_with(&self, stop: &'a Stop, mut between: impl FnMut(&Self) -> bool) -> io::Result<()> {
        self.register(stop.as_fd(), |_, _| Next::Wait)?;
        let mut events = Events::new();
        let mut again = Vec::new();
        let mut is_more = false;
        while !stop.is_requested() {
            // (2) Wait until something happens: a descriptor, a signal, or a time.
            let is_busy = is_more || !again.is_empty();
            self.epoll.wait(&mut events, if is_busy { Some(Duration::ZERO) } else { self.until_next() })?;
            let mut happened = std::mem::take(&mut again);
            happened.extend(events.iter().map(|(token, _)| token));
            self.take_due(&mut happened);
            // (3) Dispatch.
            for token in happened {
                let handler = self.handlers.borrow_mut().remove(&token);
                let Some(mut handler) = handler else { continue };
                // (4) Handle.
                match handler(self) {
                    Next::End => continue,
                    Next::Wait => {}
                    Next::Again => again.push(token),
                    Next::At(time) => self.timers.borrow_mut().push(Reverse((time, token))),
                }
                // (5) Return: the handler is there for the next event.
                self.handlers.borrow_mut().insert(token, handler);
            }
            is_more = between(self);
        }
        Ok(())
    }

    fn until_next(&self) -> Option<Duration> {
        let timers = self.timers.borrow();
        timers.peek().map(|Reverse((time, _))| time.saturating_duration_since(Instant::now()))
    }

    fn take_due(&self, happened: &mut Vec<u64>) {
        let mut timers = self.timers.borrow_mut();
        let now = if timers.is_empty() { return } else { Instant::now() };
        while timers.peek().is_some_and(|Reverse((time, _))| *time <= now) {
            happened.extend(timers.pop().map(|Reverse((_, token))| token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn timers_are_handled_in_their_order_and_can_be_set_anew() {
        let (stop, told, now) = (Stop::new().unwrap(), RefCell::new(Vec::new()), Instant::now());
        let reactor = Reactor::new(Epoll::new().unwrap());
        // All are due when the reactor looks. What is set anew is handled after those that were due with it.
        reactor.at(now + Duration::from_nanos(3), |_| {
            told.borrow_mut().push("second");
            Next::End
        });
        reactor.at(now + Duration::from_nanos(1), |_| {
            let mut told = told.borrow_mut();
            told.push("first");
            if told.len() == 1 {
                return Next::At(now + Duration::from_nanos(2));
            }
            stop.request();
            Next::End
        });
        reactor.run(&stop).unwrap();
        assert_eq!(*told.borrow(), ["first", "second", "first"]);
    }

    #[test]
    fn a_handler_that_another_has_ended_is_not_called_for_what_was_reported_with_it() {
        let (stop, called) = (Stop::new().unwrap(), Cell::new(0));
        let reactor = Reactor::new(Epoll::new().unwrap());
        let (mut one, one_end) = UnixStream::pair().unwrap();
        let (mut two, two_end) = UnixStream::pair().unwrap();
        // There are two tokens, in order: each ends the other, whichever is called first.
        let called = &called;
        let handler = |other: u64| {
            move |reactor: &Reactor<'_>, _: &mut UnixStream| {
                called.set(called.get() + 1);
                reactor.end(other);
                Next::Wait
            }
        };
        assert_eq!(reactor.register(one_end, handler(1)).unwrap(), 0);
        assert_eq!(reactor.register(two_end, handler(0)).unwrap(), 1);
        one.write_all(b"both").unwrap();
        two.write_all(b"ready").unwrap();
        reactor.at(Instant::now() + Duration::from_millis(5), |_| {
            stop.request();
            Next::End
        });
        reactor.run(&stop).unwrap();
        assert_eq!(called.get(), 1);
    }
}
