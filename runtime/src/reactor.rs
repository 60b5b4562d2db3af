//! The reactor: a table of sources. It turns what epoll reports into readiness bits and wake-ups.
//!
//! A *source* is a descriptor that somebody had to wait for, with what is known of its readiness and who waits.
//!
//! ```text
//!   epoll_wait ──▶ token ──▶ source: set bits, take the wakers they concern, wake them
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
//! 4. Every waiter is woken by the next report that concerns its interest, or by the end of the runtime.
//! 5. Wakers that are no slots of this thread are foreign code: they are put aside, and woken when nothing is borrowed.
//!
//! In tokio: `runtime/io/{driver,scheduled_io}.rs`.

use crate::ready::{Interest, Ready};
use crate::sys::Epoll;
use crate::task;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::task::Waker;
use std::time::Duration;

/// The bell's token. No source has it: there are fewer than 2^32 - 1 of them. So its events find nobody.
const BELL: u64 = u64::MAX;

/// How many poll-style waiters (see [`Waiter::POLL_STYLE`]) a source keeps for one interest.
const MAX_POLL_WAITERS: usize = 64;

pub(crate) struct Reactor {
    epoll: Epoll,
    sources: Vec<Source>,
    free: Vec<u32>,
    last_waiter: u64,
    /// Wakers that the latest turn could not wake itself, invariant 5.
    pub(crate) others: Vec<Waker>,
}

/// Names a source of one reactor: epoll's token. In the lower half its place in the table, in the upper half its
/// generation.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct SourceKey(u64);

/// 72 bytes: a server has one for each connection.
struct Source {
    key: SourceKey,
    waiters: Waiters,
    /// [`NO_FD`]: given up, or not yet registered.
    fd: RawFd,
    ready: Ready,
}

const NO_FD: RawFd = -1;

/// Who waits, and for what. One who reads and one who writes is the common case, and lies inline.
#[derive(Default)]
struct Waiters {
    first: [Option<Waiting>; 2],
    /// (Boxed: few have any, and then it is a word.)
    #[allow(clippy::box_collection)]
    more: Option<Box<Vec<Waiting>>>,
}

struct Waiting {
    whose: Whose,
    waker: Waker,
}

/// Tells the waiters of a source apart, so that each can update and withdraw its own waker. Fewer than 2^56.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter(u64);

impl Waiter {
    /// Has not waited yet; gets its number when it does.
    pub(crate) const NEW: Waiter = Waiter(0);
    /// A caller of a `poll_…` function, which cannot withdraw. Known by its waker only: the latest
    /// [`MAX_POLL_WAITERS`] different ones are kept, and one that has to go is woken, so that it is not lost.
    pub(crate) const POLL_STYLE: Waiter = Waiter(u64::MAX >> 8);
}

/// A waiter, and in the lowest byte its interest.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Whose(u64);

impl Whose {
    #[inline]
    fn new(waiter: Waiter, interest: Interest) -> Whose {
        Whose(waiter.0 << 8 | u64::from(interest.bits()))
    }

    #[inline]
    fn interest(self) -> Interest {
        Interest::from_bits(self.0 as u8)
    }

    #[inline]
    fn is_poll_style(self) -> bool {
        self.0 >> 8 == Waiter::POLL_STYLE.0
    }
}

/// What had to make room for a waker, and what to do with it when nothing is borrowed: drop it, if it was an older
/// one of the same waiter; wake it, if it is somebody else's, who would otherwise wait in vain.
type Displaced = Option<(Waker, fn(Waker))>;

impl Reactor {
    pub(crate) fn new(bell: RawFd) -> io::Result<Reactor> {
        let epoll = Epoll::new()?;
        epoll.add(bell, BELL)?;
        let (sources, free, others) = Default::default();
        Ok(Reactor { epoll, sources, free, last_waiter: 0, others })
    }

    /// Whether epoll has anything to watch but the bell.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.len() == self.free.len()
    }

    pub(crate) fn register(&mut self, fd: BorrowedFd<'_>) -> io::Result<SourceKey> {
        if self.free.is_empty() {
            let index = u32::try_from(self.sources.len()).expect("fewer sources than 2^32");
            let key = SourceKey(index.into());
            self.sources.push(Source { key, waiters: Waiters::default(), fd: NO_FD, ready: Ready::EMPTY });
            self.free.push(index);
        }
        let (fd, index) = (fd.as_raw_fd(), self.free[self.free.len() - 1] as usize);
        let key = self.sources[index].key;
        let has_source = || self.sources.iter().any(|source| source.fd == fd);
        match self.epoll.add(fd, key.0) {
            // Left behind by a source that was given up while a duplicate kept the file open: ours now.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !has_source() => {
                self.epoll.modify(fd, key.0)?;
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
        self.sources[index].fd = fd;
        Ok(key)
    }

    /// Gives a source up. The caller drops the wakers when nothing is borrowed.
    #[must_use]
    pub(crate) fn deregister(&mut self, key: SourceKey) -> Vec<Waker> {
        let Some(source) = self.source(key) else { return Vec::new() };
        // The next generation, invariant 3.
        source.key.0 = source.key.0.wrapping_add(1 << 32);
        (source.fd, source.ready) = (NO_FD, Ready::EMPTY);
        let mut wakers = Vec::new();
        source.waiters.take(Ready::ALL, |waker| wakers.push(waker));
        self.free.push(key.0 as u32);
        wakers
    }

    /// Reports no more of `fd`. Closing it does the same, so this is for one that stays open.
    pub(crate) fn forget(&mut self, key: SourceKey, fd: BorrowedFd<'_>) {
        let fd = fd.as_raw_fd();
        // Not the descriptor of another source: an `AsFd` of the user's may say anything.
        if self.source(key).is_some_and(|source| source.fd == fd) {
            // It can only fail if the descriptor is not in this epoll, which is what is wanted.
            let _ = self.epoll.delete(fd);
        }
    }

    /// Waits for events, records them, and wakes whom they concern, but for the `others`. Gives their number.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let mut events = 0;
        for (token, bits) in self.epoll.wait(timeout)? {
            events += 1;
            if let Some(source) = find(&mut self.sources, SourceKey(token)) {
                let ready = Ready::from_epoll(bits);
                source.ready |= ready;
                source.waiters.take(ready, |waker| self.others.extend(task::wake_own(waker)));
            }
        }
        Ok(events)
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

    /// As `clear`, of these bits.
    pub(crate) fn clear_matching(&mut self, key: SourceKey, ready: Ready) {
        if let Some(source) = self.source(key) {
            source.ready.remove(ready);
        }
    }

    /// Stores `waker` for the next report.
    // (Its usual way is short; out of line, passing the arguments would be most of it.)
    #[inline(always)]
    #[must_use]
    pub(crate) fn wait(
        &mut self,
        key: SourceKey,
        interest: Interest,
        waiter: &mut Waiter,
        waker: Waker,
    ) -> Displaced {
        if *waiter == Waiter::NEW {
            self.last_waiter += 1;
            *waiter = Waiter(self.last_waiter);
        }
        let whose = Whose::new(*waiter, interest);
        match self.source(key) {
            // Nobody waits: the common case.
            Some(Source { waiters: Waiters { first: [first @ None, None], more: None }, .. }) => {
                *first = Some(Waiting { whose, waker });
                None
            }
            Some(source) => source.waiters.store(whose, waker),
            None => Some((waker, Waker::wake)),
        }
    }

    /// Stops waiting. The caller drops the waker when nothing is borrowed.
    #[must_use]
    pub(crate) fn withdraw(&mut self, key: SourceKey, interest: Interest, waiter: Waiter) -> Option<Waker> {
        self.source(key)?.waiters.remove(Whose::new(waiter, interest))
    }

    /// The runtime ends: everybody who waits, to be woken. All sources are given up, so that [`wait`](Self::wait) wakes
    /// whoever comes later: the clone of a waker is foreign code, and may be what ends the runtime.
    #[must_use]
    pub(crate) fn close(&mut self) -> Vec<Waker> {
        let open = self.sources.iter().filter(|source| source.fd != NO_FD);
        let keys: Vec<SourceKey> = open.map(|source| source.key).collect();
        let mut wakers = Vec::new();
        for key in keys {
            wakers.extend(self.deregister(key));
        }
        wakers
    }

    #[inline]
    fn source(&mut self, key: SourceKey) -> Option<&mut Source> {
        find(&mut self.sources, key)
    }
}

/// Nobody, if it has been given up: invariant 3.
#[inline]
fn find(sources: &mut [Source], key: SourceKey) -> Option<&mut Source> {
    sources.get_mut(key.0 as u32 as usize).filter(|source| source.key == key)
}

impl Waiters {
    /// Takes those whom `ready` concerns, and does `each` with them.
    #[inline]
    fn take(&mut self, ready: Ready, mut each: impl FnMut(Waker)) {
        let concerns = |waiting: &mut Waiting| !ready.of(waiting.whose.interest()).is_empty();
        for first in &mut self.first {
            if let Some(waiting) = first.take_if(concerns) {
                each(waiting.waker);
            }
        }
        if let Some(more) = &mut self.more {
            // (One that does nothing takes the place of a waker that is taken.)
            more.retain_mut(|waiting| {
                let stays = !concerns(waiting);
                if !stays {
                    each(std::mem::replace(&mut waiting.waker, Waker::noop().clone()));
                }
                stays
            });
            if more.is_empty() {
                self.more = None;
            }
        }
    }

    #[inline(never)]
    fn store(&mut self, whose: Whose, waker: Waker) -> Displaced {
        let mut poll_style = 0;
        for other in
            self.first.iter_mut().flatten().chain(self.more.iter_mut().flat_map(|more| more.iter_mut()))
        {
            if other.whose != whose {
                continue;
            }
            if !whose.is_poll_style() || other.waker.will_wake(&waker) {
                return Some((std::mem::replace(&mut other.waker, waker), drop));
            }
            poll_style += 1;
        }
        let pushed_out = if poll_style == MAX_POLL_WAITERS { self.remove(whose) } else { None };
        let waiting = Waiting { whose, waker };
        match self.first.iter_mut().find(|first| first.is_none()) {
            // Whoever comes later must not get in front of those in `more`.
            Some(first) if self.more.is_none() => *first = Some(waiting),
            _ => self.more.get_or_insert_default().push(waiting),
        }
        pushed_out.map(|waker| (waker, Waker::wake as fn(Waker)))
    }

    /// The oldest entry of `whose`.
    fn remove(&mut self, whose: Whose) -> Option<Waker> {
        let taken = self.first.iter_mut().find_map(|first| first.take_if(|first| first.whose == whose));
        if let Some(taken) = taken {
            return Some(taken.waker);
        }
        let more = self.more.as_mut()?;
        let at = more.iter().position(|other| other.whose == whose)?;
        let taken = more.remove(at);
        if more.is_empty() {
            self.more = None;
        }
        Some(taken.waker)
    }
}
