//! The guests of a runtime: descriptors that other threads have put into its epoll instance.
//!
//! A socket that first has to wait on a thread without a loop is a guest of the runtime in which it was made. The owner of
//! that runtime cannot be asked to register it: when the owner reads the message, the descriptor may be closed and its
//! number another's. So the thread that polls registers it, and its waiters stand here, behind a lock.
//!
//! ```text
//!   attempt ──▶ WouldBlock ──▶ reported since the attempt began? ──▶ yes: attempt again
//!                                                               └──▶ no: store the waker ──▶ Pending
//!   epoll_wait ──▶ a guest's token ──▶ count the report, take the wakers that it concerns ──▶ wake them
//! ```
//!
//! Invariants:
//! 1. A guest has its place here exactly as long as its descriptor is in epoll, and the descriptor is open as long. Both
//!    change under the lock, and before the descriptor is closed.
//! 2. The epoll instance exists as long as the list is open. The end of the runtime closes it, before the reactor goes.
//! 3. A token carries the generation of its place, which changes when the guest is given up. So a late report hits nobody.
//! 4. No edge is lost. A report is counted under the lock, and takes the wakers. An asker stores its waker under the lock,
//!    and only if the count is what it was before its attempt. What was ready before the registration, epoll reports.
//! 5. Wakers are cloned, woken and dropped without the lock. Slots of the thread that has the loop are scheduled under it,
//!    which is not foreign code.
//! 6. Whoever puts a descriptor into epoll, the owner too, ties it under the lock. So a descriptor that is in epoll
//!    already belongs to another registration.
//! 7. In a forked process nothing happens, since the epoll instance is the parent's.
//!
//! In tokio: every source is like this, `runtime/io/scheduled_io.rs`.

use crate::core::foreign::{self, lock};
use crate::core::ready::{Interest, Known};
use crate::core::sync::atomic::{AtomicUsize, Ordering};
use crate::core::sync::{Mutex, MutexGuard};
use crate::core::sys::EpollRef;
use crate::core::wait::reactor::{NO_FD, Seen};
use crate::core::wait::waiters::Waiters;
use crate::core::wait::{Asker, Settle, SourceKey, Waiter};
use std::io;
use std::os::fd::RawFd;
use std::task::Waker;

/// A key: the generation, the place, and a 1, by which it is told from those of sources.
fn key_of(index: u32, generation: u32) -> SourceKey {
    SourceKey(u64::from(generation) << 32 | u64::from(index << 1 | 1))
}

fn index(key: SourceKey) -> usize {
    (key.0 as u32 >> 1) as usize
}

/// A crowd takes so many polls for a turn of the loop.
const POLLS_PER_TURN: u64 = 32;

pub(crate) struct Guests {
    epoll: EpollRef,
    state: Mutex<GuestList>,
    /// How many there are.
    count: AtomicUsize,
}

/// The list, locked.
pub(crate) struct GuestList {
    /// The runtime has not ended: invariant 2.
    is_open: bool,
    places: Vec<Place>,
    free: Vec<u32>,
    /// How many have come, and gone.
    come: u64,
    gone: u64,
}

struct Place {
    generation: u32,
    /// [`NO_FD`]: vacant.
    fd: RawFd,
    /// How often somebody has waited.
    waits: u64,
    waiters: Waiters,
}

/// What has come of waiting.
pub(crate) enum Waited {
    /// The asker is woken by the next report, or by the end.
    Waits,
    /// Something was reported since the attempt began.
    TryAgain,
    /// The runtime has ended.
    Over,
}

impl Guests {
    pub(crate) fn new(epoll: EpollRef) -> Guests {
        let (places, free) = Default::default();
        let state = GuestList { is_open: true, places, free, come: 0, gone: 0 };
        Guests { epoll, state: Mutex::new(state), count: AtomicUsize::new(0) }
    }

    pub(crate) fn list(&self) -> MutexGuard<'_, GuestList> {
        lock(&self.state)
    }

    pub(crate) fn are_none(&self) -> bool {
        // Relaxed: a hint that stands alone. A turn that misses the first guest is followed by one that does not.
        self.count.load(Ordering::Relaxed) == 0
    }

    /// How many have come, and how many of them have gone.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let list = self.list();
        (list.come, list.gone)
    }

    /// Adds a guest. The caller has the list, and ties the descriptor while it has it: invariant 6. `None`: the runtime has
    /// ended.
    pub(crate) fn take_in(&self, list: &mut GuestList, fd: RawFd) -> Option<io::Result<SourceKey>> {
        if !list.is_open || !self.epoll.is_ours() {
            return None;
        }
        let index = list.vacant();
        let key = key_of(index, list.places[index as usize].generation);
        if let Err(error) = self.epoll.add(fd, key.0) {
            list.free.push(index);
            return Some(Err(error));
        }
        list.places[index as usize].fd = fd;
        list.come += 1;
        // Relaxed: see `are_none`.
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(Ok(key))
    }

    /// Gives a guest up. Its descriptor is still open.
    pub(crate) fn give_up(&self, key: SourceKey) {
        if !self.epoll.is_ours() {
            return;
        }
        let mut wakers = Vec::new();
        let mut list = self.list();
        if let Some(place) = list.find(key) {
            self.epoll.delete(place.fd);
            place.waiters.leave(&mut wakers);
            // The next generation: invariant 3.
            *place = Place::vacant(place.generation.wrapping_add(1));
            list.free.push(index(key) as u32);
            list.gone += 1;
            // Relaxed: see `are_none`.
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        drop(list);
        wakers.into_iter().for_each(foreign::drop_waker);
    }

    /// When an attempt begins, as far as reports go. `None`: the runtime has ended.
    pub(crate) fn seen(&self, key: SourceKey) -> Option<Seen> {
        Some(Seen(self.list().find(key)?.waiters.reports()))
    }

    /// Waits, unless something was reported after `seen`. `None` is before the first report.
    pub(crate) fn wait(&self, key: SourceKey, asker: &mut Asker<'_>, seen: Option<Seen>) -> Waited {
        if !self.epoll.is_ours() {
            return Waited::Over;
        }
        let waker = asker.waker.clone();
        let mut list = self.list();
        let Some(place) = list.find(key) else { return Waited::Over };
        if Seen(place.waiters.reports()) != seen.unwrap_or(Seen(0)) {
            // The waker is dropped after the lock, since it was made before.
            return Waited::TryAgain;
        }
        place.waits += 1;
        let settle = place.waiters.store(asker, waker, place.waits / POLLS_PER_TURN);
        drop(list);
        match settle {
            Settle::Nothing => {}
            Settle::Drop(waker) => drop(waker),
            Settle::Wake(waker) => waker.wake(),
            Settle::Sift(sifting) => sifting.settle_by(|unknown| {
                let mut list = self.list();
                let Some(place) = list.find(key) else { return unknown };
                place.waiters.put_back(unknown);
                Vec::new()
            }),
        }
        Waited::Waits
    }

    /// Stops waiting. The caller drops the waker.
    #[must_use]
    pub(crate) fn withdraw(&self, key: SourceKey, interest: Interest, waiter: Waiter) -> Option<Waker> {
        self.list().find(key)?.waiters.remove(interest, waiter)
    }

    /// Records a report, and wakes whom it concerns, but for the `others`.
    #[cold]
    pub(crate) fn report(&self, key: SourceKey, known: Known, others: &mut Vec<Waker>) {
        let mut list = self.list();
        let Some(place) = list.find(key) else { return };
        place.waiters.wake(known, others);
    }

    /// The runtime has ended: wakes all who wait. Nobody waits any more.
    pub(crate) fn close(&self) {
        let mut wakers = Vec::new();
        let mut list = self.list();
        list.is_open = false;
        for place in std::mem::take(&mut list.places) {
            place.waiters.leave(&mut wakers);
        }
        drop(list);
        wakers.into_iter().for_each(foreign::wake);
    }
}

impl GuestList {
    /// Whether `fd` is a guest.
    pub(crate) fn have(&self, fd: RawFd) -> bool {
        self.places.iter().any(|place| place.fd == fd)
    }

    fn find(&mut self, key: SourceKey) -> Option<&mut Place> {
        let generation = (key.0 >> 32) as u32;
        self.places.get_mut(index(key)).filter(|place| place.generation == generation)
    }

    /// A vacant place.
    fn vacant(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            let index = i32::try_from(self.places.len()).expect("fewer guests than 2^31");
            self.places.push(Place::vacant(0));
            index as u32
        })
    }
}

impl Place {
    fn vacant(generation: u32) -> Place {
        Place { generation, fd: NO_FD, waits: 0, waiters: Waiters::new() }
    }
}
