//! The standard streams.
//!
//! [`stdin`], [`stdout`] and [`stderr`] wait in the runtime's epoll if the stream can be waited for: pipes, terminals,
//! sockets. So a read that waits for somebody to type costs no thread, and does not keep the program from ending. Files
//! are read and written by the runtime's pool of threads.
//!
//! Nothing is changed that other processes see. In particular no stream is made non-blocking, because the shell and the
//! other programs of a pipeline have the same one.
//!
//! ```no_run
//! use ayi::io::AsyncReadExt;
//! # let rt = ayi::runtime::Runtime::new().unwrap();
//! # rt.block_on(async {
//! let mut stdin = ayi::io::stdin();
//! let mut buf = [0; 1024];
//! let n = stdin.read(&mut buf).await?;
//! println!("{n} bytes");
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```
//!
//! In tokio: `io/{stdin,stdout,stderr}.rs`.

mod input;
mod open;
mod output;
mod polled;
mod pooled;
mod sys;

pub use input::{Stdin, stdin};
pub use output::{Stderr, Stdout, stderr, stdout};

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Duplicates the descriptor of a standard stream, so that it stays valid whatever becomes of the number 0, 1 or 2.
fn duplicate(stream: BorrowedFd<'_>, name: &str) -> io::Result<File> {
    match stream.try_clone_to_owned() {
        Ok(fd) => Ok(fd.into()),
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Err(io::Error::other(format!(
            "{name} is not open: something has closed descriptor {}. Let it be /dev/null instead, or the next file \
             that is opened takes its place",
            stream.as_raw_fd()
        ))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
