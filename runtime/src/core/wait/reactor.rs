//! The reactor: it turns what epoll reports of sources into readiness bits and wake-ups.
//!
//! A *source* is a descriptor that a task had to wait for, with what is known of its readiness and who waits. It has an
//! address that never goes away, as a slot has, and that address is epoll's token and what a registration holds.
//!
//! ```text
//!   epoll_wait ──▶ token ──▶ source: set bits, take the wakers they concern, wake them
//!   task ──▶ tie ──▶ source: bit set? try the operation ──▶ WouldBlock: clear the bit, store the waker ──▶ Pending
//! ```
//!
//! Invariants:
//! 1. A source is registered once, for every edge, and never re-armed. It starts with no bit set: if the
//!    descriptor is ready, the kernel reports that at the next turn.
//! 2. A bit is cleared only after the kernel has said that nothing is left (`WouldBlock`, or a short transfer on
//!    a stream), and only if nothing has been reported since the operation began, or since the guard was made that says
//!    so ([`Seen`]). A bit that says that a direction is closed is cleared only if poll(2) agrees.
//! 3. A token carries its source's generation, which changes when the source is given up. So what the kernel still
//!    reports of an earlier descriptor, because a duplicate keeps it open, finds no source. A message that was sent for an
//!    earlier descriptor finds none either, nor does a registration whose source was given up.
//! 4. Every waiter is woken by the next report that concerns its interest, or by the end of the runtime. A waiter that
//!    was woken tries its operation, even if no bit is set by then: another waiter's operation may have found nothing
//!    where this one finds something.
//! 5. Wakers that are no slots of this thread are foreign code: they are put aside, and woken when nothing is borrowed.
//! 6. What one interest clears stays known to the others. Each single interest has bits of its own in [`Known`]; what a
//!    set of several interests clears is kept apart, in `taken`.
//! 7. A source leaves epoll when it is given up, not when its descriptor is closed. A duplicate may keep the description
//!    open, and after the close no call could take it out.
//! 8. *One owner.* A source is never freed. It is in the pool, or belongs to one reactor, from when that takes it out until
//!    that is dropped. Its cells are touched only on the thread that has the reactor's runtime: through the reactor, or
//!    by a tie whose source has the user that `HERE` names (see `current`). A runtime gives a source up after its tie names
//!    another, or is dropped. So a tie that this thread has just read needs no comparison of generations. Guests are sources
//!    whose cells are touched under a lock, see `guests`, and whose user is marked, so no thread takes one for its own.
//! 9. A reactor that is closed touches no source, whatever key it is asked for.
//! 10. A descriptor that goes to another runtime, or that is given up on another thread, leaves epoll under the lock of
//!     `moves`, and its source's `fd` says so from then on. Who has a key of another runtime's source, and that lock, may
//!     rely on `fd` being open, if there is one.
//!
//! In tokio: `runtime/io/{driver,scheduled_io}.rs`.

use super::waiters::{Asker, Settle, Waiter, Waiters, direction};
use crate::core::ready::{Interest, Known};
use crate::core::sync::Cell;
use crate::core::sync::atomic::{AtomicI32, AtomicU16, AtomicU64, Ordering};
use crate::core::sys::{self, Epoll};
use crate::core::task;
use crate::plugged::{Guests, Recorder, Sources, Tie};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// The bell's token: that of a guest which there never is.
const BELL: u64 = u64::MAX;

pub(crate) struct Reactor {
    runtime: u64,
    pub(crate) epoll: Epoll,
    /// All its sources.
    pub(crate) pages: Vec<Page>,
    free: Vec<&'static Source>,
    pub(crate) turns: u64,
    /// What sets of several interests have cleared: invariant 6. In order of the keys.
    pub(crate) taken: Vec<Taken>,
    /// Wakers that the latest turn has put aside: invariant 5.
    pub(crate) others: Vec<Waker>,
    /// What other threads have put into epoll.
    pub(crate) guests: Arc<Guests>,
    /// Invariant 9.
    pub(crate) is_closed: bool,
}

/// A key and a set of interests, and what that set has cleared. They are in a list, since a tree takes longer to compile than
/// the rest of the reactor.
pub(crate) type Taken = ((u64, u16), Known);

/// Names a source as it is used for one descriptor. This is epoll's token: the address, which has 48 bits, then 15 bits of
/// the generation, and a bit that says whether it is a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey(pub(crate) u64);

impl SourceKey {
    pub(crate) fn of(source: &'static Source) -> SourceKey {
        let address = std::ptr::from_ref(source).expose_provenance() as u64;
        SourceKey(address << 16 | u64::from(source.generation()))
    }

    /// Whether it is of no source, and so without an address.
    #[inline]
    pub(crate) fn is_untied(self) -> bool {
        self.0 >> 16 == 0
    }

    /// The source. It may have been given up.
    #[inline]
    pub(crate) fn source(self) -> &'static Source {
        debug_assert!(!self.is_untied(), "there is no source");
        let address = std::ptr::with_exposed_provenance::<Source>((self.0 >> 16) as usize);
        // SAFETY: keys are made of sources alone, which are never freed: invariant 8. Those of no source do not come here.
        unsafe { &*address }
    }

    #[inline]
    pub(crate) fn is_guest(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The user of a source that nobody has. There is no such runtime.
pub(crate) const VACANT: u64 = u64::MAX;
/// The mark in the user of a guest's source: it is no runtime's own.
pub(crate) const OF_A_GUEST: u64 = 1 << 63;

/// When an asker looked at what is known: how many reports there had been. After exactly 2^32 further reports of one
/// source that cannot be told from none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) u32);

/// What [`Source::look_or_wait`] has found.
pub(crate) enum Look {
    /// Something is known. An asker that is a future no longer waits, since the report has taken its waker, and is
    /// [`Waiter::NEW`] from here on: the caller says so to it.
    Try(&'static Source, Seen),
    /// Nothing is known, and the asker waits now.
    Waits,
    /// Neither can be told by a quick look: see `SourceKey::try_or_wait`.
    Unusual,
}

/// 80 bytes: a server has one for each connection.
pub(crate) struct Source {
    pub(crate) waiters: Waiters,
    /// The number of the runtime that has it. This and the next two are changed by who has the source, and read by all.
    user: AtomicU64,
    /// [`NO_FD`]: not registered, or no longer.
    fd: AtomicI32,
    /// The last 16 bits of its keys: 15 bits, then whether it is a guest.
    generation: AtomicU16,
    pub(crate) known: Cell<Known>,
}

/// So many are made, and handed out, at a time.
pub(crate) type Page = &'static [Source];

pub(crate) const NO_FD: RawFd = -1;

const _: () = assert!(size_of::<Source>() <= 80 || cfg!(loom));

// SAFETY: invariant 8. Wakers, which are all that it holds, are `Send`.
unsafe impl Sync for Source {}

impl Reactor {
    pub(crate) fn new(runtime: u64, bell: RawFd) -> io::Result<Reactor> {
        let epoll = Epoll::new()?;
        epoll.add(bell, BELL)?;
        let guests = Arc::new(Guests::new(runtime, epoll.reference()));
        let (pages, free, taken, others) = Default::default();
        Ok(Reactor { runtime, epoll, pages, free, turns: 0, taken, others, guests, is_closed: false })
    }

    /// Whether epoll has anything to watch but the bell.
    pub(crate) fn is_empty(&self) -> bool {
        self.pages.len() * Sources::PER_PAGE == self.free.len() && self.guests.are_none()
    }

    /// Adds a source, and puts its key in the place of `old`. Meanwhile no other thread adds the same descriptor as a guest.
    /// Gives the key, and whether it is in `tie` now.
    pub(crate) fn register(&mut self, fd: RawFd, tie: &Tie, old: SourceKey) -> io::Result<(SourceKey, bool)> {
        debug_assert!(!self.is_closed, "invariant 9");
        let guests = self.guests.list();
        if self.free.is_empty() {
            let page = Sources::take();
            self.pages.push(page);
            // Backwards, so that they are handed out in the order of their addresses.
            self.free.extend(page.iter().rev());
        }
        let source = self.free[self.free.len() - 1];
        let key = SourceKey::of(source);
        let is_known =
            || guests.have(fd) || self.pages.iter().any(|page| page.iter().any(|it| it.fd() == fd));
        match self.epoll.add(fd, key.0) {
            // An earlier source left it behind: its descriptor was closed first, while a duplicate kept the file open.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !is_known() => {
                self.epoll.modify(fd, key.0)?;
            }
            result => result?,
        }
        self.free.pop();
        source.begin(self.runtime, fd);
        Recorder::registered(key, fd);
        Ok((key, tie.exchange(old, key)))
    }

    /// Gives a source up, whose descriptor is still open if it `is_open`. The caller drops the wakers when nothing is
    /// borrowed.
    #[must_use]
    pub(crate) fn deregister(&mut self, key: SourceKey, is_open: bool) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let Some(source) = self.source(key) else { return wakers };
        let fd = source.end(&mut wakers);
        Recorder::given_up(key, fd);
        self.free.push(source);
        if !self.taken.is_empty() {
            self.taken.retain(|taken| taken.0.0 != key.0);
        }
        if is_open {
            self.epoll.reference().delete(fd);
        }
        wakers
    }

    /// Waits for events, records them, and wakes whom they concern, but for the `others`. Gives their number.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        self.turns += 1;
        let reports = self.epoll.wait(timeout)?;
        let events = reports.len();
        Recorder::looked(timeout, events);
        for (token, bits) in reports {
            let key = SourceKey(token);
            let known = Known::from_epoll(bits);
            if !key.is_guest() {
                if let Some(source) = find(key) {
                    Recorder::reported(key, bits);
                    source.report(known, &mut self.others);
                    if !self.taken.is_empty() {
                        give_back(&mut self.taken, key, known);
                    }
                }
            } else if token != BELL {
                self.guests.report(key, known, &mut self.others);
            }
        }
        Ok(events)
    }

    /// An operation that began at `seen`, or before anything was known, has found nothing left: invariants 2 and 6.
    /// False if something has been reported meanwhile.
    pub(crate) fn clear(&mut self, key: SourceKey, interest: Interest, seen: Option<Seen>) -> bool {
        let known = self.known(key, interest);
        match seen {
            Some(seen) => self.clear_known(key, interest, known, seen),
            None => known.is_empty(),
        }
    }

    /// Like `clear`, of what was `known` at `seen`.
    pub(crate) fn clear_known(
        &mut self,
        key: SourceKey,
        interest: Interest,
        known: Known,
        seen: Seen,
    ) -> bool {
        let Some(source) = self.source(key) else { return true };
        if source.seen() != seen {
            return false;
        }
        let gone =
            known.of(interest) - if known.is_closed() { source.still_closed() } else { Known::NOTHING };
        if interest.is_compound() {
            match self.find_taken(key, interest) {
                Ok(at) => self.taken[at].1 = self.taken[at].1 | gone,
                Err(at) => self.taken.insert(at, ((key.0, interest.bits()), gone)),
            }
        } else {
            source.known.set(source.known.get() - gone);
        }
        true
    }

    /// Stores `waker`, which is a clone of the asker's, for the next report.
    pub(crate) fn wait(&mut self, key: SourceKey, asker: &mut Asker<'_>, waker: Waker) -> Settle {
        match self.source(key) {
            Some(source) => source.waiters.store(asker, waker, Some(self.turns)),
            None => Settle::Wake(waker),
        }
    }

    /// Stops waiting. The caller drops the waker when nothing is borrowed.
    #[must_use]
    pub(crate) fn withdraw(&mut self, key: SourceKey, interest: Interest, waiter: Waiter) -> Option<Waker> {
        self.source(key)?.waiters.remove(interest, waiter)
    }

    /// The source, unless it has been given up.
    pub(crate) fn source(&mut self, key: SourceKey) -> Option<&'static Source> {
        if self.is_closed { None } else { find(key) }
    }

    pub(crate) fn known(&mut self, key: SourceKey, interest: Interest) -> Known {
        let Some(source) = self.source(key) else { return Known::NOTHING };
        let taken = self.find_taken(key, interest).map_or(Known::NOTHING, |at| self.taken[at].1);
        source.known.get().of(interest) - taken
    }

    /// Where in `taken` it is, or would be.
    fn find_taken(&self, key: SourceKey, interest: Interest) -> Result<usize, usize> {
        self.taken.binary_search_by_key(&(key.0, interest.bits()), |taken| taken.0)
    }
}

impl Drop for Reactor {
    /// Gives the sources back. Those of a runtime whose end was cut short stay with nobody.
    fn drop(&mut self) {
        if self.is_closed {
            Sources::give_back(&mut self.pages);
        }
    }
}

/// Finds a source, unless it has been given up: invariant 3. For the thread that owns it.
#[inline]
fn find(key: SourceKey) -> Option<&'static Source> {
    let source = key.source();
    (source.generation() == key.0 as u16).then_some(source)
}

/// What is reported anew is known to all sets of interests again.
#[cold]
pub(crate) fn give_back(taken: &mut [Taken], key: SourceKey, known: Known) {
    let first = taken.partition_point(|taken| taken.0.0 < key.0);
    let of_key = taken[first..].iter_mut().take_while(|taken| taken.0.0 == key.0);
    of_key.for_each(|taken| taken.1 = taken.1 - known);
}

impl Source {
    pub(crate) fn new() -> Source {
        Source {
            waiters: Waiters::new(),
            user: AtomicU64::new(VACANT),
            fd: AtomicI32::new(NO_FD),
            generation: AtomicU16::new(0),
            known: Cell::new(Known::NOTHING),
        }
    }

    #[inline]
    pub(crate) fn user(&self) -> u64 {
        // Relaxed, as the next two: for the thread that has the source these are its own words, or came to it with the
        // runtime. Another one has read the key from a tie, with Acquire, and looks again under the lock of `moves` before it
        // relies on anything.
        self.user.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn generation(&self) -> u16 {
        self.generation.load(Ordering::Relaxed)
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd.load(Ordering::Relaxed)
    }

    /// The descriptor has left epoll, or does so now.
    pub(crate) fn forget_fd(&self) -> RawFd {
        let fd = self.fd();
        // Relaxed: ordered by the lock, for who relies on it.
        self.fd.store(NO_FD, Ordering::Relaxed);
        fd
    }

    /// It is used for `fd` from now on.
    pub(crate) fn begin(&self, user: u64, fd: RawFd) {
        debug_assert!(self.fd() == NO_FD && self.known.get().is_empty(), "invariant 1");
        // Relaxed, all: the tie is made of its key, with Release.
        self.fd.store(fd, Ordering::Relaxed);
        self.generation.store(self.generation() | u16::from(user & OF_A_GUEST != 0), Ordering::Relaxed);
        self.user.store(user, Ordering::Relaxed);
    }

    /// It is vacant from now on, and has the next generation: invariant 3. Returns which descriptor it was used for.
    pub(crate) fn end(&self, wakers: &mut Vec<Waker>) -> RawFd {
        self.waiters.leave(wakers);
        self.known.set(Known::NOTHING);
        // Relaxed: see `user`. The next reactor that has it gets it through a lock.
        self.user.store(VACANT, Ordering::Relaxed);
        self.generation.store((self.generation() | 1).wrapping_add(1), Ordering::Relaxed);
        self.forget_fd()
    }

    #[inline]
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.waiters.reports())
    }

    #[inline]
    pub(crate) fn report(&self, known: Known, others: &mut Vec<Waker>) {
        self.known.set(self.known.get() | known);
        self.waiters.wake(known, others);
    }

    /// Looks for an asker that is about to wait. If nothing is known, it waits when this returns, in the two common cases:
    /// it has waited already, or nobody else waits for its direction, no report has woken it, and its waker is a slot.
    /// Callers know whether it `is_future`, so that none has to look.
    #[inline(always)]
    pub(crate) fn look_or_wait(&'static self, asker: &mut Asker<'_>, is_future: bool) -> Look {
        let (waiter, waiters) = (&mut *asker.waiter, &self.waiters);
        // Of a set of several, some may be in `taken`.
        let Some(place) = direction(asker.interest) else { return Look::Unusual };
        if !self.known.get().of(asker.interest).is_empty() {
            return Look::Try(self, self.seen());
        }
        let may_wait = if is_future { *waiter == Waiter::NEW } else { waiters.owed(place) == 0 };
        if may_wait && waiters.is_free(place) {
            if let Some(waker) = task::copy_own(asker.waker) {
                waiters.store_first(place, is_future.then_some(waiter), waker);
                return Look::Waits;
            }
        }
        // A task may poll several times before it waits.
        if *waiter != Waiter::NEW && waiters.has_first(place, *waiter, asker.waker) {
            return Look::Waits;
        }
        Look::Unusual
    }

    /// A transfer on a stream was short: nothing is left, if that can be told from it.
    #[inline]
    pub(crate) fn clear_after_short(&self, interest: Interest, is_future: bool) {
        let known = self.known.get();
        if known.allows_short_cut(interest) {
            self.known.set(known - known.of(interest));
            if !is_future {
                direction(interest).map(|place| self.waiters.has_tried(place));
            }
        }
    }

    /// What poll(2) says of the closed directions.
    #[cold]
    fn still_closed(&self) -> Known {
        Known::from_epoll(sys::state(self.fd()) & (sys::PEER_SHUT_DOWN | sys::HANG_UP))
    }
}
