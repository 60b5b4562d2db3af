//! A file from the number of a descriptor.
//!
//! Invariant: the caller hands over a descriptor that is open and owned by nobody else, as the trait demands.

use crate::File;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

impl FromRawFd for File {
    unsafe fn from_raw_fd(fd: RawFd) -> File {
        // SAFETY: the caller's promise.
        File::from(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}
