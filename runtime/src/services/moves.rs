//! How a descriptor goes from one runtime to the other that polls it.
//!
//! ```text
//!   a task of runtime B has tried: WouldBlock, and the tie is to A
//!     others wait in A, which runs ──▶ wait there as well, by a message: see `elsewhere`
//!     else, under the lock ──▶ out of A's epoll ──▶ into B's, which reports what is ready ──▶ the tie is to B
//!          and a message to A ──▶ the source is vacant, and whoever waits there is woken, polls, and finds B
//! ```
//!
//! Two tasks of two runtimes that both wait for one descriptor would take it from each other for ever. So nobody takes one
//! for which others wait, if anybody would tell them.
//!
//! Invariants:
//! 1. A tie that there is changes under the lock of `moves` alone. Only its end, and the first tie, need no lock.
//! 2. A descriptor leaves the old epoll instance before it is tied anew, so it is in one at a time. What becomes ready in
//!    between is reported by the new one, as everything that is ready when a descriptor is added.
//! 3. A source that has lost its descriptor is given up by its owner, when that reads the message, or by the end of its
//!    runtime. Until then it may get waiters, of a task that has read the tie before. Either wakes them.
//! 4. No foreign code runs under the lock. What is taken under it besides: the list of guests, the pool of sources.
//!
//! tokio has nothing like this: a socket belongs to the runtime in which it was made.

use super::elsewhere::shared_of;
use super::shared::Shared;
use super::sources::Moves;
use crate::core::counters::Count;
use crate::core::current::{current, find_worker, start_afar};
use crate::core::foreign;
use crate::core::lodger::Lodger;
use crate::core::sync::atomic::{AtomicU64, Ordering};
use crate::core::wait::reactor::OF_A_GUEST;
use crate::core::wait::{Asker, Registration, SourceKey};
use crate::core::worker::{RuntimeRef, Worker};
use crate::plugged::Lodgers;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;

/// The source of a descriptor, if it has one. The runtime that first has it ties it, and others exchange it under the lock of
/// `moves`.
#[derive(Default)]
pub(crate) struct Tie(AtomicU64);

impl SourceKey {
    /// Of no source.
    pub(crate) const NONE: SourceKey = SourceKey(0);
    /// Of no source either: the descriptor is new, and is taken for ready, as nobody has tried yet.
    pub(crate) const FRESH: SourceKey = SourceKey(2);
}

impl Tie {
    pub(crate) fn fresh() -> Tie {
        Tie(AtomicU64::new(SourceKey::FRESH.0))
    }

    #[inline]
    pub(crate) fn key(&self) -> SourceKey {
        // Acquire, with the Release of `exchange`: there is a source, and whose it is can be seen.
        SourceKey(self.0.load(Ordering::Acquire))
    }

    /// Puts `new` in the place of `old`, if that is there.
    pub(crate) fn exchange(&self, old: SourceKey, new: SourceKey) -> bool {
        // AcqRel: with `key`, and with the one that came first.
        self.0.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        let key = self.key();
        match key.owner() {
            Some(worker) => worker.give_up(key, true),
            None => key.give_up_elsewhere(),
        }
    }
}

impl Registration {
    /// The runtime of this thread and the source there. Makes the tie if there is none, or takes it from another runtime.
    pub(crate) fn tied(&self, fd: RawFd, asker: Option<&Asker<'_>>) -> io::Result<(Rc<Worker>, SourceKey)> {
        let key = self.tie.key();
        let worker = current_for_io(key.runtime().is_some())?;
        if key.is_here() {
            return Ok((worker, key));
        }
        if !key.is_untied() {
            return worker.take_over(self, fd, asker);
        }
        let (key, is_tied) = worker.register(fd, &self.tie, key)?;
        if is_tied {
            return Ok((worker, key));
        }
        // Another thread was faster.
        worker.give_up(key, true);
        self.tied(fd, asker)
    }
}

/// The current runtime, if a descriptor can wait in it. If it `is_tied`, it may have to stay where it is.
fn current_for_io(is_tied: bool) -> io::Result<Rc<Worker>> {
    let worker = match current() {
        None if !is_tied => start_afar().transpose()?,
        worker => worker,
    };
    match worker {
        Some(worker) if !worker.is_over.get() => Ok(worker),
        worker => Err(Lodgers::why_no_io(worker.is_some())),
    }
}

impl Worker {
    /// Makes a source for a descriptor, and puts its key in the place of `old`.
    fn register(&self, fd: RawFd, tie: &Tie, old: SourceKey) -> io::Result<(SourceKey, bool)> {
        let registered = self.reactor().register(fd, tie, old).map_err(Lodgers::explain)?;
        self.counters().add(Count::Registered, 1);
        Ok(registered)
    }

    /// Takes a descriptor over that is tied elsewhere, or was, for the asker if there is one. This runtime is the current
    /// one. Gives `WouldBlock` if others wait there.
    #[cold]
    fn take_over(
        self: Rc<Self>,
        registration: &Registration,
        fd: RawFd,
        asker: Option<&Asker<'_>>,
    ) -> io::Result<(Rc<Worker>, SourceKey)> {
        let moves = Moves::lock();
        let key = registration.tie.key();
        if key.is_untied() || key.is_here() {
            // Somebody was faster.
            drop(moves);
            return registration.tied(fd, asker);
        }
        let shared = key.shared();
        let mut wakers = Vec::new();
        if let Some(shared) = &shared {
            let is_wanted = match key.is_guest() {
                true => shared.guests.have_others(key, asker),
                false => key.source().waiters.have_others(asker),
            };
            if is_wanted && shared.is_run_elsewhere() {
                drop(moves);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            match key.is_guest() {
                true => wakers = shared.guests.give_up(key),
                false => shared.guests.delete(key.source().forget_fd()),
            }
        }
        let registered = self.register(fd, &registration.tie, key);
        match registered {
            Ok((_, is_tied)) => debug_assert!(is_tied, "invariant 1"),
            Err(_) => _ = registration.tie.exchange(key, SourceKey::NONE),
        }
        drop(moves);
        wakers.into_iter().for_each(foreign::wake);
        if let Some(shared) = shared.filter(|_| !key.is_guest()) {
            // Refused: its end wakes them.
            shared.runtime.send(move |worker| worker.let_go(key));
            shared.go_on_in_background();
        }
        let (key, _) = registered?;
        Ok((self, key))
    }

    /// Gives a source up whose descriptor has gone to another runtime.
    fn let_go(&self, key: SourceKey) {
        let wakers = self.reactor().deregister(key, false);
        self.counters().add(Count::Deregistered, 1);
        wakers.into_iter().for_each(foreign::wake);
    }
}

impl Shared {
    /// Whether another thread would wake who waits in this runtime.
    fn is_run_elsewhere(&self) -> bool {
        let RuntimeRef { scheduler, id } = self.runtime;
        (self.background.is_some() || self.home.is_away())
            && scheduler.is_open(id)
            && find_worker(id).is_none()
    }
}

impl SourceKey {
    /// The number of the runtime that has the source, unless it has been given up. Another thread than that runtime's has to
    /// have the lock of `moves`, or to take what it is told for a hint.
    pub(crate) fn runtime(self) -> Option<u64> {
        if self.is_untied() {
            return None;
        }
        let source = self.source();
        (source.generation() == self.0 as u16).then_some(source.user() & !OF_A_GUEST)
    }

    /// The runtime that has the source, if it lives on this thread.
    pub(crate) fn owner(self) -> Option<Rc<Worker>> {
        if self.is_guest() { None } else { find_worker(self.runtime()?) }
    }

    /// The runtime that has the source, whatever thread it is on.
    pub(crate) fn shared(self) -> Option<Arc<Shared>> {
        shared_of(self.runtime()?)
    }

    /// Gives the descriptor up, which is open. Another thread has its source, which gives that up by a message.
    #[cold]
    fn give_up_elsewhere(self) {
        if self.is_untied() {
            return;
        }
        let moves = Moves::lock();
        let shared = self.shared();
        if let Some(shared) = shared.as_ref().filter(|_| !self.is_guest()) {
            shared.guests.delete(self.source().forget_fd());
        }
        drop(moves);
        match shared {
            Some(shared) if self.is_guest() => {
                shared.guests.give_up(self).into_iter().for_each(foreign::drop_waker);
            }
            Some(shared) => shared.runtime.send(move |worker| worker.give_up(self, false)),
            // The runtime has ended, and its epoll instance with it.
            None => {}
        }
    }
}
