//! Asks a server to stop: wherever it waits, it returns.

use crate::sys;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub struct Stop {
    is_requested: AtomicBool,
    /// It becomes readable, and stays so.
    event: OwnedFd,
    /// The sockets on which a thread blocks.
    blocking: Mutex<BTreeSet<RawFd>>,
}

impl Stop {
    pub fn new() -> io::Result<Stop> {
        let event = sys::eventfd(libc::EFD_NONBLOCK)?;
        Ok(Stop { is_requested: AtomicBool::new(false), event, blocking: Mutex::default() })
    }

    /// Asks for the stop. Any thread may call it.
    pub fn request(&self) {
        let blocking = self.blocking.lock().unwrap_or_else(PoisonError::into_inner);
        // Release: pairs with the Acquire in `is_requested`.
        self.is_requested.store(true, Ordering::Release);
        sys::add(&self.event, 1);
        blocking.iter().for_each(|&fd| sys::shut_down(fd));
    }

    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Acquire)
    }

    /// Returns a descriptor for servers that wait for many descriptors at once. It becomes readable when they are to
    /// stop.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// For servers whose threads block on one descriptor: as long as the guard lives, a request shuts the socket down,
    /// so that the call on it returns. Drop the guard before the socket.
    pub fn interrupts(&self, socket: impl AsFd) -> Interrupts<'_> {
        let fd = socket.as_fd().as_raw_fd();
        let mut blocking = self.blocking.lock().unwrap_or_else(PoisonError::into_inner);
        blocking.insert(fd);
        if self.is_requested() {
            sys::shut_down(fd);
        }
        Interrupts { stop: self, fd }
    }
}

pub struct Interrupts<'a> {
    stop: &'a Stop,
    fd: RawFd,
}

impl Drop for Interrupts<'_> {
    fn drop(&mut self) {
        self.stop.blocking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.fd);
    }
}
