//! Rung 4: sockets that never block, and one thread that asks each of them in turn.
//!
//! ```text
//!   thread    recv recv recv recv recv▓ send recv recv recv recv▓ send recv recv …
//!   client 1   –         –         data  ✓         –         –              –
//!   client 2        –         –              –          –  data   ✓    –
//!
//!   phase 1, until there is data    nobody waits: EAGAIN ("–"), and on to the next one
//!   phase 2, the copy               the thread, in recv (▓)
//! ```
//!
//! Fixes: one thread serves many clients, and none of them can hold it up.
//! Costs: one `recv` per client and round, whether something has come or not. When nothing happens at all, the CPU
//! is as busy as ever: see the column "idle CPU".
//!
//! In tokio: the sockets, but not the asking: `mio` makes each of them non-blocking.

use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::protocol::{MESSAGE, Message, answer};
use crate::stop::Stop;
use crate::sys;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub const RUNG: Rung = Rung {
    number: "4",
    name: "nonblocking",
    family: Family::Readiness,
    summary: "one thread calls recv on every connection in turn; nobody waits, and the CPU never rests",
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let mut conversations = Vec::new();
    while !stop.is_requested() {
        conversations.extend(Conversation::accept(listener)?);
        conversations.retain_mut(|conversation: &mut Conversation| conversation.step() != Step::Over);
    }
    Ok(())
}

/// A connection of a thread that has others too: what it would keep on its stack if it had a thread of its own.
///
/// It holds one message and no more. A client that does not read its answer is not read from either, so it costs 64
/// bytes however much it sends.
pub struct Conversation {
    socket: OwnedFd,
    message: Message,
    received: usize,
    sent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Step {
    /// Bytes were received or sent: another step may be possible.
    Moved,
    /// The kernel has nothing for us, or no room: a step is possible when it says so.
    WouldBlock,
    /// The client has finished, or is gone. Dropping the conversation closes the socket.
    Over,
}

impl Conversation {
    pub fn new(socket: OwnedFd) -> io::Result<Conversation> {
        sys::set_nonblocking(&socket)?;
        Ok(Conversation { socket, message: [0; MESSAGE], received: 0, sent: 0 })
    }

    /// Accepts the next client, if there is one. The listener does not block.
    pub fn accept(listener: &Listener) -> io::Result<Option<Conversation>> {
        // It skips those that are turned away: "none" must mean that there is none, or rung 8 would wait for ever.
        loop {
            match listener.accept() {
                Ok(Some(connection)) => return Conversation::new(connection).map(Some),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives up everything but the socket, for rungs that keep the rest in another way.
    pub fn into_socket(self) -> OwnedFd {
        self.socket
    }

    /// Returns whether the next step sends; otherwise it receives.
    pub fn is_answering(&self) -> bool {
        self.received == MESSAGE
    }

    /// Makes one `recv` or one `send`, and the answer in between.
    pub fn step(&mut self) -> Step {
        if self.is_answering() {
            return self.send();
        }
        let step = self.receive();
        if self.is_answering() {
            self.process();
        }
        step
    }

    pub fn receive(&mut self) -> Step {
        match sys::recv(&self.socket, &mut self.message[self.received..]) {
            // 0: the client sends no more. Its last question is answered, because that happens before the next recv.
            Ok(0) => Step::Over,
            // > 0: some bytes of the message, perhaps not yet all.
            Ok(bytes) => {
                self.received += bytes;
                Step::Moved
            }
            // -1 and EAGAIN: nothing has come yet.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::WouldBlock,
            // -1 and another errno: the connection is broken, for example by a reset.
            Err(_) => Step::Over,
        }
    }

    /// Makes the answer, once the message is complete.
    pub fn process(&mut self) {
        answer(&mut self.message);
    }

    pub fn send(&mut self) -> Step {
        match sys::send(&self.socket, &self.message[self.sent..]) {
            Ok(bytes) => {
                self.sent += bytes;
                if self.sent == MESSAGE {
                    (self.received, self.sent) = (0, 0);
                }
                Step::Moved
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::WouldBlock,
            Err(_) => Step::Over,
        }
    }
}

impl AsFd for Conversation {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
