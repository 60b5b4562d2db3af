//! Standard streams that epoll can wait for: pipes, terminals, sockets, devices.
//!
//! How an operation avoids waiting depends on what the stream is ([`How`]). `O_NONBLOCK` may not be set: it belongs to
//! the open file description, which other processes have as well (open(2)), for example the shell. The shell would find
//! its terminal in another mode than it left it, and other programs of the pipeline would see `EAGAIN`.
//!
//! Invariants:
//! 1. Flags and mode of the inherited file description are never changed.
//! 2. An operation that would wait returns `WouldBlock`, and the kernel itself has said so, by `EAGAIN` or by poll(2).
//!    So edge-triggered reports suffice: one that comes after that is still to be read.
//! 3. The registration leaves epoll before the descriptor is closed, because the file description may live on.
//!
//! In tokio: –. Its standard streams block a thread of the pool, so a program there does not end before somebody
//! presses Enter.

use super::sys;
use ayi_runtime::io::{Interest, Registration};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

/// A stream, and how operations on it avoid waiting.
#[derive(Debug)]
pub(super) struct Polled {
    // It stands before the descriptor, so that it is dropped first.
    registration: Registration,
    pub(super) file: File,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    /// It has been opened again: the file description is our own, and non-blocking.
    OwnDescription,
    /// A socket: each call asks not to wait (`MSG_DONTWAIT`).
    EachCall,
    /// poll(2) is asked before each call. If another process takes what poll(2) has promised before the call does, the
    /// call waits, and the thread with it. Two processes should not read from one terminal or pipe anyway: each would
    /// get pieces.
    AfterPoll,
}

impl Polled {
    pub(super) fn new(file: File, how: How) -> Polled {
        Polled { registration: Registration::new(), file, how }
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // A short read says nothing here: a terminal returns a line at a time, a pipe in packet mode a packet.
        self.registration.poll_io(self.file.as_fd(), Interest::READABLE, cx, || self.try_read(buf), |_| false)
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.registration.poll_io(
            self.file.as_fd(),
            Interest::WRITABLE,
            cx,
            || self.try_write(buf),
            |_| false,
        )
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.how {
            How::OwnDescription => (&self.file).read(buf),
            How::EachCall => sys::recv(self.file.as_fd(), buf),
            How::AfterPoll if sys::is_ready(self.file.as_fd(), libc::POLLIN)? => (&self.file).read(buf),
            How::AfterPoll => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        match self.how {
            How::OwnDescription => (&self.file).write(buf),
            How::EachCall => sys::send(self.file.as_fd(), buf),
            How::AfterPoll if sys::is_ready(self.file.as_fd(), libc::POLLOUT)? => {
                // A pipe that is ready has room for that much (pipe(7)). A terminal may have less: the call then waits
                // until the terminal has taken the rest.
                (&self.file).write(&buf[..buf.len().min(libc::PIPE_BUF)])
            }
            How::AfterPoll => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Drop for Polled {
    /// Invariant 3.
    fn drop(&mut self) {
        mem::take(&mut self.registration).deregister(self.file.as_fd());
    }
}
