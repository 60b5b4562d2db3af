//! Rung 13: the Proactor: the kernel does the second phase too.
//!
//! ```text
//!   thread    enter(accept, recv 1)············ on_received: answer; enter(send 1)······ on_sent; enter(recv 1)···
//!   kernel    [recv 1: wait, copy ▓ into the buffer]                [send 1]
//!   client 1                     data                                       ✓
//!
//!   phase 1, until there is data    the kernel; the thread, in io_uring_enter (·), for all of them together
//!   phase 2, the copy               the kernel (▓), into a buffer that was handed over before the data came
//! ```
//!
//! A Reactor says "you can read now"; a Proactor "it has been read". So the handlers here are called on completion, and
//! find their message, not the news that there is one. One system call hands over all operations and waits for
//! completions: under load, this is much less than one call for each message.
//!
//! The price is in the buffers. Each belongs to the kernel from the moment that the operation is handed over until its
//! completion has come, even if nobody wants it any longer. So a connection that waits has a buffer, where rung 8 needs
//! none. Ending the server means cancelling, and waiting until everything has come back.
//!
//! Fixes: a system call for each read and each write. It would do the same for files (rung 10).
//! Costs: buffers in advance; completions that must be waited for.
//!
//! In tokio: `tokio-uring`; and, as the model, Windows' completion ports.

use super::aio_uring::new_ring;
use super::{Family, Rung, USUAL};
use crate::count::{call, wait};
use crate::listener::Listener;
use crate::protocol::{MESSAGE, Message, answer};
use crate::stop::Stop;
use crate::sys;
use crate::watched::number::IO_URING_ENTER;
use io_uring::{IoUring, opcode, squeue, types};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub const RUNG: Rung = Rung {
    number: "13",
    name: "proactor",
    family: Family::Patterns,
    summary: "io_uring waits, reads and writes; handlers are called when it is done",
    serve,
    ..USUAL
};

const ACCEPT: u64 = 0;
const CLIENT: u64 = 1;
const STOP: u64 = 2;

/// The room for operations that are not handed over yet. When it is full, they are handed over, and it is empty again.
const ENTRIES: u32 = 1024;

/// One operation is under way for each, at all times, and its completion has the connection's token.
struct Connection {
    socket: OwnedFd,
    message: Message,
    received: usize,
    sent: usize,
}

struct Proactor<'a> {
    listener: &'a Listener,
    ring: IoUring,
    /// They are boxed, because the kernel writes to their messages in place.
    connections: HashMap<u64, Box<Connection>>,
    next_token: u64,
    is_accepting: bool,
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let ring = new_ring(ENTRIES)?;
    let connections = HashMap::new();
    let mut proactor = Proactor { listener, ring, connections, next_token: STOP + 1, is_accepting: false };
    proactor.wait_until_readable(stop.as_fd(), STOP)?;
    proactor.accept()?;
    while !stop.is_requested() {
        proactor.turn()?;
    }
    proactor.end()
}

impl Proactor<'_> {
    /// Hands over the operations, waits, and calls the handlers of those that are done.
    fn turn(&mut self) -> io::Result<()> {
        match wait(IO_URING_ENTER, -1, true, || self.ring.submit_and_wait(1)) {
            // A signal came, or completions that must be taken first.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY)) => {}
            result => drop(result?),
        }
        let completions: Vec<(u64, i32)> =
            self.ring.completion().map(|entry| (entry.user_data(), entry.result())).collect();
        for (token, result) in completions {
            match token {
                ACCEPT => self.on_accepted(result)?,
                CLIENT => self.on_client()?,
                STOP => {}
                _ => self.on_moved(token, result)?,
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let (fd, nowhere) = (types::Fd(self.listener.as_fd().as_raw_fd()), std::ptr::null_mut());
        self.is_accepting = true;
        self.hand_over(
            opcode::Accept::new(fd, nowhere, nowhere.cast()).flags(libc::SOCK_CLOEXEC).build(),
            ACCEPT,
        )
    }

    fn on_accepted(&mut self, result: i32) -> io::Result<()> {
        self.is_accepting = false;
        match -result {
            // SAFETY: the kernel just gave us this descriptor.
            ..=0 => self.begin(unsafe { OwnedFd::from_raw_fd(result) })?,
            // The listener was shut down.
            libc::EINVAL | libc::ECANCELED => return Ok(()),
            // It wants a descriptor before there is a client. When one comes, the listener turns it away.
            libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM => {
                self.is_accepting = true;
                return self.wait_until_readable(self.listener.as_fd(), CLIENT);
            }
            // This was an error of one client.
            _ => {}
        }
        self.accept()
    }

    /// Handles a client that has come when there was no descriptor for it at the last attempt.
    fn on_client(&mut self) -> io::Result<()> {
        self.is_accepting = false;
        // After a shut-down it is an error, as in `on_accepted`.
        match self.listener.accept() {
            Ok(socket) => socket.map_or(Ok(()), |socket| self.begin(socket))?,
            Err(_) => return Ok(()),
        }
        self.accept()
    }

    fn begin(&mut self, socket: OwnedFd) -> io::Result<()> {
        let token = self.next_token;
        self.next_token += 1;
        let connection = Connection { socket, message: [0; MESSAGE], received: 0, sent: 0 };
        self.connections.insert(token, Box::new(connection));
        self.go_on(token)
    }

    /// Bytes were received or sent.
    fn on_moved(&mut self, token: u64, result: i32) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&token) else { return Ok(()) };
        let is_answering = connection.received == MESSAGE;
        match result {
            // 0: the client sends no more. Negative: it is gone.
            ..=0 => {
                self.connections.remove(&token);
                return Ok(());
            }
            bytes if is_answering => connection.sent += bytes as usize,
            bytes => connection.received += bytes as usize,
        }
        if connection.sent == MESSAGE {
            (connection.received, connection.sent) = (0, 0);
        } else if connection.received == MESSAGE && !is_answering {
            answer(&mut connection.message);
        }
        self.go_on(token)
    }

    /// Starts the next operation of a connection.
    fn go_on(&mut self, token: u64) -> io::Result<()> {
        let connection = self.connections.get_mut(&token).expect("it was just looked at");
        let fd = types::Fd(connection.socket.as_raw_fd());
        let operation = if connection.received == MESSAGE {
            let rest = &connection.message[connection.sent..];
            opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32).flags(libc::MSG_NOSIGNAL).build()
        } else {
            let room = &mut connection.message[connection.received..];
            opcode::Recv::new(fd, room.as_mut_ptr(), room.len() as u32).build()
        };
        self.hand_over(operation, token)
    }

    /// Waits until a descriptor is readable, which is a completion like the others.
    fn wait_until_readable(&mut self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let poll = opcode::PollAdd::new(types::Fd(fd.as_raw_fd()), libc::POLLIN as u32);
        self.hand_over(poll.build(), token)
    }

    fn hand_over(&mut self, operation: squeue::Entry, token: u64) -> io::Result<()> {
        let operation = operation.user_data(token);
        // SAFETY: what it points to lies in the connection's box, which is kept until the completion has come.
        while unsafe { self.ring.submission().push(&operation) }.is_err() {
            // The queue is full.
            call(IO_URING_ENTER, -1, || self.ring.submit())?;
        }
        Ok(())
    }

    /// Shuts everything down, so that each operation completes, and waits for that.
    fn end(&mut self) -> io::Result<()> {
        sys::shut_down(self.listener.as_fd().as_raw_fd());
        while self.is_accepting || !self.connections.is_empty() {
            // It does so each time, because a client may just have been accepted.
            self.connections.values().for_each(|connection| sys::shut_down(connection.socket.as_raw_fd()));
            self.turn()?;
        }
        Ok(())
    }
}

impl Drop for Proactor<'_> {
    /// If the ring has failed, nobody knows what the kernel still writes to: the buffers had better be leaked than
    /// overwritten.
    fn drop(&mut self) {
        std::mem::take(&mut self.connections).into_values().for_each(std::mem::forget);
    }
}
