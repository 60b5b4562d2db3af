//! Sequential reading and writing, for the traits of `ayi-io`. Their buffers are only borrowed, so the kernel gets one
//! of our own.
//!
//! ```text
//!   poll_read: nothing is ahead ──▶ reading ── completed ──▶ ahead: bytes for this read and the next ones
//!
//!   poll_write takes the bytes, ──▶ writing ── completed ──▶ all is written
//!   and says so                     ▲  ▲ │         │ with an error, which is told once
//!              the next part of it  └──┼─┘         ▼
//!                                      └──────── unwritten
//!                     the next write, flush, sync, seek, …
//! ```
//!
//! Invariants:
//! 1. The position is the descriptor's own, so that clones share it, as std's do. A read that was given up leaves bytes
//!    *ahead*: the position is beyond what the user has seen by that many. It is moved back before anything other than
//!    a read.
//! 2. What `poll_write` has taken is written before anything that comes after it. The operation continues when the file
//!    is dropped.
//! 3. The next call that is not a read returns the error of a write, once. What is unwritten is kept, and the call
//!    after that tries again, unless the error says that this is in vain: see [`is_final`]. So nothing that is written
//!    later comes before it.
//! 4. Without positions, as in a pipe or a socket, reading and writing are independent: neither waits for the other,
//!    and what is ahead stays.
//!
//! In tokio: `fs/file.rs`.

use crate::buf::Pages;
use crate::op::{self, Here, Running, Taken};
use crate::open_file::OpenFile;
use std::io::{self, IoSlice, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The most that one operation moves, unless the user says otherwise. It is large enough that the system call is small
/// compared with the copying. What is in the page cache is copied on this thread, in some 30 µs, while other tasks
/// wait.
pub(crate) const MAX_BUF_SIZE: usize = 256 * 1024;

pub(crate) struct Sequential {
    /// With the number of bytes that it asks for.
    reading: Option<(Running<Here>, usize)>,
    writing: Option<Running<Taken>>,
    /// What could not be written so far.
    unwritten: Option<Taken>,
    /// The reason, if it has not been returned yet.
    error: Option<io::Error>,
    /// What has been read. Once all of it has been asked for, only its memory is of use.
    buf: Pages,
    /// How much of it has been asked for.
    seen: usize,
    pub(crate) max_buf_size: usize,
    /// The seek that `start_seek` has asked for. It comes before anything else.
    pub(crate) seek_to: Option<SeekFrom>,
}

impl Sequential {
    pub(crate) const fn new() -> Sequential {
        Sequential {
            reading: None,
            writing: None,
            unwritten: None,
            error: None,
            buf: Pages::new(),
            seen: 0,
            max_buf_size: MAX_BUF_SIZE,
            seek_to: None,
        }
    }

    /// Passes up to `room` bytes to `take`, and returns how many.
    pub(crate) fn poll_read(
        &mut self,
        file: &Arc<OpenFile>,
        cx: &mut Context<'_>,
        room: usize,
        take: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        if room == 0 {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_written(file, cx));
        loop {
            if let Some((reading, asked)) = &mut self.reading {
                let ended = ready!(Pin::new(reading).poll(cx));
                let (result, buf) = op::bytes_of(ended, *asked);
                (self.reading, self.buf, self.seen) = (None, buf, 0);
                match result {
                    Ok(0) => return Poll::Ready(Ok(0)),
                    Ok(_) => {}
                    Err(error) => {
                        self.buf.empty(self.max_buf_size);
                        return Poll::Ready(Err(error));
                    }
                }
            }
            let ahead = &self.buf[self.seen..];
            if !ahead.is_empty() {
                let len = ahead.len().min(room);
                take(&ahead[..len]);
                self.seen += len;
                return Poll::Ready(Ok(len));
            }
            // It does not read into all the room: others who share the position, or the pipe, should find the bytes
            // that nobody asked for here.
            let most = room.min(self.max_buf_size);
            self.reading = Some((op::read_here(file.clone(), self.take_buf(), most), most));
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        file: &Arc<OpenFile>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        ready!(self.poll_step_back(file, cx))?;
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // Without positions, the buffer may still hold bytes.
        let mut buf = if self.is_ahead() { Pages::new() } else { self.take_buf() };
        buf.fill(parts, self.max_buf_size);
        let len = buf.len();
        self.writing = Some(op::write_here(Taken::new(file.clone(), buf)));
        Poll::Ready(Ok(len))
    }

    /// Ready when what has been taken is written. What could not be written is tried again.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_writing(cx));
            if let Some(error) = self.error.take() {
                return Poll::Ready(Err(error));
            }
            let Some(taken) = self.unwritten.take() else { return Poll::Ready(Ok(())) };
            self.writing = Some(op::write_here(taken));
        }
    }

    pub(crate) fn poll_seek(
        &mut self,
        file: &Arc<OpenFile>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        ready!(self.poll_settle(file, cx))?;
        // lseek(2) changes a number, so it needs no thread.
        Poll::Ready((&file.std).seek(to))
    }

    /// Flushes, and moves the position to where the user is, for others who have the position too.
    pub(crate) fn poll_settle(&mut self, file: &Arc<OpenFile>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        self.poll_step_back(file, cx)
    }

    /// Ready when the write under way has ended, for calls that must not overtake it. Its error is another call's:
    /// invariant 3. Without positions it does not wait: invariant 4.
    pub(crate) fn poll_written(&mut self, file: &OpenFile, cx: &mut Context<'_>) -> Poll<()> {
        if self.writing.is_none() || !file.has_positions() {
            return Poll::Ready(());
        }
        self.poll_writing(cx)
    }

    fn poll_writing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(writing) = &mut self.writing {
            let (result, taken) = ready!(Pin::new(writing).poll(cx));
            self.writing = None;
            let Some(mut taken) = taken else {
                self.error = result.err();
                break;
            };
            let error = match result {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(written) => {
                    taken.advance(written as usize);
                    if taken.len() > 0 {
                        self.writing = Some(op::write_here(taken));
                    } else if !self.is_ahead() {
                        self.buf = taken.into_buf();
                        self.seen = self.buf.len();
                    }
                    continue;
                }
                Err(error) => error,
            };
            if !is_final(&error) {
                taken.set_aside();
                self.unwritten = Some(taken);
            }
            self.error = Some(error);
        }
        Poll::Ready(())
    }

    /// Applies invariant 1, once a read that is under way has ended.
    pub(crate) fn poll_step_back(&mut self, file: &OpenFile, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_to_move = self.reading.is_some() || self.is_ahead();
        if !is_to_move || !file.has_positions() {
            return Poll::Ready(Ok(()));
        }
        if let Some((reading, asked)) = &mut self.reading {
            let ended = ready!(Pin::new(reading).poll(cx));
            let (_, buf) = op::bytes_of(ended, *asked);
            (self.reading, self.buf, self.seen) = (None, buf, 0);
        }
        Poll::Ready(self.step_back(&file.std))
    }

    /// Discards what is ahead.
    pub(crate) fn step_back(&mut self, mut file: &std::fs::File) -> io::Result<()> {
        let ahead = self.buf.len() - self.seen;
        if ahead > 0 {
            file.seek(SeekFrom::Current(-(ahead as i64)))?;
            self.seen = self.buf.len();
        }
        Ok(())
    }

    /// Returns whether bytes have been read that nobody has asked for yet.
    fn is_ahead(&self) -> bool {
        self.seen < self.buf.len()
    }

    /// Returns whether no call has to wait for another, or has an error to return.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_written = self.writing.is_none() && self.unwritten.is_none() && self.error.is_none();
        is_written && self.reading.is_none() && !self.is_ahead()
    }

    /// Discards errors: nobody will ask for them.
    pub(crate) fn forget_errors(&mut self) {
        (self.error, self.unwritten) = (None, None);
    }

    /// Returns whether there is an unreported error, or something that could not be written.
    pub(crate) fn has_failed(&self) -> bool {
        self.error.is_some() || self.unwritten.is_some()
    }

    fn take_buf(&mut self) -> Pages {
        self.seen = 0;
        let mut buf = std::mem::take(&mut self.buf);
        buf.empty(self.max_buf_size);
        buf
    }
}

/// Tries again what could not be written, or had not begun to be, as std's `BufWriter` does.
impl Drop for Sequential {
    fn drop(&mut self) {
        let refused = self.writing.take().and_then(Running::into_refused);
        self.unwritten.take().into_iter().chain(refused).for_each(op::leave);
    }
}

/// Returns whether another attempt is in vain: the file is not open for writing, takes no such writes, or nobody will
/// ever read from the pipe. A full disk, a quota, a limit or a lack of memory may pass.
fn is_final(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBADF | libc::EINVAL | libc::EPIPE))
}
