//! Rung 10, first form: POSIX AIO.
//!
//! The time line is that of `aio`. `aio_read` returns at once; a signal says when the data is in the buffer. On Linux
//! it is the C library that does it, aio(7), with threads that call `pread` and block. So only the name is gained, and
//! the kernel does no more than in rung 3.
//!
//! The signal is a real-time one, because those are queued, and carries the token. It is fetched through a signalfd, so
//! that it can be waited for together with the sockets.
//!
//! In tokio: `spawn_blocking`, which does the same with threads of its own.

use super::aio::{self, BLOCK, Block, Disk, Finished};
use super::{Family, Rung, USUAL};
use crate::count::count;
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use libc::aiocb;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

pub const RUNG: Rung = Rung {
    number: "10",
    name: "aio_posix",
    family: Family::Kernel,
    summary: "aio_read reads the file, and a signal says when it is done; the C library does it with threads",
    answer: BLOCK,
    serve,
    ..USUAL
};

/// The system calls of the C library's threads for a read, which [`count`] cannot see: `pread64`, and `rt_sigqueueinfo`
/// for the signal, with `getpid` and `getuid` for its contents.
const HIDDEN_CALLS: u64 = 4;

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let signals = sys::signalfd(libc::SIGRTMIN())?;
    let mut posix = Posix { signals, file: aio::open_blocks(false)?, reads: HashMap::new() };
    aio::serve(listener, stop, &mut posix)
}

struct Read {
    /// The C library works with it in place.
    control: Box<aiocb>,
    /// A thread of the C library writes to it, until `aio_error` says that the read is no longer under way.
    block: Box<Block>,
}

struct Posix {
    signals: OwnedFd,
    file: File,
    reads: HashMap<u64, Read>,
}

impl Disk for Posix {
    fn start(&mut self, token: u64, offset: u64, mut block: Box<Block>) -> io::Result<()> {
        // SAFETY: zeros are a valid aiocb.
        let mut control: Box<aiocb> = Box::new(unsafe { std::mem::zeroed() });
        control.aio_fildes = self.file.as_raw_fd();
        control.aio_buf = block.0.as_mut_ptr().cast();
        control.aio_nbytes = BLOCK;
        control.aio_offset = offset as i64;
        control.aio_sigevent.sigev_notify = libc::SIGEV_SIGNAL;
        control.aio_sigevent.sigev_signo = libc::SIGRTMIN();
        // SAFETY: both boxes stay in `reads` until the read is finished: `aio::serve` waits for all of them.
        sys::check(unsafe { libc::aio_read(&mut *control) })?;
        self.reads.insert(token, Read { control, block });
        Ok(())
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    fn finished(&mut self) -> io::Result<Vec<Finished>> {
        while sys::take_signal(&self.signals).is_ok() {}
        // All reads that are under way are checked, and not only those that a signal came for: a signal that finds the
        // queue of signals full is not sent.
        // SAFETY: `control` is that of a read that was started and not yet asked for its result.
        let is_finished = |read: &Read| unsafe { libc::aio_error(&*read.control) } != libc::EINPROGRESS;
        let tokens: Vec<u64> =
            self.reads.iter().filter(|(_, read)| is_finished(read)).map(|(token, _)| *token).collect();
        let finished = tokens.into_iter().filter_map(|token| {
            let mut read = self.reads.remove(&token)?;
            count(HIDDEN_CALLS);
            // SAFETY: as above, and it is finished.
            let result = unsafe { libc::aio_return(&mut *read.control) };
            let result = usize::try_from(result).map_err(|_| io::Error::other("aio_read has failed"));
            Some(Finished { token, block: read.block, result })
        });
        Ok(finished.collect())
    }
}

impl Drop for Posix {
    /// If serving has failed, nobody knows what the C library still writes to: the buffers had better be leaked than
    /// overwritten.
    fn drop(&mut self) {
        std::mem::take(&mut self.reads).into_values().for_each(std::mem::forget);
    }
}
