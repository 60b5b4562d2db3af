//! The guests of a runtime: descriptors that other threads have put into its epoll instance.
//!
//! A socket that first has to wait on a thread without a loop is a guest of the runtime in which it was made. The owner of
//! that runtime cannot be asked to register it: when the owner reads the message, the descriptor may be closed and its
//! number another's. So the thread that polls registers it. Its source is the list's, and is reached under a lock.
//!
//! ```text
//!   attempt ──▶ WouldBlock ──▶ reported since the attempt began? ──▶ yes: attempt again
//!                                                               └──▶ no: store the waker ──▶ Pending
//!   epoll_wait ──▶ a guest's token ──▶ count the report, take the wakers that it concerns ──▶ wake them
//! ```
//!
//! Invariants:
//! 1. A guest is here exactly as long as its descriptor is in epoll, and the descriptor is open as long. Both change under
//!    the lock, and before the descriptor is closed. The cells of its source are touched under the lock alone.
//! 2. The epoll instance exists as long as the list is open. The end of the runtime closes it, before the reactor goes.
//! 3. A key names a guest only while that is here, so a late report hits nobody.
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
use crate::core::wait::reactor::{OF_A_GUEST, Page, Seen, Source};
use crate::core::wait::waiters::{TAKEN, Waiters, direction};
use crate::core::wait::{Asker, Settle, SourceKey, Waiter};
use crate::services::sources::Sources;
use std::io;
use std::os::fd::RawFd;
use std::task::Waker;

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
    /// That of the guests' sources.
    user: u64,
    pages: Vec<Page>,
    free: Vec<&'static Source>,
    /// How many have come, and gone.
    come: u64,
    gone: u64,
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
    pub(crate) fn new(runtime: u64, epoll: EpollRef) -> Guests {
        let (user, pages, free) = (OF_A_GUEST | runtime, Vec::new(), Vec::new());
        let state = GuestList { is_open: true, user, pages, free, come: 0, gone: 0 };
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
        let source = list.vacant();
        source.begin(list.user, fd);
        let key = SourceKey::of(source);
        if let Err(error) = self.epoll.add(fd, key.0) {
            source.end(&mut Vec::new());
            list.free.push(source);
            return Some(Err(error));
        }
        list.come += 1;
        // Relaxed: see `are_none`.
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(Ok(key))
    }

    /// Gives a guest up, whose descriptor is still open, and returns the wakers of those who wait.
    #[must_use]
    pub(crate) fn give_up(&self, key: SourceKey) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let mut list = self.list();
        if let (Some(source), true) = (list.find(key), self.epoll.is_ours()) {
            self.epoll.delete(source.end(&mut wakers));
            list.free.push(source);
            list.gone += 1;
            // Relaxed: see `are_none`.
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        wakers
    }

    /// Whether somebody waits beside the asker.
    pub(crate) fn have_others(&self, key: SourceKey, asker: Option<&Asker<'_>>) -> bool {
        self.list().find(key).is_some_and(|source| source.waiters.have_others(asker))
    }

    /// Takes a descriptor out of epoll that is no guest, and is open.
    pub(crate) fn delete(&self, fd: RawFd) {
        let list = self.list();
        if list.is_open {
            self.epoll.delete(fd);
        }
    }

    /// When an attempt begins, as far as reports go. `None`: the runtime has ended.
    pub(crate) fn seen(&self, key: SourceKey) -> Option<Seen> {
        Some(self.list().find(key)?.seen())
    }

    /// Waits, unless something was reported after `seen`. `None` is before the first report.
    pub(crate) fn wait(&self, key: SourceKey, asker: &mut Asker<'_>, seen: Option<Seen>) -> Waited {
        if !self.epoll.is_ours() {
            return Waited::Over;
        }
        let waker = asker.waker.clone();
        let list = self.list();
        // The waker is dropped after the lock, since it was made before.
        let Some(source) = list.find(key) else { return Waited::TryAgain };
        if source.seen() != seen.unwrap_or(Seen(0)) {
            return Waited::TryAgain;
        }
        let settle = source.waiters.store(asker, waker, None);
        drop(list);
        match settle {
            Settle::Nothing => {}
            Settle::Drop(waker) => drop(waker),
            Settle::Wake(waker) => waker.wake(),
            Settle::Sift(sifting) => sifting.settle_by(|unknown| {
                let list = self.list();
                let Some(source) = list.find(key) else { return unknown };
                source.waiters.put_back(unknown);
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
        let list = self.list();
        let Some(source) = list.find(key) else { return };
        source.waiters.wake(known, others);
    }

    /// The runtime has ended: wakes all who wait. Nobody waits any more.
    pub(crate) fn close(&self) {
        let mut wakers = Vec::new();
        let mut list = self.list();
        list.is_open = false;
        for page in &list.pages {
            for source in page.iter().filter(|source| list.is_guests(source)) {
                source.end(&mut wakers);
            }
        }
        list.free.clear();
        Sources::give_back(&mut list.pages);
        drop(list);
        wakers.into_iter().for_each(foreign::wake);
    }
}

impl GuestList {
    /// Whether `fd` is a guest.
    pub(crate) fn have(&self, fd: RawFd) -> bool {
        let is_it = |source: &Source| self.is_guests(source) && source.fd() == fd;
        self.pages.iter().any(|page| page.iter().any(is_it))
    }

    /// Whether a guest has the source.
    fn is_guests(&self, source: &Source) -> bool {
        source.user() == self.user
    }

    /// The guest's source, unless it is one no more: nobody else makes `user` a source's.
    fn find(&self, key: SourceKey) -> Option<&'static Source> {
        let source = key.source();
        (self.is_guests(source) && source.generation() == key.0 as u16).then_some(source)
    }

    fn vacant(&mut self) -> &'static Source {
        if self.free.is_empty() {
            let page = Sources::take();
            self.pages.push(page);
            self.free.extend(page.iter().rev());
        }
        self.free.pop().expect("a page has sources")
    }
}

impl Waiters {
    /// Whether somebody waits beside the asker, as far as a thread can see that may not have the source.
    pub(crate) fn have_others(&self, asker: Option<&Asker<'_>>) -> bool {
        let own = asker.and_then(|asker| Some((direction(asker.interest)?, *asker.waiter)));
        match (self.marks(), own) {
            (0, _) => false,
            (marks, Some((place, waiter))) => marks != TAKEN << place || self.number(place) != waiter,
            (_, None) => true,
        }
    }
}
