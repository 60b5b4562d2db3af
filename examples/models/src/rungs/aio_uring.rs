//! Rung 10, third form: io_uring.
//!
//! The time line is that of `aio`. Two rings of memory are shared with the kernel: operations go into one, and their
//! completions come out of the other. One call submits any number of operations, and taking completions needs none.
//! There is no signal, no thread, and no `O_DIRECT`. It knows nearly every call there is, see rung 13.
//!
//! In tokio: `tokio-uring`; within tokio itself, files still go to threads.

use super::aio::{self, BLOCK, Block, DEPTH, Disk, Finished};
use super::{Family, Rung, USUAL};
use crate::count::call;
use crate::listener::Listener;
use crate::stop::Stop;
use crate::watched::number;
use io_uring::{IoUring, opcode, types};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

pub const RUNG: Rung = Rung {
    number: "10",
    name: "aio_uring",
    family: Family::Kernel,
    summary: "io_uring reads the file: operations and completions in memory shared with the kernel",
    answer: BLOCK,
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let mut uring =
        Uring { ring: new_ring(DEPTH as u32)?, file: aio::open_blocks(false)?, buffers: HashMap::new() };
    aio::serve(listener, stop, &mut uring)
}

pub fn new_ring(entries: u32) -> io::Result<IoUring> {
    IoUring::new(entries).map_err(|error| {
        let remedy = "it needs Linux 5.6, and kernel.io_uring_disabled to be 0";
        io::Error::new(error.kind(), format!("the kernel gives no io_uring: {error}; {remedy}"))
    })
}

struct Uring {
    ring: IoUring,
    file: File,
    /// The kernel writes to them until the completion with their token has come.
    buffers: HashMap<u64, Box<Block>>,
}

impl Disk for Uring {
    fn start(&mut self, token: u64, offset: u64, mut block: Box<Block>) -> io::Result<()> {
        let read = opcode::Read::new(types::Fd(self.file.as_raw_fd()), block.0.as_mut_ptr(), BLOCK as u32);
        let entry = read.offset(offset).build().user_data(token);
        self.buffers.insert(token, block);
        // SAFETY: the buffer stays in `buffers`, and the file open, until the completion has come: `aio::serve` waits
        // for all of them. There is room, because each operation is submitted at once.
        unsafe { self.ring.submission().push(&entry) }.expect("the queue is empty");
        call(number::IO_URING_ENTER, -1, || self.ring.submit()).map(drop)
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the ring is open for as long as it is borrowed.
        unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) }
    }

    fn finished(&mut self) -> io::Result<Vec<Finished>> {
        let Uring { ring, buffers, .. } = self;
        let finished = ring.completion().filter_map(|entry| {
            let result = usize::try_from(entry.result());
            let result = result.map_err(|_| io::Error::from_raw_os_error(-entry.result()));
            let token = entry.user_data();
            Some(Finished { token, block: buffers.remove(&token)?, result })
        });
        Ok(finished.collect())
    }
}

impl Drop for Uring {
    /// If serving has failed, nobody knows what the kernel still writes to: the buffers had better be leaked than
    /// overwritten.
    fn drop(&mut self) {
        std::mem::take(&mut self.buffers).into_values().for_each(std::mem::forget);
    }
}
