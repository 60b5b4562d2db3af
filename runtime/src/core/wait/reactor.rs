//! The reactor: a table of sources. It turns what epoll reports into readiness bits and wake-ups.
//!
//! A *source* is a descriptor that a task had to wait for, with what is known of its readiness and who waits.
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
//!    a stream), and only if nothing has been reported since the operation began, or since the guard was made that says
//!    so ([`Seen`]). A bit that says that a direction is closed is cleared only if poll(2) agrees.
//! 3. A token carries its source's generation, which changes when the source is given up. So what the kernel still
//!    reports of an earlier descriptor, for example in the same batch, finds no source.
//! 4. Every waiter is woken by the next report that concerns its interest, or by the end of the runtime. A waiter that
//!    was woken tries its operation, even if no bit is set by then: another waiter's operation may have found nothing
//!    where this one finds something.
//! 5. Wakers that are no slots of this thread are foreign code: they are put aside, and woken when nothing is borrowed.
//! 6. What one interest clears stays known to the others. Each single interest has bits of its own in [`Known`]; what a
//!    set of several interests clears is kept apart, in `taken`.
//! 7. A source leaves epoll when it is given up, not when its descriptor is closed. A duplicate may keep the description
//!    open, and after the close no call could take it out.
//!
//! In tokio: `runtime/io/{driver,scheduled_io}.rs`.

use super::waiters::{Asker, Settle, Waiter, Waiters, Whose};
use crate::core::ready::{Interest, Known};
use crate::core::sys::{self, Epoll};
use crate::core::task;
use crate::plugged::Guests;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// The bell's token. No source has it, since there are fewer than 2^31 of them.
const BELL: u64 = u64::MAX;

pub(crate) struct Reactor {
    pub(crate) epoll: Epoll,
    pub(crate) sources: Vec<Source>,
    free: Vec<u32>,
    last_waiter: u64,
    pub(crate) turns: NonZeroU64,
    /// What sets of several interests have cleared, by the source's place in the table: invariant 6.
    pub(crate) taken: BTreeMap<(u32, u16), Known>,
    /// Wakers that the latest turn has put aside: invariant 5.
    pub(crate) others: Vec<Waker>,
    /// What other threads have put into epoll.
    pub(crate) guests: Arc<Guests>,
}

/// Names a source of one reactor. This is epoll's token: the lower half is the place in the table, the upper half the
/// generation. The places of guests have the highest bit of the lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey(pub(crate) u64);

impl SourceKey {
    #[inline]
    pub(crate) fn new(index: u32, generation: u32) -> SourceKey {
        SourceKey(u64::from(generation) << 32 | u64::from(index))
    }

    pub(crate) fn index(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// When an asker looked at what is known: the number of the latest turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(pub(crate) NonZeroU64);

/// What [`Reactor::look_or_wait`] has found.
pub(crate) enum Look {
    /// Something is known.
    Try(Seen),
    /// Nothing is known, and the asker waits now.
    Waits,
    /// Neither can be told by a quick look: see [`must_try`](Reactor::must_try).
    Unusual,
}

/// 72 bytes: a server has one for each connection.
pub(crate) struct Source {
    pub(crate) waiters: Waiters,
    pub(crate) generation: u32,
    /// [`NO_FD`]: given up, or not yet registered.
    pub(crate) fd: RawFd,
    /// The lower half of the number of the turn that brought the latest report.
    reported: u32,
    pub(crate) known: Known,
    /// How many poll-style waiters for reading, and for writing, were woken and may not have tried yet: invariant 4.
    /// They cannot be told apart, so the number may be too high, which costs a needless attempt. At most
    /// [`MOST_OWED`].
    pub(crate) owed: [u8; 2],
}

pub(crate) const NO_FD: RawFd = -1;
const MOST_OWED: u8 = 3;

impl Reactor {
    pub(crate) fn new(bell: RawFd) -> io::Result<Reactor> {
        let epoll = Epoll::new()?;
        epoll.add(bell, BELL)?;
        let guests = Arc::new(Guests::new(epoll.reference()));
        let (sources, free, taken, others) = Default::default();
        Ok(Reactor { epoll, sources, free, last_waiter: 0, turns: NonZeroU64::MIN, taken, others, guests })
    }

    /// Whether epoll has anything to watch but the bell.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.len() == self.free.len() && self.guests.are_none()
    }

    /// Adds a source, and hands its key to `tie`. Meanwhile no other thread adds the same descriptor as a guest.
    pub(crate) fn register<T>(&mut self, fd: RawFd, tie: impl FnOnce(SourceKey) -> T) -> io::Result<T> {
        let guests = self.guests.list();
        if self.free.is_empty() {
            let index = i32::try_from(self.sources.len()).expect("fewer sources than 2^31");
            self.sources.push(Source::VACANT);
            self.free.push(index as u32);
        }
        let index = self.free[self.free.len() - 1];
        let key = SourceKey::new(index, self.sources[index as usize].generation);
        let is_known = || guests.have(fd) || self.sources.iter().any(|source| source.fd == fd);
        match self.epoll.add(fd, key.0) {
            // An earlier source left it behind: its descriptor was closed first, while a duplicate kept the file open.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !is_known() => {
                self.epoll.modify(fd, key.0)?;
            }
            result => result?,
        }
        self.free.pop();
        let source = &mut self.sources[index as usize];
        debug_assert!(source.fd == NO_FD && source.known.is_empty(), "invariant 1");
        (source.fd, source.reported) = (fd, self.turns.get() as u32);
        Ok(tie(key))
    }

    /// Gives a source up, whose descriptor is still open if it `is_open`. The caller drops the wakers when nothing is
    /// borrowed.
    #[must_use]
    pub(crate) fn deregister(&mut self, key: SourceKey, is_open: bool) -> Vec<Waker> {
        let Some(source) = find(&mut self.sources, key) else { return Vec::new() };
        let fd = source.fd;
        let mut wakers = Vec::new();
        source.waiters.take_all(&mut wakers);
        // The next generation, invariant 3.
        *source = Source { generation: source.generation.wrapping_add(1), ..Source::VACANT };
        self.free.push(key.index());
        if !self.taken.is_empty() {
            self.taken.retain(|(index, _), _| *index != key.index());
        }
        if is_open {
            self.epoll.reference().delete(fd);
        }
        wakers
    }

    /// Waits for events, records them, and wakes whom they concern, but for the `others`. Gives their number.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let mut events = 0;
        self.turns = self.turns.saturating_add(1);
        for (token, bits) in self.epoll.wait(timeout)? {
            events += 1;
            let key = SourceKey(token);
            let known = Known::from_epoll(bits);
            if let Some(source) = find(&mut self.sources, key) {
                source.report(known, self.turns.get(), &mut self.others);
                if !self.taken.is_empty() {
                    give_back(&mut self.taken, key, known);
                }
            } else if token != BELL {
                self.guests.report(key, known, &mut self.others);
            }
        }
        Ok(events)
    }

    /// Looks for an asker that is about to wait. If nothing is known, it waits when this returns, in the two common cases:
    /// it has waited already, or nobody waits, no report has woken it, and its waker is a slot.
    #[inline(always)]
    pub(crate) fn look_or_wait(&mut self, key: SourceKey, asker: &mut Asker<'_>) -> Look {
        let (interest, waiter) = (asker.interest, &mut *asker.waiter);
        // Only sets of several have anything in `taken`.
        if interest.is_compound() {
            return Look::Unusual;
        }
        let Some(source) = find(&mut self.sources, key) else { return Look::Unusual };
        if !source.known.of(interest).is_empty() {
            // If the report has taken its waker, it no longer waits.
            if *waiter != Waiter::NEW && *waiter != Waiter::POLL_STYLE && source.waiters.are_none() {
                *waiter = Waiter::NEW;
            }
            return Look::Try(Seen(self.turns));
        }
        let is_new = *waiter == Waiter::NEW;
        let is_owed = || direction(interest).is_none_or(|direction| source.owed[direction] > 0);
        let may_wait = is_new || *waiter == Waiter::POLL_STYLE && !is_owed();
        if may_wait && source.waiters.are_none() {
            if let Some(waker) = task::copy_own(asker.waker) {
                if is_new {
                    self.last_waiter += 1;
                    *waiter = Waiter::numbered(self.last_waiter);
                }
                source.waiters.store_first(Whose::new(*waiter, interest), waker);
                return Look::Waits;
            }
        }
        // A task may poll several times before it waits.
        if source.waiters.has_first(Whose::new(*waiter, interest), asker.waker) {
            return Look::Waits;
        }
        Look::Unusual
    }

    /// Whether an asker that is about to wait has to try first, since something is known or it was woken.
    #[inline(never)]
    pub(crate) fn must_try(&mut self, key: SourceKey, asker: &Asker<'_>) -> Option<Seen> {
        let (seen, known, waiter) = (Seen(self.turns), self.known(key, asker.interest), *asker.waiter);
        if !known.is_empty() {
            return Some(seen);
        }
        if waiter == Waiter::NEW {
            return None;
        }
        let source = self.source(key)?;
        let was_woken = match direction(asker.interest) {
            _ if source.waiters.has(Whose::of(asker), asker.waker) => false,
            Some(direction) if waiter == Waiter::POLL_STYLE => source.owed[direction] > 0,
            // For a poll-style waiter with an unusual interest nothing is counted: it tries in any case.
            _ => true,
        };
        was_woken.then_some(seen)
    }

    /// A transfer on a stream was short: nothing is left, if that can be told from it.
    #[inline]
    pub(crate) fn clear_after_short(&mut self, key: SourceKey, interest: Interest) {
        if let Some(source) = self.source(key).filter(|source| source.known.allows_short_cut(interest)) {
            source.known = source.known - source.known.of(interest);
            if source.owed != [0; 2] {
                source.has_tried(interest);
            }
        }
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
        let now = self.turns.get();
        let Some(source) = find(&mut self.sources, key) else { return true };
        if source.was_reported_since(seen, now) {
            return false;
        }
        let gone =
            known.of(interest) - if known.is_closed() { source.still_closed() } else { Known::NOTHING };
        if interest.is_compound() {
            let taken = self.taken.entry((key.index(), interest.bits())).or_insert(Known::NOTHING);
            *taken = *taken | gone;
        } else {
            source.known = source.known - gone;
        }
        true
    }

    /// Stores `waker`, which is a clone of the asker's, for the next report.
    // Inlined, since passing the arguments would cost more than the usual path.
    #[inline(always)]
    pub(crate) fn wait(&mut self, key: SourceKey, asker: &mut Asker<'_>, waker: Waker) -> Settle {
        if *asker.waiter == Waiter::NEW {
            self.last_waiter += 1;
            *asker.waiter = Waiter::numbered(self.last_waiter);
        }
        match find(&mut self.sources, key) {
            Some(source) => source.waiters.store(Whose::of(asker), waker, self.turns.get()),
            None => Settle::Wake(waker),
        }
    }

    /// Stops waiting. The caller drops the waker when nothing is borrowed.
    #[must_use]
    pub(crate) fn withdraw(&mut self, key: SourceKey, interest: Interest, waiter: Waiter) -> Option<Waker> {
        self.source(key)?.waiters.remove(Whose::new(waiter, interest))
    }

    #[inline]
    pub(crate) fn source(&mut self, key: SourceKey) -> Option<&mut Source> {
        find(&mut self.sources, key)
    }

    #[inline]
    pub(crate) fn known(&mut self, key: SourceKey, interest: Interest) -> Known {
        let Some(source) = find(&mut self.sources, key) else { return Known::NOTHING };
        let known = source.known.of(interest);
        if self.taken.is_empty() {
            return known;
        }
        let taken = self.taken.get(&(key.index(), interest.bits()));
        known - taken.copied().unwrap_or(Known::NOTHING)
    }
}

/// Finds a source, unless it has been given up: invariant 3.
#[inline]
pub(crate) fn find(sources: &mut [Source], key: SourceKey) -> Option<&mut Source> {
    sources.get_mut(key.index() as usize).filter(|source| source.generation == key.generation())
}

/// What is reported anew is known to all sets of interests again.
#[cold]
pub(crate) fn give_back(taken: &mut BTreeMap<(u32, u16), Known>, key: SourceKey, known: Known) {
    taken
        .range_mut((key.index(), 0)..=(key.index(), u16::MAX))
        .for_each(|(_, taken)| *taken = *taken - known);
}

impl Source {
    const VACANT: Source = Source {
        waiters: Waiters::NONE,
        generation: 0,
        fd: NO_FD,
        reported: 0,
        known: Known::NOTHING,
        owed: [0; 2],
    };

    #[inline]
    pub(crate) fn report(&mut self, known: Known, turn: u64, others: &mut Vec<Waker>) {
        self.known = self.known | known;
        self.reported = turn as u32;
        let owed = &mut self.owed;
        self.waiters.take(known, |interest, is_poll_style, waker| {
            if is_poll_style {
                owe(owed, interest);
            }
            if let Some(other) = task::wake_own(waker) {
                others.push(other);
            }
        });
    }

    /// Whether there may have been a report after `seen`. After 2^32 turns that cannot be told, and the answer is yes.
    fn was_reported_since(&self, seen: Seen, now: u64) -> bool {
        let turns = now - seen.0.get();
        let reported = self.reported.wrapping_sub(seen.0.get() as u32);
        turns > u64::from(u32::MAX) || reported != 0 && u64::from(reported) <= turns
    }

    /// What poll(2) says of the closed directions.
    #[cold]
    fn still_closed(&self) -> Known {
        Known::from_epoll(sys::state(self.fd) & (sys::PEER_SHUT_DOWN | sys::HANG_UP))
    }

    /// A poll-style waiter has tried: perhaps one that was woken.
    fn has_tried(&mut self, interest: Interest) {
        if let Some(direction) = direction(interest) {
            self.owed[direction] = self.owed[direction].saturating_sub(1);
        }
    }
}

fn owe(owed: &mut [u8; 2], interest: Interest) {
    if let Some(direction) = direction(interest) {
        owed[direction] = MOST_OWED.min(owed[direction] + 1);
    }
}

/// Where [`Source::owed`] counts who waits for `interest`, if it does.
#[inline]
pub(crate) fn direction(interest: Interest) -> Option<usize> {
    match interest {
        Interest::READABLE => Some(0),
        Interest::WRITABLE => Some(1),
        _ => None,
    }
}
