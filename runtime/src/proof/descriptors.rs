//! What models of descriptors have in common.

use crate::core::sys::Line;
use crate::io::{Interest, Registration};
use crate::runtime::Handle;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// A descriptor that a model makes ready. It has the number of stdin, from which nothing is read.
pub(super) fn line() -> &'static Line {
    Line::new(std::io::stdin().as_fd().as_raw_fd())
}

/// Waits until the line is ready, or, of `None`, for what never is.
pub(super) async fn read(registration: &Registration, line: Option<&'static Line>) -> io::Result<()> {
    let stdin = std::io::stdin();
    let read = || match line.is_some_and(Line::is_ready) {
        true => Ok(()),
        false => Err(io::Error::from(io::ErrorKind::WouldBlock)),
    };
    registration.async_io(stdin.as_fd(), Interest::READABLE, read, |_| false).await
}

/// How many descriptors of the runtime are in epoll.
pub(super) fn open(handle: &Handle) -> u64 {
    let metrics = handle.metrics();
    metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count()
}
