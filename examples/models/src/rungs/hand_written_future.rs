//! Rung 14a: a future, written by hand: `Conversation` gets a `poll`.
//!
//! ```text
//!   rung 11's reactor ──▶ handler ──▶ poll(conversation, context)
//!                            │            │
//!                            │            ├─ Pending, and nobody was woken: EAGAIN. The next event polls again
//!                            │            ├─ Pending, and the waker was called: poll again, when others had their turn
//!                            ▼            └─ Ready: it is over, and is dropped
//!                    Wait, Again, End
//!
//!   phase 1, until there is data    the reactor, in epoll_wait, for everybody
//!   phase 2, the copy               the future, in recv, inside its poll
//! ```
//!
//! A *future* is a value that is asked, again and again, whether it is done: [`Future::poll`]. It does what can be done
//! without waiting, and answers at once. What it promises:
//!
//! - `Ready(output)`: it is done, and must not be polled again.
//! - `Pending`: it is not done, **and it has seen to it that the waker in the `Context` will be called** when asking again
//!   could help. A future that says `Pending` and leaves no waker behind sleeps for ever: the second test shows one.
//!
//! What its caller promises: to poll again after the waker was called, and not to move the future in between, which is
//! what [`Pin`] says. `Conversation` does not mind being moved: it is `Unpin`, and so `Pin::new` pins it without more.
//! Rung 14b shows one that minds.
//!
//! Nothing here is new but the form. `Conversation::step` said `WouldBlock`, `poll` says `Pending`; a handler said
//! `Again`, a future calls its waker. Since the reactor has registered the socket for every event of its life, an event
//! polls the future as well, and a waker has to be called for one reason only: others are to have a turn.
//!
//! Fixes: whoever can poll a future can drive this one. A handler knew its reactor; a future knows a waker.
//! Costs: a call through the waker's table of functions where there was a value to return.
//!
//! In tokio: `Future` and `Waker` are those of the standard library, for both.

use super::epoll_edge::advance;
use super::nonblocking::{Conversation, Step};
use super::reactor::{Next, Reactor};
use super::{Family, Rung, USUAL};
use crate::epoll::Epoll;
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub const RUNG: Rung = Rung {
    number: "14a",
    name: "hand_written_future",
    family: Family::Futures,
    summary: "a handler becomes a future: poll says Ready or Pending, and a waker says when to ask again",
    serve,
    ..USUAL
};

impl Future for Conversation {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match advance(&mut self) {
            Step::Over => Poll::Ready(()),
            // The reactor polls when there is an event.
            Step::WouldBlock => Poll::Pending,
            // Others are to have a turn. No event will come for what is there already, so it has to ask for a poll.
            Step::Moved => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// The simplest waker that does something: it notes that it was called.
#[derive(Default)]
pub struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        // Relaxed: the thread that polls reads it, and calls it.
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Flag {
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Polls a future once, for a handler of rung 11.
pub fn drive(future: Pin<&mut impl Future>, flag: &Arc<Flag>) -> Next {
    let waker = Waker::from(flag.clone());
    match future.poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(_) => Next::End,
        Poll::Pending if flag.take() => Next::Again,
        Poll::Pending => Next::Wait,
    }
}

/// Accepts the clients of a rung whose futures are driven by rung 11's reactor. Each goes to `spawn`.
pub fn accept_all<'a>(
    reactor: &Reactor<'a>,
    listener: &'a Listener,
    spawn: impl Fn(&Reactor<'a>, Conversation) -> io::Result<()> + 'a,
) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    reactor.register(listener.as_fd(), move |reactor, _| match Conversation::accept(listener) {
        Ok(Some(conversation)) => {
            // If the kernel has no memory for it, the conversation is dropped, and the client knows.
            let _ = spawn(reactor, conversation);
            Next::Again
        }
        Ok(None) => Next::Wait,
        Err(_) => Next::End,
    })?;
    Ok(())
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let reactor = Reactor::new(Epoll::new()?);
    accept_all(&reactor, listener, |reactor, conversation| {
        let flag = Arc::new(Flag::default());
        reactor.register(conversation, move |_, conversation| drive(Pin::new(conversation), &flag)).map(drop)
    })?;
    reactor.run(stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;

    /// Polls for as long as the future asks for it. Returns whether it came to its end.
    fn run(future: impl Future) -> bool {
        let (mut future, flag) = (pin!(future), Arc::new(Flag::default()));
        loop {
            match drive(future.as_mut(), &flag) {
                Next::End => return true,
                Next::Again => {}
                _ => return false,
            }
        }
    }

    #[test]
    fn who_calls_its_waker_before_it_says_pending_is_polled_again() {
        let polls = Cell::new(0);
        assert!(run(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 3 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })));
        assert_eq!(polls.get(), 3);
    }

    #[test]
    fn who_says_pending_and_leaves_no_waker_behind_sleeps_for_ever() {
        let polls = Cell::new(0);
        assert!(!run(poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() == 3 { Poll::Ready(()) } else { Poll::Pending }
        })));
        assert_eq!(polls.get(), 1);
    }
}
