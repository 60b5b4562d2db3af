//! Rung 14b: an `async fn`, beside the enum that the compiler makes of it, and why there is `Pin`.
//!
//! ```text
//!   async fn converse(socket)          enum Converse
//!     let message, received ──────────── Receiving { socket, message, received }
//!     recv(…).await   ◀─── Pending ───▶  poll: recv says EAGAIN, it stays in this state
//!     answer(&mut message)
//!     let sent ───────────────────────── Sending { socket, message, sent }
//!     send(…).await   ◀─── Pending ───▶  poll: send says EAGAIN, it stays in this state
//!
//!   phase 1, until there is data    the reactor, in epoll_wait, for everybody
//!   phase 2, the copy               the future, in recv, inside its poll
//! ```
//!
//! The compiler turns an `async fn` into a state machine like this one: a state for each `.await`, and in each state the
//! local variables that are used after it. Calling the function runs nothing: it makes the first state. Here every
//! second client is served by the one, and the others by the other; no test can tell them apart.
//!
//! One difference is not seen. In `converse`, `Recv` holds a reference to `message`, and both live in the same state: the
//! future **points into itself**. Moved, it would point to where it was. So whoever polls it must promise that it stays
//! where it is until it is dropped, and [`Pin`] is the type of that promise. `Box::pin` keeps it with an allocation.
//! `Converse` has positions instead of references and is `Unpin`: safe Rust cannot write the other kind by hand. The
//! tests show both.
//!
//! Fixes: a loop with local variables, as in rung 1, and the state machine is the compiler's.
//! Costs: an allocation per client, which is where its future stays.
//!
//! In tokio: the same compiler. `tokio::pin!` and `Box::pin` do the pinning, `spawn` for whole tasks.

use super::epoll_edge::PATIENCE;
use super::hand_written_future::{Flag, accept_all, drive};
use super::reactor::Reactor;
use super::{Family, Rung, USUAL};
use crate::epoll::Epoll;
use crate::listener::Listener;
use crate::protocol::{MESSAGE, Message, answer};
use crate::stop::Stop;
use crate::sys;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub const RUNG: Rung = Rung {
    number: "14b",
    name: "async_fn",
    family: Family::Futures,
    summary: "an async fn serves every second client, and the enum that the compiler makes of it the others",
    serve,
    ..USUAL
};

thread_local! {
    /// How many system calls the future that is being polled may still make.
    static BUDGET: Cell<usize> = const { Cell::new(PATIENCE) };
}

/// Gives the next future its whole budget.
pub fn full_budget() {
    BUDGET.set(PATIENCE);
}

/// Makes one system call of a future. `EAGAIN` becomes `Pending`, and so does a budget that is used up: what is woken
/// for that is polled again, after the others.
pub fn attempt<T>(cx: &mut Context<'_>, call: impl FnOnce() -> io::Result<T>) -> Poll<io::Result<T>> {
    if BUDGET.get() == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    BUDGET.set(BUDGET.get() - 1);
    match call() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

/// The future of one `recv`: a *leaf*, since it waits for the kernel and not for another future.
struct Recv<'a> {
    socket: &'a OwnedFd,
    room: &'a mut [u8],
}

impl Future for Recv<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Recv { socket, room } = self.get_mut();
        attempt(cx, || sys::recv(socket, room))
    }
}

struct Send<'a> {
    socket: &'a OwnedFd,
    bytes: &'a [u8],
}

impl Future for Send<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        attempt(cx, || sys::send(self.socket, self.bytes))
    }
}

async fn converse(socket: Rc<OwnedFd>) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    loop {
        let mut received = 0;
        while received < MESSAGE {
            match (Recv { socket: &socket, room: &mut message[received..] }).await? {
                0 => return Ok(()),
                bytes => received += bytes,
            }
        }
        answer(&mut message);
        let mut sent = 0;
        while sent < MESSAGE {
            sent += Send { socket: &socket, bytes: &message[sent..] }.await?;
        }
    }
}

/// What the compiler makes of `converse`, written by hand, with positions where that has references.
enum Converse {
    Receiving { socket: Rc<OwnedFd>, message: Message, received: usize },
    Sending { socket: Rc<OwnedFd>, message: Message, sent: usize },
}

impl Future for Converse {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut *self {
                Converse::Receiving { socket, message, received } => {
                    match ready!(attempt(cx, || sys::recv(&**socket, &mut message[*received..])))? {
                        0 => return Poll::Ready(Ok(())),
                        bytes => *received += bytes,
                    }
                    if *received == MESSAGE {
                        answer(message);
                        *self = Converse::Sending { socket: socket.clone(), message: *message, sent: 0 };
                    }
                }
                Converse::Sending { socket, message, sent } => {
                    *sent += ready!(attempt(cx, || sys::send(&**socket, &message[*sent..])))?;
                    if *sent == MESSAGE {
                        *self =
                            Converse::Receiving { socket: socket.clone(), message: *message, received: 0 };
                    }
                }
            }
        }
    }
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let reactor = Reactor::new(Epoll::new()?);
    let by_the_compiler = Cell::new(false);
    accept_all(&reactor, listener, move |reactor, conversation| {
        let socket = Rc::new(conversation.into_socket());
        by_the_compiler.set(!by_the_compiler.get());
        if by_the_compiler.get() {
            spawn(reactor, &socket, converse(socket.clone()))
        } else {
            spawn(
                reactor,
                &socket,
                Converse::Receiving { socket: socket.clone(), message: [0; MESSAGE], received: 0 },
            )
        }
    })?;
    reactor.run(stop)
}

/// Registers the socket, and polls the future at each of its events.
fn spawn<'a>(
    reactor: &Reactor<'a>,
    socket: &Rc<OwnedFd>,
    future: impl Future<Output = io::Result<()>> + 'a,
) -> io::Result<()> {
    // It stays at this address until it is dropped.
    let mut future = Box::pin(future);
    let flag = Arc::new(Flag::default());
    let handler = move |_: &Reactor<'a>, _: &mut Rc<OwnedFd>| {
        full_budget();
        drive(future.as_mut(), &flag)
    };
    reactor.register(socket.clone(), handler).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::marker::PhantomData;
    use std::os::unix::net::UnixStream;
    use std::task::Waker;

    fn pair() -> (UnixStream, Rc<OwnedFd>) {
        let (client, server) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        (client, Rc::new(server.into()))
    }

    /// Sends a question in two parts, with a poll after each, and returns the answer.
    fn ask(mut client: UnixStream, mut future: Pin<&mut impl Future<Output = io::Result<()>>>) -> Vec<u8> {
        let question = [b'?'; MESSAGE];
        for part in question.chunks(40) {
            client.write_all(part).unwrap();
            full_budget();
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        let mut answer = [0; MESSAGE];
        client.read_exact(&mut answer).unwrap();
        answer.to_vec()
    }

    #[test]
    fn the_function_and_the_enum_answer_alike() {
        let (client, socket) = pair();
        let of_the_compiler = ask(client, Box::pin(converse(socket)).as_mut());
        let (client, socket) = pair();
        let mut by_hand = Converse::Receiving { socket, message: [0; MESSAGE], received: 0 };
        assert_eq!(ask(client, Pin::new(&mut by_hand)), of_the_compiler);
    }

    #[test]
    fn nothing_runs_before_the_first_poll() {
        let (mut client, socket) = pair();
        let future = converse(socket);
        client.write_all(&[b'?'; MESSAGE]).unwrap();
        client.set_nonblocking(true).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(future);
        // With the future, its socket is gone.
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    /// The future by hand may be moved between two polls, and goes on. The other one cannot be, as the type says.
    #[test]
    fn what_has_positions_may_be_moved_and_what_has_references_may_not() {
        let (mut client, socket) = pair();
        let mut here = Converse::Receiving { socket, message: [0; MESSAGE], received: 0 };
        client.write_all(&[b'?'; 40]).unwrap();
        full_budget();
        assert!(Pin::new(&mut here).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut elsewhere = Box::new(here);
        client.write_all(&[b'?'; MESSAGE - 40]).unwrap();
        assert!(Pin::new(&mut *elsewhere).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        client.read_exact(&mut [0; MESSAGE]).unwrap();

        // The compiler knows, and `Pin::new(&mut converse(socket))` does not compile.
        let (_client, socket) = pair();
        assert!(!is_unpin!(converse(socket.clone())));
        assert!(is_unpin!(Converse::Receiving { socket, message: [0; MESSAGE], received: 0 }));
    }

    /// The call finds the method of `Moves` first, if the type is `Unpin`, and that of `Stays` otherwise.
    macro_rules! is_unpin {
        ($value:expr) => {
            (&of(&$value)).is_unpin()
        };
    }
    use is_unpin;

    struct Of<T>(PhantomData<T>);

    fn of<T>(_: &T) -> Of<T> {
        Of(PhantomData)
    }

    trait Moves {
        fn is_unpin(&self) -> bool {
            true
        }
    }

    impl<T: Unpin> Moves for Of<T> {}

    trait Stays {
        fn is_unpin(&self) -> bool {
            false
        }
    }

    impl<T> Stays for &Of<T> {}

    #[test]
    fn both_keep_about_as_much() {
        let (_client, socket) = pair();
        let of_the_compiler = size_of_val(&converse(socket));
        let by_hand = size_of::<Converse>();
        assert!(by_hand >= MESSAGE && of_the_compiler >= MESSAGE);
        assert!(of_the_compiler < by_hand + 96, "{of_the_compiler} and {by_hand} bytes");
    }
}
