//! Reading and writing one after the other, as the `futures-io` traits want it: into and out of buffers that are only
//! borrowed, so the kernel gets one of our own.
//!
//! ```text
//!            poll_read: nothing unread             completed
//!   Idle ──────────────────────────────▶ Reading ────────────▶ Idle, with bytes that are unread
//!     │  poll_write: takes the bytes, and says so               completed with all
//!     └────────────────────────────────▶ Writing ◀─┐ ────────────────────────────▶ Idle
//!                                                  └─ completed with some: the rest
//! ```
//!
//! Invariants:
//! 1. The position is the descriptor's own, so that clones share it, as std's do. It is ahead of what the user has seen
//!    by the bytes that are unread, which a read has left that was given up; before anything but a read it is moved back.
//! 2. What `poll_write` has taken is written, whoever waits for it: the operation goes on when the file is dropped, and
//!    its error is the next call's.
//!
//! In tokio: `fs/file.rs`.

use crate::buf::Pages;
use crate::op::{self, HERE, Running, Transfer};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// How much one operation moves at most, unless the user says otherwise. Large enough that the system call is small
/// beside the copying; what is in the page cache is copied on this thread, some 30 µs, and others wait for it.
pub(crate) const MAX_BUF_SIZE: usize = 256 * 1024;

pub(crate) struct Sequential {
    state: State,
    /// For the next operation; kept for its allocation.
    buf: Pages,
    /// From where on bytes in `buf` have been read and not been asked for yet.
    unread: usize,
    /// Of a write that nobody has waited for so far.
    error: Option<io::Error>,
    pub(crate) max_buf_size: usize,
}

enum State {
    Idle,
    Reading(Running<Transfer<Pages>>),
    /// From this byte on.
    Writing(Running<Transfer<Pages>>, usize),
}

impl Sequential {
    pub(crate) const fn new() -> Sequential {
        Sequential {
            state: State::Idle,
            buf: Pages::new(),
            unread: 0,
            error: None,
            max_buf_size: MAX_BUF_SIZE,
        }
    }

    pub(crate) fn poll_read(
        &mut self,
        file: &Arc<File>,
        cx: &mut Context<'_>,
        to: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if to.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_written(file, cx))?;
        loop {
            if let State::Reading(reading) = &mut self.state {
                let ended = ready!(Pin::new(reading).poll(cx));
                self.state = State::Idle;
                let (result, buf) = op::buffer_of(ended);
                self.buf = buf.unwrap_or_default();
                self.unread = 0;
                match result {
                    Ok(0) => return Poll::Ready(Ok(0)),
                    Ok(_) => {}
                    Err(error) => {
                        self.buf.empty(self.max_buf_size);
                        return Poll::Ready(Err(error));
                    }
                }
            }
            let unread = &self.buf[self.unread..];
            if !unread.is_empty() {
                let len = unread.len().min(to.len());
                to[..len].copy_from_slice(&unread[..len]);
                self.unread += len;
                return Poll::Ready(Ok(len));
            }
            let mut buf = self.take_buf();
            let most = to.len().min(self.max_buf_size);
            buf.make_room(most);
            // (Not into all the room: who shares the position, or the pipe, is to find there what nobody asked for here.)
            self.state = State::Reading(op::read(file.clone(), buf, most, HERE));
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        file: &Arc<File>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(file, cx))?;
        ready!(self.poll_step_back(file, cx))?;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let len = bytes.len().min(self.max_buf_size);
        let mut buf = self.take_buf();
        buf.fill(&bytes[..len]);
        self.state = State::Writing(op::write(file.clone(), buf, 0, HERE), 0);
        Poll::Ready(Ok(len))
    }

    /// Until what has been taken is written.
    pub(crate) fn poll_flush(&mut self, file: &Arc<File>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_written(file, cx))?;
        Poll::Ready(self.error.take().map_or(Ok(()), Err))
    }

    pub(crate) fn poll_seek(
        &mut self,
        file: &Arc<File>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        ready!(self.poll_flush(file, cx))?;
        ready!(self.poll_step_back(file, cx))?;
        // (lseek(2) changes a number: no need for a thread.)
        Poll::Ready((&**file).seek(to))
    }

    fn poll_written(&mut self, file: &Arc<File>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let State::Writing(writing, from) = &mut self.state {
            let (result, transfer) = ready!(Pin::new(writing).poll(cx));
            let from = *from;
            self.state = State::Idle;
            let Some(transfer) = transfer else {
                self.error = result.err();
                break;
            };
            self.buf = transfer.buf;
            self.unread = self.buf.len();
            let written = match result {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                result => result,
            };
            match written {
                Ok(written) if from + (written as usize) < self.buf.len() => {
                    let (buf, from) = (std::mem::take(&mut self.buf), from + written as usize);
                    self.unread = 0;
                    self.state = State::Writing(op::write(file.clone(), buf, from, HERE), from);
                }
                Ok(_) => {}
                Err(error) => self.error = Some(error),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// For others who have the position too: flushes, and moves it to where the user is. Where there are no positions,
    /// in a pipe, what is unread stays here.
    pub(crate) fn poll_settle(&mut self, file: &Arc<File>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(file, cx))?;
        if (&**file).stream_position().is_err() {
            return Poll::Ready(Ok(()));
        }
        self.poll_step_back(file, cx)
    }

    /// Invariant 1, once a read that is under way has ended.
    fn poll_step_back(&mut self, file: &Arc<File>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let State::Reading(reading) = &mut self.state {
            let (_, buf) = op::buffer_of(ready!(Pin::new(reading).poll(cx)));
            self.state = State::Idle;
            (self.buf, self.unread) = (buf.unwrap_or_default(), 0);
        }
        Poll::Ready(self.step_back(file))
    }

    /// Forgets what is unread.
    pub(crate) fn step_back(&mut self, mut file: &File) -> io::Result<()> {
        let unread = self.buf.len() - self.unread;
        self.unread = self.buf.len();
        if unread > 0 {
            file.seek(SeekFrom::Current(-(unread as i64)))?;
        }
        Ok(())
    }

    fn take_buf(&mut self) -> Pages {
        self.unread = 0;
        let mut buf = std::mem::take(&mut self.buf);
        buf.empty(self.max_buf_size);
        buf
    }
}
