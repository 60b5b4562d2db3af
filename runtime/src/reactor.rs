//! The reactor: a table of sources. It turns what epoll reports into readiness bits and wake-ups.
//!
//! A *source* is a descriptor that somebody had to wait for, with what is known of its readiness and who waits.
//!
//! ```text
//!   epoll_wait ──▶ token ──▶ source: set bits, take the wakers of that direction ──▶ wake them, nothing borrowed
//!   task ──▶ bit set? try the operation ──▶ WouldBlock: clear the bit, store the waker ──▶ Pending
//! ```
//!
//! Invariants:
//! 1. A source is registered once, for every edge, and never re-armed. It starts with no bit set: if the
//!    descriptor is ready, the kernel reports that at the next turn.
//! 2. A bit is cleared only after the kernel has said that nothing is left (`WouldBlock`, or a short transfer on
//!    a stream). Between that and the next `epoll_wait` no report can be missed, since both happen on this
//!    thread: an edge that came meanwhile is still in the kernel's list. (tokio, where another thread polls, has
//!    to count ticks here.)
//! 3. A token carries its source's generation, which changes when the source is given up: what the kernel still
//!    reports of an earlier descriptor, in the same batch say, finds nobody.
//! 4. Every waiter is woken by the next report for its direction, or by the end of the runtime.
//!
//! In tokio: `runtime/io/{driver,scheduled_io}.rs`.

use crate::ready::{Interest, Ready};
use crate::sys::Epoll;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::task::Waker;
use std::time::Duration;

/// The bell's token. No source has it: there are fewer than 2^32 - 1 of them.
const BELL: u64 = u64::MAX;

/// How many poll-style waiters (see [`Waiter::poll_style`]) one direction of a source keeps.
const MAX_POLL_WAITERS: usize = 64;

pub(crate) struct Reactor {
    epoll: Epoll,
    sources: Vec<Source>,
    free: Vec<u32>,
    last_waiter: u64,
}

/// Names a source of one reactor, as epoll's token does.
#[derive(Clone, Copy)]
pub(crate) struct SourceKey {
    index: u32,
    generation: u32,
}

struct Source {
    generation: u32,
    fd: RawFd,
    ready: Ready,
    /// By direction, see `Interest::index`.
    waiters: [Waiters; 2],
}

/// Who waits for one direction. One is the common case and lies inline.
#[derive(Default)]
struct Waiters {
    first: Option<(Waiter, Waker)>,
    more: Vec<(Waiter, Waker)>,
}

/// Tells the waiters of a source apart, so that each can update and withdraw its own waker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter(u64);

impl Waiter {
    /// Has not waited yet; gets its number when it does.
    pub(crate) const fn new() -> Waiter {
        Waiter(0)
    }

    /// A caller of a `poll_…` function, which cannot withdraw. Known by its waker only: the latest
    /// [`MAX_POLL_WAITERS`] different ones are kept, and one that has to go is woken, so that it is not lost.
    pub(crate) const fn poll_style() -> Waiter {
        Waiter(u64::MAX)
    }

    fn is_poll_style(self) -> bool {
        self == Waiter::poll_style()
    }
}

/// What had to make room for a waker. Waking and dropping are foreign code, so this is for when nothing is borrowed.
#[must_use]
pub(crate) enum Displaced {
    Nothing,
    /// An older waker of the same waiter.
    Drop(Waker),
    /// Somebody else's, who would otherwise wait in vain.
    Wake(Waker),
}

impl Displaced {
    pub(crate) fn settle(self) {
        match self {
            Displaced::Nothing => {}
            Displaced::Drop(waker) => drop(waker),
            Displaced::Wake(waker) => waker.wake(),
        }
    }
}

impl Reactor {
    pub(crate) fn new(bell: RawFd) -> io::Result<Reactor> {
        let epoll = Epoll::new()?;
        epoll.add(bell, BELL)?;
        Ok(Reactor { epoll, sources: Vec::new(), free: Vec::new(), last_waiter: 0 })
    }

    /// Whether epoll has anything to watch but the bell.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.len() == self.free.len()
    }

    pub(crate) fn register(&mut self, fd: BorrowedFd<'_>) -> io::Result<SourceKey> {
        let index = match self.free.last() {
            Some(&index) => index,
            None => {
                let index = u32::try_from(self.sources.len()).expect("fewer sources than 2^32");
                self.sources.push(Source {
                    generation: 0,
                    fd: -1,
                    ready: Ready::EMPTY,
                    waiters: Default::default(),
                });
                self.free.push(index);
                index
            }
        };
        let key = SourceKey { index, generation: self.sources[index as usize].generation };
        let fd = fd.as_raw_fd();
        match self.epoll.add(fd, key.token()) {
            // Left behind by a source that was given up while a duplicate kept the file open: ours now.
            Err(error)
                if error.kind() == ErrorKind::AlreadyExists && !self.sources.iter().any(|s| s.fd == fd) =>
            {
                self.epoll.modify(fd, key.token())?;
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(io::Error::new(
                    ErrorKind::PermissionDenied,
                    "epoll cannot wait for this kind of descriptor, since it never blocks for long: a regular \
                     file or a directory. Use spawn_blocking for it",
                ));
            }
            result => result?,
        }
        self.free.pop();
        self.sources[index as usize].fd = fd;
        Ok(key)
    }

    /// Gives a source up. The caller drops the wakers when nothing is borrowed.
    #[must_use]
    pub(crate) fn deregister(&mut self, key: SourceKey) -> Vec<Waker> {
        let Some(source) = self.source(key) else { return Vec::new() };
        source.generation = source.generation.wrapping_add(1);
        source.fd = -1;
        source.ready = Ready::EMPTY;
        let mut wakers = Vec::new();
        source.waiters.iter_mut().for_each(|waiters| waiters.take(&mut wakers));
        self.free.push(key.index);
        wakers
    }

    /// Reports no more of `fd`. Closing it does the same, so this is for one that stays open.
    pub(crate) fn forget(&self, fd: BorrowedFd<'_>) {
        // It can only fail if the descriptor is not in this epoll, which is what is wanted.
        let _ = self.epoll.delete(fd.as_raw_fd());
    }

    /// Waits for events, records them, and puts whom they concern into `wakers`.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>, wakers: &mut Vec<Waker>) -> io::Result<()> {
        let Reactor { epoll, sources, .. } = self;
        for (token, bits) in epoll.wait(timeout)? {
            if token == BELL {
                continue;
            }
            let key = SourceKey::from_token(token);
            let Some(source) = sources.get_mut(key.index as usize) else { continue };
            // Invariant 3.
            if source.generation == key.generation {
                source.record(Ready::from_epoll(bits), wakers);
            }
        }
        Ok(())
    }

    pub(crate) fn ready(&mut self, key: SourceKey, interest: Interest) -> Ready {
        self.source(key).map_or(Ready::EMPTY, |source| source.ready.of(interest))
    }

    /// A transfer on a stream was short: nothing is left, if that can be told from it.
    pub(crate) fn clear_after_short(&mut self, key: SourceKey, interest: Interest) {
        if let Some(source) = self.source(key).filter(|source| source.ready.allows_short_cut()) {
            source.ready.clear(interest);
        }
    }

    /// The kernel has said that nothing is left: invariant 2.
    pub(crate) fn clear(&mut self, key: SourceKey, interest: Interest) {
        if let Some(source) = self.source(key) {
            source.ready.clear(interest);
        }
    }

    /// Stores `waker` for the next report.
    pub(crate) fn wait(
        &mut self,
        key: SourceKey,
        interest: Interest,
        waiter: &mut Waiter,
        waker: Waker,
    ) -> Displaced {
        if *waiter == Waiter::new() {
            self.last_waiter += 1;
            *waiter = Waiter(self.last_waiter);
        }
        match self.source(key) {
            Some(source) => source.waiters[interest.index()].store(*waiter, waker),
            None => Displaced::Wake(waker),
        }
    }

    /// Stops waiting. The caller drops the waker when nothing is borrowed.
    #[must_use]
    pub(crate) fn withdraw(&mut self, key: SourceKey, interest: Interest, waiter: Waiter) -> Option<Waker> {
        self.source(key)?.waiters[interest.index()].remove(waiter)
    }

    /// The runtime ends: everybody who waits, to be woken.
    #[must_use]
    pub(crate) fn take_all_wakers(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        self.sources.iter_mut().flat_map(|s| &mut s.waiters).for_each(|waiters| waiters.take(&mut wakers));
        wakers
    }

    #[inline]
    fn source(&mut self, key: SourceKey) -> Option<&mut Source> {
        self.sources.get_mut(key.index as usize).filter(|source| source.generation == key.generation)
    }
}

impl SourceKey {
    fn token(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    fn from_token(token: u64) -> SourceKey {
        SourceKey { index: token as u32, generation: (token >> 32) as u32 }
    }
}

impl Source {
    fn record(&mut self, ready: Ready, wakers: &mut Vec<Waker>) {
        self.ready.insert(ready);
        for interest in [Interest::READABLE, Interest::WRITABLE] {
            if !ready.of(interest).is_empty() {
                self.waiters[interest.index()].take(wakers);
            }
        }
    }
}

impl Waiters {
    fn take(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.first.take().map(|(_, waker)| waker));
        wakers.extend(self.more.drain(..).map(|(_, waker)| waker));
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut (Waiter, Waker)> {
        self.first.iter_mut().chain(&mut self.more)
    }

    fn store(&mut self, waiter: Waiter, waker: Waker) -> Displaced {
        let mut poll_style = 0;
        for (other, stored) in self.iter_mut() {
            if *other == waiter && (!waiter.is_poll_style() || stored.will_wake(&waker)) {
                return Displaced::Drop(std::mem::replace(stored, waker));
            }
            poll_style += usize::from(other.is_poll_style());
        }
        let is_full = waiter.is_poll_style() && poll_style == MAX_POLL_WAITERS;
        let pushed_out = if is_full { self.remove(waiter) } else { None };
        match &mut self.first {
            first @ None if self.more.is_empty() => *first = Some((waiter, waker)),
            _ => self.more.push((waiter, waker)),
        }
        pushed_out.map_or(Displaced::Nothing, Displaced::Wake)
    }

    /// The oldest entry of `waiter`.
    fn remove(&mut self, waiter: Waiter) -> Option<Waker> {
        if self.first.as_ref().is_some_and(|(first, _)| *first == waiter) {
            return self.first.take().map(|(_, waker)| waker);
        }
        let at = self.more.iter().position(|(other, _)| *other == waiter)?;
        Some(self.more.remove(at).1)
    }
}
