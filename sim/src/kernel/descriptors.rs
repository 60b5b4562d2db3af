//! Descriptors: numbers of what programs have open.
//!
//! Invariants:
//! 1. A simulated descriptor's number is at least [`BASE`], which no number of the real kernel is. So each call knows
//!    whose it is.
//! 2. Several descriptors may share a description, by dup(2). It is released with the last of them.

use super::Kernel;
use super::epoll::Epoll;
use super::files::OpenFile;
use super::hosts::HostId;
use super::pipe::PipeEnd;
use super::slab::Key;
use super::udp::Udp;
use super::unix::Unix;
use crate::Errno;
use std::cmp::Reverse;

pub(crate) type Fd = i32;

pub(crate) const BASE: Fd = 1 << 20;

/// What a descriptor is an open one of.
pub(crate) enum Kind {
    /// Readable when the host's program is to give the thread back.
    Parked(bool),
    /// A real eventfd that is watched by a simulated epoll instance: the bell of a runtime, which outlives runs. Whether
    /// it has been written to.
    Bell(bool),
    Epoll(Epoll),
    Tcp(Key),
    Udp(Udp),
    Unix(Unix),
    Pipe(PipeEnd),
    File(OpenFile),
}

/// An open file description.
pub(crate) struct Description {
    pub(crate) kind: Kind,
    pub(crate) host: HostId,
    /// As F_GETFL returns them.
    pub(crate) flags: i32,
    pub(crate) users: u32,
    /// The epoll instances that watch it, and as which descriptor.
    pub(crate) watchers: Vec<(Key, Fd)>,
}

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) description: Key,
    pub(crate) host: HostId,
    pub(crate) is_closed_on_exec: bool,
}

#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Option<Entry>>,
    free: std::collections::BinaryHeap<Reverse<Fd>>,
}

impl Table {
    fn insert(&mut self, entry: Entry) -> Fd {
        let at = match self.free.pop() {
            Some(Reverse(at)) => at,
            None => {
                self.entries.push(None);
                self.entries.len() as Fd - 1
            }
        };
        self.entries[at as usize] = Some(entry);
        BASE + at
    }

    fn get(&mut self, fd: Fd) -> Option<&mut Entry> {
        let at = usize::try_from(fd.checked_sub(BASE)?).ok()?;
        self.entries.get_mut(at)?.as_mut()
    }

    fn remove(&mut self, fd: Fd) -> Option<Entry> {
        let at = usize::try_from(fd.checked_sub(BASE)?).ok()?;
        let entry = self.entries.get_mut(at)?.take()?;
        self.free.push(Reverse(at as Fd));
        Some(entry)
    }

    fn of_host(&self, host: HostId) -> Vec<Fd> {
        let all = self.entries.iter().enumerate();
        all.filter(|(_, entry)| entry.is_some_and(|e| e.host == host))
            .map(|(at, _)| BASE + at as Fd)
            .collect()
    }
}

impl Kernel {
    /// Makes a description with a descriptor, for the host whose program runs. `flags` are those of open(2); O_CLOEXEC
    /// among them is the descriptor's.
    pub(crate) fn open(&mut self, kind: Kind, flags: i32) -> Result<Fd, Errno> {
        let host = self.here()?;
        let description =
            Description { kind, host, flags: flags & !libc::O_CLOEXEC, users: 0, watchers: Vec::new() };
        if self.host(host).fds >= self.host(host).max_fds {
            return Err(libc::EMFILE);
        }
        let description = self.descriptions.insert(description);
        self.add_descriptor(description, flags & libc::O_CLOEXEC != 0)
    }

    /// Makes one more descriptor of a description.
    pub(crate) fn add_descriptor(&mut self, description: Key, is_closed_on_exec: bool) -> Result<Fd, Errno> {
        let host = self.here()?;
        if self.host(host).fds >= self.host(host).max_fds {
            return Err(libc::EMFILE);
        }
        self.host(host).fds += 1;
        self.descriptions[description].users += 1;
        Ok(self.table.insert(Entry { description, host, is_closed_on_exec }))
    }

    pub(crate) fn entry(&mut self, fd: Fd) -> Result<&mut Entry, Errno> {
        let here = self.here()?;
        self.table.get(fd).filter(|entry| entry.host == here).ok_or(libc::EBADF)
    }

    pub(crate) fn description(&mut self, fd: Fd) -> Result<Key, Errno> {
        self.entry(fd).map(|entry| entry.description)
    }

    pub(crate) fn kind(&mut self, fd: Fd) -> Result<&mut Kind, Errno> {
        let description = self.description(fd)?;
        Ok(&mut self.descriptions[description].kind)
    }

    /// Whether calls on it may wait, as far as `flags` of the call do not forbid it: MSG_DONTWAIT.
    pub(crate) fn may_wait(&mut self, fd: Fd, flags: i32) -> bool {
        let Ok(description) = self.description(fd) else { return false };
        self.descriptions[description].flags & libc::O_NONBLOCK == 0 && flags & libc::MSG_DONTWAIT == 0
    }

    pub(crate) fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        let entry = *self.entry(fd)?;
        self.table.remove(fd);
        self.host(entry.host).fds -= 1;
        self.give_up(entry.description);
        Ok(())
    }

    /// One user of a description less.
    pub(crate) fn give_up(&mut self, key: Key) {
        let description = &mut self.descriptions[key];
        description.users -= 1;
        if description.users > 0 {
            return;
        }
        for (epoll, fd) in std::mem::take(&mut description.watchers) {
            self.forget(epoll, fd, key);
        }
        let Some(description) = self.descriptions.remove(key) else { return };
        match description.kind {
            Kind::Tcp(tcp) => self.close_tcp(tcp),
            Kind::Udp(udp) => self.close_udp(udp, key, description.host),
            Kind::Unix(unix) => self.close_unix(unix, key),
            Kind::Pipe(end) => self.close_pipe(end, key),
            Kind::File(file) => self.close_file(file, key, description.host),
            Kind::Epoll(epoll) => self.close_epoll(epoll, key),
            Kind::Parked(_) | Kind::Bell(_) => {}
        }
    }

    /// Closes all that the program of `host` has left open: it has ended.
    pub(crate) fn close_all(&mut self, host: HostId) {
        for fd in self.table.of_host(host) {
            let before = self.here.replace(host);
            let _ = self.close(fd);
            self.here = before;
        }
        self.discard_unix_in_flight(host);
    }

    /// The states of a description, in the bits of poll(2).
    pub(crate) fn mask(&self, key: Key) -> u32 {
        let description = &self.descriptions[key];
        match &description.kind {
            Kind::Parked(is_ready) | Kind::Bell(is_ready) => u32::from(*is_ready) * libc::EPOLLIN as u32,
            Kind::Epoll(_) => 0,
            Kind::Tcp(tcp) => self.tcp_mask(*tcp),
            Kind::Udp(udp) => udp.mask(),
            Kind::Unix(_) => self.unix_mask(key),
            Kind::Pipe(end) => self.pipe_mask(end),
            Kind::File(_) => (libc::EPOLLIN | libc::EPOLLOUT) as u32,
        }
    }
}
