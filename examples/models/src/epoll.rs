//! epoll as safe functions: the kernel keeps the list of what we wait for, epoll(7).

use crate::count::call;
use crate::sys::check;
use crate::watched::number;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

pub const READABLE: u32 = libc::EPOLLIN as u32;
pub const WRITABLE: u32 = libc::EPOLLOUT as u32;
/// Reports each change once, instead of each state for as long as it lasts.
pub const EDGE: u32 = libc::EPOLLET as u32;
/// Reports one change, and then nothing until `modify` asks again.
pub const ONCE: u32 = libc::EPOLLONESHOT as u32;

/// How many events one call returns. The rest comes with the next call.
const ROOM: usize = 256;

pub struct Epoll(OwnedFd);

/// What one `wait` has returned.
pub struct Events(Vec<libc::epoll_event>);

impl Epoll {
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers are passed.
        let create = || unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        let fd = check(call(number::EPOLL_CREATE, -1, create))?;
        // SAFETY: the kernel just gave us this descriptor.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds a descriptor to the list. Closing it takes it out again.
    pub fn add(&self, fd: impl AsFd, interest: u32, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd().as_raw_fd(), interest, token)
    }

    /// Changes what a descriptor on the list is to be ready for. The descriptor is given by its number, because it may
    /// have been handed to another thread.
    pub fn modify(&self, fd: RawFd, interest: u32, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, interest, token)
    }

    fn control(&self, operation: i32, fd: RawFd, interest: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest, u64: token };
        // SAFETY: `event` outlives the call, which copies it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) }).map(drop)
    }

    /// Waits until something happens, at most `timeout`. A signal ends the wait without events.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        // It is rounded up. Otherwise a wait of less than a millisecond would be none, over and over.
        let timeout = timeout.map_or(-1, |time| time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32);
        events.0.clear();
        // SAFETY: there is room for that many events.
        let result = check(unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.0.as_mut_ptr(), ROOM as i32, timeout)
        });
        match result {
            // SAFETY: the kernel wrote that many events.
            Ok(number) => unsafe { events.0.set_len(number as usize) },
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Events {
    pub fn new() -> Events {
        Events(Vec::with_capacity(ROOM))
    }

    /// Returns the token of each descriptor that is ready, and for what it is ready.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.0.iter().map(|event| (event.u64, event.events))
    }
}
