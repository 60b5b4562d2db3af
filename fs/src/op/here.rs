//! Reading and writing at the file's position, which is the descriptor's own.
//!
//! read(2) and write(2) lock the position, and move it by the number of bytes that they move. io_uring does neither.
//! Two operations at once may use the same position. An operation that is done only in part, because the disk is full
//! or a limit is reached, may leave the position where it was, so that the next write would overwrite what was written.
//!
//! Invariants:
//! 1. An operation moves the position by the number of bytes that it has moved. If that was less than asked for, this
//!    module corrects the position.
//! 2. If others share the position, operations go to the pool, whose calls lock it.
//! 3. What is taken is written to its end, if possible, even if nobody waits for it: see [`leave`].

use super::transfer::{HERE, MOST, fd};
use super::{Running, call, start, start_on_pool};
use crate::buf::{IoBuf, IoBufMut, Pages};
use crate::open_file::OpenFile;
use ayi_runtime::io::uring::{Resources, is_available};
use ayi_runtime::runtime::Handle;
use io_uring::{opcode, types};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// What an operation at the position owns.
pub(crate) struct Here {
    pub(crate) file: Arc<OpenFile>,
    pub(crate) buf: Pages,
    /// The position before an operation of the ring. `None` if there is none, or if it is the kernel's affair.
    before: Option<u64>,
}

impl Resources for Here {}

impl Here {
    /// Reads the position, for an operation that goes through the ring. Returns `None` if it goes to the pool.
    fn prepare(file: &OpenFile) -> Option<Option<u64>> {
        match file.has_positions() {
            _ if !is_available() => None,
            // There is no position to share.
            false => Some(None),
            true => (!file.is_shared()).then(|| file.position()),
        }
    }

    /// Applies invariant 1 to an operation that has moved `moved` bytes of the `asked`.
    fn move_on(&self, moved: usize, asked: usize, is_append: impl FnOnce() -> bool) {
        let Some(before) = self.before.filter(|_| 0 < moved && moved < asked) else { return };
        if self.file.position() == Some(before) {
            let to = if is_append() { SeekFrom::End(0) } else { SeekFrom::Start(before + moved as u64) };
            // If this fails, the position means nothing, as for a device.
            let _ = (&self.file.std).seek(to);
        }
    }

    /// Returns whether writes go to the end, wherever the position is.
    fn is_appended(&self) -> bool {
        // SAFETY: asks for a number.
        let flags = unsafe { libc::fcntl(self.file.std.as_raw_fd(), libc::F_GETFL) };
        flags & libc::O_APPEND != 0
    }
}

/// Reads at most so many bytes.
pub(crate) fn read_here(file: Arc<OpenFile>, mut buf: Pages, most: usize) -> Running<Here> {
    buf.make_room(most);
    let prepared = Here::prepare(&file);
    let here = Here { file, buf, before: prepared.flatten() };
    let parts = move |here: &mut Here| (fd(&here.file), here.buf.room().cast::<u8>(), most.min(MOST));
    let blocking = move |here: &mut Here| {
        let (types::Fd(fd), to, len) = parts(here);
        // SAFETY: there is room for `len` bytes, which `here` owns.
        call(|| unsafe { libc::read(fd, to.cast(), len) })
    };
    let entry = |here: &mut Here| {
        let (fd, to, len) = parts(here);
        opcode::Read::new(fd, to, len as u32).offset(HERE).build()
    };
    match prepared {
        // SAFETY: the room is on the heap, and `here` owns it.
        Some(_) => unsafe { start(here, most, false, entry, blocking) },
        None => start_on_pool(here, false, blocking),
    }
}

/// Returns the bytes of a read that has ended.
pub(crate) fn bytes_of(
    (result, here): (io::Result<u32>, Option<Here>),
    asked: usize,
) -> (io::Result<usize>, Pages) {
    let Some(mut here) = here else { return (result.map(|read| read as usize), Pages::new()) };
    if let Ok(read) = result {
        here.move_on(read as usize, asked, || false);
        // SAFETY: the kernel has written so many bytes to the beginning of the room.
        unsafe { here.buf.set_len(read as usize) };
    }
    (result.map(|read| read as usize), here.buf)
}

/// Bytes that were taken to be written, and how many of them are written.
pub(crate) struct Taken {
    here: Here,
    /// The first byte that is not written.
    from: usize,
    /// Where that byte belongs, if reads have moved the position since.
    place: Option<u64>,
}

impl Taken {
    pub(crate) fn new(file: Arc<OpenFile>, buf: Pages) -> Taken {
        Taken { here: Here { file, buf, before: None }, from: 0, place: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.here.buf.len() - self.from
    }

    /// Returns the buffer, for its memory.
    pub(crate) fn into_buf(self) -> Pages {
        self.here.buf
    }

    /// Records that so many bytes of it are written.
    pub(crate) fn advance(&mut self, written: usize) {
        match &mut self.place {
            Some(place) => *place += written as u64,
            None => self.here.move_on(written, self.len(), || self.here.is_appended()),
        }
        self.from += written;
    }

    /// Prepares it to wait for another attempt, before which reads may move the position.
    pub(crate) fn set_aside(&mut self) {
        // If others share the position, or it is always the end, it stays right by itself.
        if !self.here.file.is_shared() && !self.here.is_appended() {
            self.place = self.place.or_else(|| self.here.file.position());
        }
    }

    /// Begins another attempt.
    fn resume(&mut self) {
        if self.place.is_some() && self.place == self.here.file.position() {
            self.place = None;
        }
    }

    /// Makes system calls until everything is written. Returns an error only if nothing was written; otherwise the next
    /// call meets it again.
    fn write(&self) -> io::Result<u32> {
        let mut done = 0;
        while done < self.len() {
            match self.write_once(done) {
                Ok(0) => break,
                Ok(written) => done += written as usize,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done as u32)
    }

    fn write_once(&self, done: usize) -> io::Result<u32> {
        let (types::Fd(fd), bytes) = (fd(&self.here.file), &self.here.buf[self.from + done..]);
        let (bytes, len) = (bytes.as_ptr().cast(), bytes.len().min(MOST));
        match self.place {
            // SAFETY: there are `len` bytes.
            None => call(|| unsafe { libc::write(fd, bytes, len) }),
            Some(place) => {
                let place = (place + done as u64) as libc::off_t;
                // SAFETY: likewise.
                call(|| unsafe { libc::pwrite(fd, bytes, len, place) })
            }
        }
    }
}

/// Invariant 3: nobody waits for it any longer.
impl Resources for Taken {
    fn abandoned(mut self: Box<Self>, result: i32) {
        if result > 0 {
            self.advance(result as usize);
            leave(*self);
        }
    }
}

/// Writes what is to be written.
pub(crate) fn write_here(mut taken: Taken) -> Running<Taken> {
    taken.resume();
    let prepared = match taken.place {
        None => Here::prepare(&taken.here.file),
        Some(_) => Some(None),
    };
    taken.here.before = prepared.flatten();
    let bytes = taken.len();
    let entry = |taken: &mut Taken| {
        let (fd, bytes) = (fd(&taken.here.file), &taken.here.buf.bytes()[taken.from..]);
        let len = bytes.len().min(MOST) as u32;
        opcode::Write::new(fd, bytes.as_ptr(), len).offset(taken.place.unwrap_or(HERE)).build()
    };
    let blocking = |taken: &mut Taken| taken.write();
    // The runtime's end must not wait for a call that may block for ever, which is a pipe's write on the pool.
    let is_lasting = taken.here.file.has_positions() || is_available();
    match prepared {
        // SAFETY: the bytes are on the heap, and `taken` owns them.
        Some(_) => unsafe { start(taken, bytes, is_lasting, entry, blocking) },
        None => start_on_pool(taken, is_lasting, blocking),
    }
}

/// Writes what is to be written, and reports no error. A file is written here and now: that is rare, mostly fails at
/// once, and there may be no runtime. A write that may block is left to the runtime. Without one, or without a thread
/// of its pool, the write is given up.
pub(crate) fn leave(mut taken: Taken) {
    if taken.len() == 0 {
        return;
    }
    taken.resume();
    if taken.here.file.has_positions() {
        let _ = taken.write();
    } else if Handle::try_current().is_ok() {
        drop(write_here(taken));
    }
}
