//! Pipes: pipe(7). What is written to one end is read from the other.
//!
//! A pipe is a queue of pages, like in Linux. A write of at most a page goes into one page whole, so it is atomic. A page
//! that was written to by several writes may stay partly empty: a pipe may be full with less than its capacity.
//!
//! Sources: pipe(7), fifo(7), and `fs/pipe.c` of Linux.

#[cfg(test)]
mod tests;

use super::Kernel;
use super::descriptors::{Fd, Kind};
use super::slab::Key;
use crate::Errno;
use std::collections::VecDeque;

/// Also `PIPE_BUF`, in bytes.
const PAGE: usize = 4_096;

/// pipe(7): 65,536 bytes.
const USUAL_PAGES: usize = 16;

/// `/proc/sys/fs/pipe-max-size`, in bytes.
const LARGEST: usize = 1_048_576;

const ALL: u32 = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;

pub(crate) struct Pipe {
    pages: VecDeque<Page>,
    /// How many pages it has at most.
    most: usize,
    /// The descriptions of the ends. One of a named pipe may be both.
    readers: Vec<Key>,
    writers: Vec<Key>,
    /// How often it was opened for writing.
    writers_seen: u32,
}

struct Page {
    bytes: Vec<u8>,
    /// So many bytes have been read.
    read: usize,
    /// O_DIRECT: one read takes it, and gets nothing else.
    is_packet: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct PipeEnd {
    pipe: Key,
    reads: bool,
    writes: bool,
    /// The writers that came before this end was opened without any: they are not its end of file. fifo(7).
    writers_before: Option<u32>,
}

impl Pipe {
    fn is_full(&self) -> bool {
        self.pages.len() >= self.most
    }
}

impl Kernel {
    /// pipe2(2): the end to read from, and the one to write to.
    pub(crate) fn open_pipe(&mut self, flags: i32) -> Result<(Fd, Fd), Errno> {
        if flags & !(libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_DIRECT) != 0 {
            return Err(libc::EINVAL);
        }
        let pipe = self.pipes.insert(Pipe::new());
        let reader = PipeEnd { pipe, reads: true, writes: false, writers_before: None };
        let writer = PipeEnd { pipe, reads: false, writes: true, writers_before: None };
        let first =
            self.open_end(reader, flags | libc::O_RDONLY).inspect_err(|_| drop(self.pipes.remove(pipe)))?;
        match self.open_end(writer, flags | libc::O_WRONLY) {
            Ok(second) => Ok((first, second)),
            Err(errno) => {
                self.close(first)?;
                Err(errno)
            }
        }
    }

    /// open(2) of a named pipe. `pipe` is what its node has kept from the last call, if any: the node keeps the key that
    /// is returned. A call that would wait for the other side fails with EAGAIN.
    pub(crate) fn open_fifo(&mut self, pipe: Option<Key>, flags: i32) -> Result<(Fd, Key), Errno> {
        let known = pipe.filter(|pipe| self.pipes.get(*pipe).is_some());
        let mode = flags & libc::O_ACCMODE;
        let (reads, writes) = (mode != libc::O_WRONLY, mode != libc::O_RDONLY);
        let waits = flags & libc::O_NONBLOCK == 0;
        let (has_readers, has_writers, seen) = known.map_or((false, false, 0), |pipe| {
            let pipe = &self.pipes[pipe];
            (!pipe.readers.is_empty(), !pipe.writers.is_empty(), pipe.writers_seen)
        });
        match (reads, writes) {
            (false, true) if !has_readers => return Err(if waits { libc::EAGAIN } else { libc::ENXIO }),
            (true, false) if !has_writers && waits => return Err(libc::EAGAIN),
            _ => {}
        }
        let pipe = known.unwrap_or_else(|| self.pipes.insert(Pipe::new()));
        let writers_before = (!writes && !has_writers).then_some(seen);
        let opened = self.open_end(PipeEnd { pipe, reads, writes, writers_before }, flags);
        if opened.is_err() && known.is_none() {
            self.pipes.remove(pipe);
        }
        Ok((opened?, pipe))
    }

    fn open_end(&mut self, end: PipeEnd, flags: i32) -> Result<Fd, Errno> {
        let fd = self.open(Kind::Pipe(end), flags)?;
        let description = self.description(fd)?;
        let pipe = &mut self.pipes[end.pipe];
        if end.reads {
            pipe.readers.push(description);
        }
        if end.writes {
            pipe.writers.push(description);
            pipe.writers_seen += 1;
        }
        self.notify_ends(end.pipe, ALL, ALL);
        Ok(fd)
    }

    fn pipe_end(&self, key: Key) -> Option<PipeEnd> {
        match &self.descriptions.get(key)?.kind {
            Kind::Pipe(end) => Some(*end),
            _ => None,
        }
    }

    fn notify_ends(&mut self, pipe: Key, to_readers: u32, to_writers: u32) {
        let Some(pipe) = self.pipes.get(pipe) else { return };
        let (readers, writers) = (pipe.readers.clone(), pipe.writers.clone());
        if to_readers != 0 {
            readers.into_iter().for_each(|reader| self.notify(reader, to_readers));
        }
        if to_writers != 0 {
            writers.into_iter().for_each(|writer| self.notify(writer, to_writers));
        }
    }

    /// The kernel's `pipe_poll`.
    pub(crate) fn pipe_mask(&self, end: &PipeEnd) -> u32 {
        let pipe = &self.pipes[end.pipe];
        let mut mask = 0;
        if end.reads && !pipe.pages.is_empty() {
            mask |= libc::EPOLLIN;
        }
        if end.reads && pipe.writers.is_empty() && end.writers_before != Some(pipe.writers_seen) {
            mask |= libc::EPOLLHUP;
        }
        if end.writes && !pipe.is_full() {
            mask |= libc::EPOLLOUT;
        }
        if end.writes && pipe.readers.is_empty() {
            mask |= libc::EPOLLERR;
        }
        mask as u32
    }

    pub(crate) fn read_pipe(&mut self, key: Key, to: &mut [u8]) -> Result<usize, Errno> {
        let end = self.pipe_end(key).filter(|end| end.reads).ok_or(libc::EBADF)?;
        if to.is_empty() {
            return Ok(0);
        }
        let pipe = &mut self.pipes[end.pipe];
        let was_full = pipe.is_full();
        let mut count = 0;
        while let Some(first) = pipe.pages.front_mut() {
            let unread = &first.bytes[first.read..];
            let now = unread.len().min(to.len() - count);
            to[count..count + now].copy_from_slice(&unread[..now]);
            count += now;
            first.read += now;
            let is_packet = first.is_packet;
            if is_packet || first.read == first.bytes.len() {
                pipe.pages.pop_front();
            }
            if is_packet || count == to.len() {
                break;
            }
        }
        if count == 0 && !pipe.writers.is_empty() {
            return Err(libc::EAGAIN);
        }
        if was_full && !pipe.is_full() {
            self.notify_ends(end.pipe, 0, libc::EPOLLOUT as u32);
        }
        Ok(count)
    }

    pub(crate) fn write_pipe(&mut self, key: Key, bytes: &[u8]) -> Result<usize, Errno> {
        let end = self.pipe_end(key).filter(|end| end.writes).ok_or(libc::EBADF)?;
        let is_packet = self.descriptions[key].flags & libc::O_DIRECT != 0;
        if bytes.is_empty() {
            return Ok(0);
        }
        let pipe = &mut self.pipes[end.pipe];
        if pipe.readers.is_empty() {
            return Err(libc::EPIPE);
        }
        let mut rest = bytes;
        // What does not fill a page goes into the last one, if it has room for all of it.
        let odd = bytes.len() % PAGE;
        let last = pipe.pages.back_mut().filter(|last| !last.is_packet && last.bytes.len() + odd <= PAGE);
        if let (Some(last), true) = (last, odd > 0) {
            last.bytes.extend_from_slice(&bytes[..odd]);
            rest = &bytes[odd..];
        }
        while !rest.is_empty() && !pipe.is_full() {
            let (page, later) = rest.split_at(rest.len().min(PAGE));
            pipe.pages.push_back(Page { bytes: page.to_vec(), read: 0, is_packet });
            rest = later;
        }
        let count = bytes.len() - rest.len();
        // Linux tells the readers also if nothing was written.
        self.notify_ends(end.pipe, libc::EPOLLIN as u32, 0);
        if count == 0 { Err(libc::EAGAIN) } else { Ok(count) }
    }

    /// FIONREAD.
    pub(crate) fn unread_of_pipe(&self, end: PipeEnd) -> usize {
        self.pipes[end.pipe].pages.iter().map(|page| page.bytes.len() - page.read).sum()
    }

    /// F_GETPIPE_SZ, in bytes.
    pub(crate) fn pipe_size(&self, end: PipeEnd) -> usize {
        self.pipes[end.pipe].most * PAGE
    }

    /// F_SETPIPE_SZ: returns the size, which is rounded up to a power of two of pages.
    pub(crate) fn set_pipe_size(&mut self, end: PipeEnd, size: usize) -> Result<usize, Errno> {
        if size > LARGEST {
            return Err(libc::EPERM);
        }
        let most = size.div_ceil(PAGE).max(1).next_power_of_two();
        let pipe = &mut self.pipes[end.pipe];
        if pipe.pages.len() > most {
            return Err(libc::EBUSY);
        }
        let has_grown = most > pipe.most;
        pipe.most = most;
        if has_grown {
            self.notify_ends(end.pipe, 0, libc::EPOLLOUT as u32);
        }
        Ok(most * PAGE)
    }

    /// The last descriptor of an end is closed.
    pub(crate) fn close_pipe(&mut self, end: PipeEnd, key: Key) {
        let pipe = &mut self.pipes[end.pipe];
        pipe.readers.retain(|reader| *reader != key);
        pipe.writers.retain(|writer| *writer != key);
        match (pipe.readers.is_empty(), pipe.writers.is_empty()) {
            (true, true) => drop(self.pipes.remove(end.pipe)),
            (false, false) => {}
            _ => self.notify_ends(end.pipe, ALL, ALL),
        }
    }
}

impl Pipe {
    fn new() -> Pipe {
        Pipe {
            pages: VecDeque::new(),
            most: USUAL_PAGES,
            readers: Vec::new(),
            writers: Vec::new(),
            writers_seen: 0,
        }
    }
}
