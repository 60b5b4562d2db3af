//! In which runtime a descriptor was made, and how it waits on threads where no runtime can take it.
//!
//! ```text
//!   first wait ──▶ the thread's own runtime: a source of it
//!             └──▶ none: a guest of the runtime that the thread has entered, else of the one in which it was made
//!   later ──▶ where it was tied: by the reactor, by a message to the owner, or as a guest
//! ```
//!
//! What a quick look at a source does not settle comes here as well, whether the source is elsewhere or not.
//!
//! A guest stays one, even if a task of its runtime polls it later. Its tie cannot be exchanged while other threads read
//! it, and a guest waits as well as a source: without a system call, but its attempts are not spared by what is known.
//!
//! Invariant: the number in the tie of a guest is marked. So it is no current runtime's, and everything that concerns it
//! comes here.
//!
//! In tokio: a socket belongs to the runtime in which it was made, and to no other.

use super::elsewhere::{delete_elsewhere, shared_of, wait_by_message};
use super::guests::Waited;
use super::shared::Shared;
use crate::core::coop;
use crate::core::current::{afar, current, find_worker, with_current, worker_of};
use crate::core::foreign;
use crate::core::lodger::{Elsewhere, Lodger};
use crate::core::ready::{Interest, Known};
use crate::core::wait::reactor::{Look, Reactor, Seen, Source, SourceKey};
use crate::core::wait::registration::{Io, Tie};
use crate::core::wait::waiters::direction;
use crate::core::wait::{Asker, Registration, Waiter};
use crate::core::worker::Worker;
use crate::plugged::Lodgers;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

/// The mark of a guest in the number of its runtime. There are fewer than 2^63 runtimes.
const GUEST: u64 = 1 << 63;

/// The number of the runtime in which a descriptor was made. 0: in none.
// In two halves, or it would have to be aligned, and each socket would be four bytes larger.
pub(crate) struct Origin([u32; 2]);

/// A socket is a number, this, and where it waits: 36 bytes.
const _: () = assert!(size_of::<OnceLock<Tie>>() + size_of::<Origin>() == 32);

impl Origin {
    #[inline]
    pub(crate) fn here() -> Origin {
        let runtime = match afar() {
            Some(afar) => afar.runtime().id,
            None => with_current(|worker| worker.reference.id).unwrap_or(0),
        };
        Origin([runtime as u32, (runtime >> 32) as u32])
    }

    fn runtime(&self) -> Option<u64> {
        let [low, high] = self.0.map(u64::from);
        Some(high << 32 | low).filter(|runtime| *runtime != 0)
    }
}

impl Default for Origin {
    fn default() -> Origin {
        Origin::here()
    }
}

/// The number without the mark.
pub(crate) fn unmarked(runtime: u64) -> u64 {
    runtime & !GUEST
}

impl Registration {
    /// Makes the tie if there is none, to whatever runtime can take it.
    pub(crate) fn tie(&self, fd: RawFd) -> io::Result<()> {
        let Err(why) = self.tied(fd) else { return Ok(()) };
        match self.tie.get() {
            None => self.tie_elsewhere(fd, why).map(drop),
            Some(tie) if tie.is_guest() => tie.try_elsewhere().map(drop),
            Some(_) => Err(why),
        }
    }

    /// Waits where the descriptor belongs, which is not the runtime of this thread, or which cannot take it: `why`. `None`:
    /// it has to be tried again. `seen` is from [`Tie::try_elsewhere`].
    #[cold]
    pub(crate) fn wait_elsewhere(
        &self,
        fd: RawFd,
        asker: &mut Asker<'_>,
        seen: Option<Seen>,
        why: io::Error,
    ) -> Option<Poll<io::Error>> {
        let (tie, why) = match self.tie.get() {
            Some(tie) => (tie, why),
            None => match self.tie_elsewhere(fd, why) {
                Ok(tie) => (tie, Lodgers::why_no_io(Some(tie.runtime), false)),
                Err(error) => return Some(Poll::Ready(error)),
            },
        };
        let Some(shared) = shared_of(unmarked(tie.runtime)) else { return Some(Poll::Ready(why)) };
        // A runtime that nobody is in wakes nobody, unless it is run in the background. In another runtime that is an
        // error. An executor of another kind waits until the runtime is run again, or ends.
        if shared.background.is_none() && !shared.home.is_away() && current().is_some() {
            return Some(Poll::Ready(why));
        }
        let waited = if tie.is_guest() {
            shared.guests.wait(tie.key, asker, seen)
        } else {
            wait_by_message(&shared, tie.key, asker)
        };
        shared.go_on_in_background();
        match waited {
            Waited::Waits => Some(Poll::Pending),
            Waited::TryAgain => None,
            Waited::Over => Some(Poll::Ready(shut_down())),
        }
    }

    /// The same, charged for.
    #[cold]
    pub(crate) fn failed_elsewhere(
        &self,
        fd: RawFd,
        asker: &mut Asker<'_>,
        seen: Option<Seen>,
        why: io::Error,
    ) -> Option<Poll<io::Error>> {
        match self.wait_elsewhere(fd, asker, seen, why)? {
            Poll::Ready(error) => Some(coop::charged(error)),
            Poll::Pending => Some(Poll::Pending),
        }
    }

    /// Makes the tie, as a guest, if nothing but the lack of a loop on this thread is in the way: `why`.
    fn tie_elsewhere(&self, fd: RawFd, why: io::Error) -> io::Result<&Tie> {
        let entered = afar().map(|afar| afar.runtime().id);
        let Some(runtime) = entered.or_else(|| self.origin.runtime()).filter(|_| current().is_none()) else {
            return self.tie.get().ok_or(why);
        };
        let shared = shared_of(runtime).ok_or_else(shut_down)?;
        let mut list = shared.guests.list();
        let mut late = None;
        if self.tie.get().is_none() {
            let key = shared.guests.take_in(&mut list, fd).ok_or_else(shut_down)?;
            let tie = Tie { runtime: runtime | GUEST, key: key.map_err(Lodgers::explain)?, fd };
            // A thread that is in another runtime may be faster.
            late = self.tie.set(tie).err();
        }
        drop(list);
        drop(late);
        self.tie.get().ok_or(why)
    }
}

impl<R, Fd, Op, IsShort, const IS_CALL: bool> Io<'_, Fd, Op, IsShort, IS_CALL>
where
    Fd: Fn() -> RawFd,
    Op: FnMut() -> io::Result<R>,
    IsShort: Fn(&R) -> bool,
{
    /// Polls where the quick way is not enough: the descriptor has not waited yet, the quick look has not said whether to
    /// try or to wait, the first attempt was interrupted, or something was reported before it could wait. That is rare. It
    /// stands apart because a loop around the first attempt would make each operation pay for what only a second one needs.
    #[cold]
    #[inline(never)]
    pub(crate) fn poll_unusually(self, waiter: &mut Waiter, waker: &Waker) -> Poll<io::Result<R>> {
        let Io { registration, fd, interest, mut op, is_short } = self;
        let op: &mut dyn FnMut() -> io::Result<R> = &mut op;
        loop {
            let (mut looked, mut since) = (None, None);
            if let Some(tie) = registration.tie.get() {
                match tie.try_or_wait(Asker { interest, waiter, waker }) {
                    Look::Try(source, seen) => (looked, since) = (Some((tie, source)), Some(seen)),
                    Look::Waits => return Poll::Pending,
                    Look::Unusual => match tie.try_elsewhere() {
                        Ok(seen) => since = seen,
                        Err(error) => return coop::charged(Err(error)),
                    },
                }
            }
            match op() {
                Ok(moved) => {
                    if let Some((tie, source)) = looked {
                        // Asked again, see `poll`.
                        if is_short(&moved) && tie.is_here() {
                            source.clear_after_short(interest, *waiter != Waiter::POLL_STYLE);
                        }
                    }
                    return coop::charged(Ok(moved));
                }
                Err(error) => {
                    let asker = Asker { interest, waiter, waker };
                    if let Some(failed) = registration.failed(error, fd(), asker, since) {
                        return failed.map(Err);
                    }
                }
            }
        }
    }

    /// Calls `poll_unusually`, and lends a copy of the waiter, because what is lent to a call lies in memory. The original
    /// stays in a register.
    #[inline(always)]
    pub(crate) fn poll_by_call(self, waiter: &mut Waiter, waker: &Waker) -> Poll<io::Result<R>> {
        let mut copy = *waiter;
        let polled = self.poll_unusually(&mut copy, waker);
        *waiter = copy;
        polled
    }

    /// Calls `Registration::failed` in the same way.
    #[inline(always)]
    pub(crate) fn failed(
        &self,
        error: io::Error,
        fd: RawFd,
        waiter: &mut Waiter,
        waker: &Waker,
        seen: Seen,
    ) -> Option<Poll<io::Result<R>>> {
        let mut copy = *waiter;
        let asker = Asker { interest: self.interest, waiter: &mut copy, waker };
        let failed = self.registration.failed(error, fd, asker, Some(seen));
        *waiter = copy;
        Some(failed?.map(Err))
    }
}

impl Tie {
    /// Whether the asker has to try before it waits, and since when that is known. If not, it waits when this returns. Of a
    /// source that is not in the current runtime nothing is known here: `Unusual`.
    pub(crate) fn try_or_wait(&self, mut asker: Asker<'_>) -> Look {
        let is_future = *asker.waiter != Waiter::POLL_STYLE;
        match self.look_or_wait(&mut asker, is_future) {
            Look::Unusual if self.is_here() => {}
            Look::Try(source, seen) => {
                if is_future {
                    *asker.waiter = Waiter::NEW;
                }
                return Look::Try(source, seen);
            }
            look => return look,
        }
        if let Some((source, seen)) = self.with(|reactor, key| reactor.must_try(key, &asker)).flatten() {
            return Look::Try(source, seen);
        }
        self.wait_for(&mut asker);
        Look::Waits
    }

    fn is_guest(&self) -> bool {
        self.runtime & GUEST != 0
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        shared_of(unmarked(self.runtime))
    }

    /// An operation may be tried though the descriptor is not in the current runtime, or that is ending. What is returned is
    /// for [`Registration::wait_elsewhere`].
    #[cold]
    pub(crate) fn try_elsewhere(&self) -> io::Result<Option<Seen>> {
        let shared = self.shared().filter(|_| worker_of(self.runtime).is_none()).ok_or_else(shut_down)?;
        if self.is_guest() {
            return shared.guests.seen(self.key).map(Some).ok_or_else(shut_down);
        }
        let runtime = shared.runtime;
        if runtime.scheduler.is_open(runtime.id) { Ok(None) } else { Err(shut_down()) }
    }

    /// Gives the descriptor up. It leaves epoll here, while it is still open. If a source is left, a message asks the owner
    /// to give that up.
    #[cold]
    pub(crate) fn give_up_elsewhere(&self) {
        // If the runtime has ended, its epoll instance has ended as well.
        let Some(shared) = self.shared() else { return };
        let key = self.key;
        if self.is_guest() {
            return shared.guests.give_up(key);
        }
        delete_elsewhere(shared.runtime.id, self.fd);
        shared.runtime.send(move |worker| worker.give_up(key, false));
    }

    /// Stops waiting, and returns the waker. That of a source stays there until the next report wakes it for nothing.
    #[cold]
    pub(crate) fn withdraw_elsewhere(&self, interest: Interest, waiter: Waiter) -> Option<Waker> {
        let shared = self.shared().filter(|_| self.is_guest())?;
        shared.guests.withdraw(self.key, interest, waiter)
    }

    /// Records `known` as if the kernel had reported it.
    pub(crate) fn report(&self, known: Known) {
        let key = self.key;
        let report = move |worker: &Worker| {
            worker.reactor().report(key, known);
            worker.wake_others();
        };
        if let Some(worker) = find_worker(self.runtime) {
            return report(&worker);
        }
        match self.shared() {
            Some(shared) if self.is_guest() => {
                let mut others = Vec::new();
                shared.guests.report(key, known, &mut others);
                others.into_iter().for_each(foreign::wake);
            }
            Some(shared) => shared.runtime.send(report),
            None => {}
        }
    }
}

impl Reactor {
    /// Whether an asker that is about to wait has to try first, since something is known or it was woken.
    #[inline(never)]
    pub(crate) fn must_try(&mut self, key: SourceKey, asker: &Asker<'_>) -> Option<(&'static Source, Seen)> {
        let source = self.source(key)?;
        let seen = source.seen();
        if !self.known(key, asker.interest).is_empty() {
            return Some((source, seen));
        }
        if *asker.waiter == Waiter::NEW {
            return None;
        }
        let was_woken = match direction(asker.interest) {
            _ if source.waiters.has(asker) => false,
            Some(place) if *asker.waiter == Waiter::POLL_STYLE => source.waiters.owed(place) > 0,
            // For a poll-style waiter with an unusual interest nothing is counted: it tries in any case.
            _ => true,
        };
        was_woken.then_some((source, seen))
    }
}

fn shut_down() -> io::Error {
    Lodgers::why_no_io(None, true)
}
