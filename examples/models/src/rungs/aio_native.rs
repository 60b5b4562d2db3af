//! Rung 10, second form: Linux's native AIO.
//!
//! The time line is that of `aio`. `io_submit` gives operations to the kernel, `io_getevents` takes those that are
//! done, and an eventfd says when there is something to take, so it can be waited for together with the sockets. It is
//! asynchronous only with `O_DIRECT`, past the kernel's cache, with whole blocks at aligned addresses. Otherwise
//! `io_submit` itself waits for the disk, and does not say so.
//!
//! In tokio: nothing; databases use it.

use super::aio::{self, BLOCK, Block, DEPTH, Disk, Finished};
use super::{Family, Rung, USUAL};
use crate::count::call;
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use crate::watched::number;
use libc::{c_long, iocb};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;

pub const RUNG: Rung = Rung {
    number: "10",
    name: "aio_native",
    family: Family::Kernel,
    summary: "io_submit reads the file past the cache (O_DIRECT), and an eventfd says when it is done",
    answer: BLOCK,
    serve,
    ..USUAL
};

// io_submit(2) and io_getevents(2) use these, and the C library does not declare them.
const IOCB_CMD_PREAD: u16 = 0;
const IOCB_FLAG_RESFD: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
struct Event {
    token: u64,
    operation: u64,
    result: i64,
    result_2: i64,
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let mut native = Native::new(aio::open_blocks(true)?)?;
    aio::serve(listener, stop, &mut native)
}

struct Native {
    context: c_long,
    file: File,
    event: OwnedFd,
    /// The kernel writes to them until the event with their token has come.
    buffers: HashMap<u64, Box<Block>>,
}

impl Native {
    fn new(file: File) -> io::Result<Native> {
        let event = sys::eventfd(libc::EFD_NONBLOCK)?;
        let mut context: c_long = 0;
        // SAFETY: `context` is writable, and 0 as io_setup(2) asks.
        let setup = || unsafe { libc::syscall(libc::SYS_io_setup, DEPTH as c_long, &raw mut context) };
        check(call(number::IO_SETUP, -1, setup))?;
        Ok(Native { context, file, event, buffers: HashMap::new() })
    }
}

impl Disk for Native {
    fn start(&mut self, token: u64, offset: u64, mut block: Box<Block>) -> io::Result<()> {
        // SAFETY: zeros are a valid iocb.
        let mut operation: iocb = unsafe { std::mem::zeroed() };
        operation.aio_data = token;
        operation.aio_lio_opcode = IOCB_CMD_PREAD;
        operation.aio_fildes = self.file.as_raw_fd() as u32;
        operation.aio_buf = block.0.as_mut_ptr() as u64;
        operation.aio_nbytes = BLOCK as u64;
        operation.aio_offset = offset as i64;
        operation.aio_flags = IOCB_FLAG_RESFD;
        operation.aio_resfd = self.event.as_raw_fd() as u32;
        self.buffers.insert(token, block);
        let mut operations = [&raw mut operation];
        // SAFETY: the kernel copies the operation; the buffer stays in `buffers`, and the file open, until its event
        // has come: `aio::serve` waits for all of them.
        let submit = || unsafe {
            libc::syscall(libc::SYS_io_submit, self.context, 1 as c_long, operations.as_mut_ptr())
        };
        check(call(number::IO_SUBMIT, self.file.as_raw_fd(), submit)).map(drop)
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    fn finished(&mut self) -> io::Result<Vec<Finished>> {
        // First the bell is read, then what it has rung for: what comes in between rings again.
        sys::take(&self.event)?;
        let mut events = [Event { token: 0, operation: 0, result: 0, result_2: 0 }; DEPTH];
        let (none, all) = (0 as c_long, DEPTH as c_long);
        // SAFETY: there is room for that many events. There is no time limit, because it does not wait for the first.
        let get = || unsafe {
            libc::syscall(
                libc::SYS_io_getevents,
                self.context,
                none,
                all,
                events.as_mut_ptr(),
                null_mut::<libc::timespec>(),
            )
        };
        let number = check(call(number::IO_GETEVENTS, self.event.as_raw_fd(), get))?;
        let finished = events[..number as usize].iter().filter_map(|event| {
            let result = usize::try_from(event.result);
            let result = result.map_err(|_| io::Error::from_raw_os_error(-event.result as i32));
            Some(Finished { token: event.token, block: self.buffers.remove(&event.token)?, result })
        });
        Ok(finished.collect())
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: it waits for what is under way, io_destroy(2); only then are the buffers dropped.
        let _ = check(call(number::IO_DESTROY, -1, || unsafe {
            libc::syscall(libc::SYS_io_destroy, self.context)
        }));
    }
}

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
