//! In which runtime a descriptor was made, and how it waits on threads where no runtime can take it.
//!
//! ```text
//!   first wait ──▶ the thread's own runtime: a source of it
//!             └──▶ none: a guest of the runtime that the thread has entered, else of the one in which it was made
//!   later ──▶ where it is tied: by the reactor, by a message to the owner, or as a guest
//!        └──▶ the thread's own runtime takes it over, unless others wait there: see `moves`
//! ```
//!
//! What a quick look at a source does not settle comes here as well, whether the source is elsewhere or not.
//!
//! In tokio: a socket belongs to the runtime in which it was made, and to no other.

use super::elsewhere::{shared_of, wait_by_message};
use super::guests::Waited;
use super::moves::Tie;
use super::sources::Moves;
use crate::core::coop;
use crate::core::current::{afar, current, with_current};
use crate::core::foreign;
use crate::core::lodger::{Elsewhere, Lodger};
use crate::core::ready::{Interest, Known};
use crate::core::wait::reactor::{Look, Reactor, Seen, Source, SourceKey};
use crate::core::wait::registration::Io;
use crate::core::wait::waiters::direction;
use crate::core::wait::{Asker, Registration, Waiter};
use crate::core::worker::Worker;
use crate::plugged::Lodgers;
use crate::watch::record::Recorder;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::task::{Poll, Waker, ready};

/// The number of the runtime in which a descriptor was made. 0: in none.
pub(crate) struct Origin(u64);

/// A socket is a number, this, and where it waits.
const _: () = assert!(size_of::<Tie>() + size_of::<Origin>() == 16 || cfg!(loom));

impl Origin {
    #[inline]
    pub(crate) fn here() -> Origin {
        Origin(match afar() {
            Some(afar) => afar.runtime().id,
            None => with_current(|worker| worker.reference.id).unwrap_or(0),
        })
    }
}

impl Default for Origin {
    fn default() -> Origin {
        Origin::here()
    }
}

impl Registration {
    /// Makes the tie if there is none, to whatever runtime can take it, and takes it over if it is elsewhere.
    pub(crate) fn tie(&self, fd: RawFd) -> io::Result<()> {
        let Err(why) = self.tied(fd, None) else { return Ok(()) };
        let key = self.tie.key();
        match key.shared() {
            // It has left where others waited for it.
            None if why.kind() == ErrorKind::WouldBlock => self.tie(fd),
            None => self.tie_elsewhere(fd, why).map(drop),
            // It stays there: others wait for it, or this thread has no loop.
            Some(_) => self.try_elsewhere().map(drop),
        }
    }

    /// Waits where the descriptor belongs, which is not the runtime of this thread, or which cannot take it: `why`. `None`:
    /// it has to be tried again. `since` is from [`try_elsewhere`](Registration::try_elsewhere).
    #[cold]
    pub(crate) fn wait_elsewhere(
        &self,
        fd: RawFd,
        asker: &mut Asker<'_>,
        since: Option<(SourceKey, Seen)>,
        why: io::Error,
    ) -> Option<Poll<io::Error>> {
        if current().is_some() && !has_loop() {
            // That of this thread is ending.
            return Some(Poll::Ready(why));
        }
        let (mut key, mut is_new) = (self.tie.key(), false);
        if key.shared().is_none() {
            (key, is_new) = match self.tie_elsewhere(fd, why) {
                Ok(tied) => tied,
                // It has left where others waited for it.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => return Some(Poll::Ready(error)),
            };
        }
        // Given up since: it has to be tied anew.
        let shared = key.shared()?;
        let waited = if !key.is_guest() {
            wait_by_message(&shared, key, asker)
        } else if is_new || since.is_some_and(|(of, _)| of == key) {
            shared.guests.wait(key, asker, since.filter(|_| !is_new).map(|(_, seen)| seen))
        } else {
            Waited::TryAgain
        };
        shared.go_on_in_background();
        match waited {
            Waited::Waits => Some(Poll::Pending),
            Waited::TryAgain => None,
            // Its end has begun, so it is taken over.
            Waited::Over if has_loop() => None,
            Waited::Over => Some(Poll::Ready(shut_down())),
        }
    }

    /// The same, charged for.
    #[cold]
    pub(crate) fn failed_elsewhere(
        &self,
        fd: RawFd,
        asker: &mut Asker<'_>,
        since: Option<(SourceKey, Seen)>,
        why: io::Error,
    ) -> Option<Poll<io::Error>> {
        match self.wait_elsewhere(fd, asker, since, why)? {
            Poll::Ready(error) => Some(coop::charged(error)),
            Poll::Pending => {
                Recorder::found_nothing(self.tie.key(), asker.interest);
                Some(Poll::Pending)
            }
        }
    }

    /// Makes the tie, as a guest, if nothing but the lack of a loop on this thread is in the way: `why`. Says whether it is
    /// new.
    fn tie_elsewhere(&self, fd: RawFd, why: io::Error) -> io::Result<(SourceKey, bool)> {
        let host = self.host().ok_or(why)?;
        let shared = shared_of(host).ok_or_else(shut_down)?;
        let _moves = Moves::lock();
        let mut list = shared.guests.list();
        // Under the lock: the host itself ties under it as well.
        let old = self.tie.key();
        if old.runtime().is_some() {
            return Ok((old, false));
        }
        let key = shared.guests.take_in(&mut list, fd).ok_or_else(shut_down)?.map_err(Lodgers::explain)?;
        let is_tied = self.tie.exchange(old, key);
        drop(list);
        if !is_tied {
            // A thread that is in another runtime was faster.
            let wakers = shared.guests.give_up(key);
            debug_assert!(wakers.is_empty(), "nobody has known of it");
        }
        Ok((self.tie.key(), is_tied))
    }

    /// The runtime whose guest it can be.
    fn host(&self) -> Option<u64> {
        if current().is_some() {
            return None;
        }
        afar().map(|afar| afar.runtime().id).or_else(|| Some(self.origin.0).filter(|runtime| *runtime != 0))
    }

    /// Polls where the quick way is not enough: the descriptor has not waited yet, the quick look has not said whether to
    /// try or to wait, the first attempt was interrupted, or something was reported before it could wait. That is rare. It
    /// stands apart because a loop around the first attempt would make each operation pay for what only a second one needs.
    ///
    /// `attempt` says whether it was short. It is one function for all operations, so that not each has a loop of its own.
    fn poll_unusually(
        &self,
        fd: RawFd,
        asker: Asker<'_>,
        attempt: &mut dyn FnMut() -> io::Result<bool>,
    ) -> Poll<io::Result<()>> {
        let Asker { interest, waiter, waker } = asker;
        loop {
            let (mut source, mut since) = (None, None);
            let key = self.tie.key();
            if !key.is_untied() {
                match key.try_or_wait(Asker { interest, waiter, waker }) {
                    Look::Try(here, seen) => (source, since) = (Some(here), Some((key, seen))),
                    Look::Waits => return Poll::Pending,
                    Look::Unusual => match self.try_elsewhere() {
                        Ok(seen) => since = seen,
                        Err(error) => return coop::charged(Err(error)),
                    },
                }
            }
            match attempt() {
                Ok(is_short) => {
                    if let (Some(source), Some((key, _))) = (source, since) {
                        Recorder::tried(key, interest, is_short);
                        // Asked again, see `Io::poll`.
                        if is_short && key == self.tie.key() && key.is_here() {
                            source.clear_after_short(interest, *waiter != Waiter::POLL_STYLE);
                        }
                    } else {
                        Recorder::tried_unregistered(fd, interest);
                    }
                    return coop::charged(Ok(()));
                }
                Err(error) => {
                    let asker = Asker { interest, waiter, waker };
                    if let Some(failed) = self.failed(error, fd, asker, since) {
                        return failed.map(Err);
                    }
                }
            }
        }
    }

    /// An operation may be tried though the descriptor is not in the current runtime. What is returned is for
    /// [`wait_elsewhere`](Registration::wait_elsewhere). Fails if it can wait nowhere, because a runtime has ended.
    #[cold]
    pub(crate) fn try_elsewhere(&self) -> io::Result<Option<(SourceKey, Seen)>> {
        let key = self.tie.key();
        if has_loop() || key.is_untied() {
            // It is taken over if it has to wait.
            return Ok(guest_seen(key));
        }
        if current().is_some() {
            return Err(shut_down());
        }
        match key.shared() {
            Some(shared) if key.is_guest() || shared.runtime.scheduler.is_open(shared.runtime.id) => {
                Ok(guest_seen(key))
            }
            Some(_) => Err(shut_down()),
            None => match self.host().and_then(shared_of) {
                Some(_) => Ok(None),
                None => Err(shut_down()),
            },
        }
    }
}

/// Whether a descriptor can wait in the current runtime of this thread.
fn has_loop() -> bool {
    current().is_some_and(|worker| !worker.is_over.get())
}

fn guest_seen(key: SourceKey) -> Option<(SourceKey, Seen)> {
    let shared = key.shared().filter(|_| key.is_guest())?;
    Some((key, shared.guests.seen(key)?))
}

impl<R, Fd, Op, IsShort, const IS_CALL: bool> Io<'_, Fd, Op, IsShort, IS_CALL>
where
    Fd: Fn() -> RawFd,
    Op: FnMut() -> io::Result<R>,
    IsShort: Fn(&R) -> bool,
{
    /// Calls [`Registration::poll_unusually`], and keeps what the operation has moved.
    #[cold]
    #[inline(never)]
    pub(crate) fn poll_unusually(self, waiter: &mut Waiter, waker: &Waker) -> Poll<io::Result<R>> {
        let Io { registration, fd, interest, mut op, is_short } = self;
        let mut output = None;
        let attempt = &mut || {
            let moved = output.insert(op()?);
            Ok(is_short(moved))
        };
        let asker = Asker { interest, waiter, waker };
        ready!(registration.poll_unusually(fd(), asker, attempt))?;
        Poll::Ready(Ok(output.expect("the attempt that went well has left it")))
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
        waiter: &mut Waiter,
        waker: &Waker,
        since: (SourceKey, Seen),
    ) -> Option<Poll<io::Result<R>>> {
        let mut copy = *waiter;
        let asker = Asker { interest: self.interest, waiter: &mut copy, waker };
        let failed = self.registration.failed(error, (self.fd)(), asker, Some(since));
        *waiter = copy;
        Some(failed?.map(Err))
    }
}

impl SourceKey {
    /// Asks the reactor, if the source is here. `f` must not run foreign code.
    #[inline]
    pub(crate) fn with<R>(self, f: impl FnOnce(&mut Reactor, SourceKey) -> R) -> Option<R> {
        if self.is_here() { with_current(|worker| f(&mut worker.reactor(), self)) } else { None }
    }

    /// When an attempt begins, as far as reports go, if the source is here.
    #[inline]
    pub(crate) fn seen_here(self) -> Option<Seen> {
        if self.is_here() { Some(self.source().seen()) } else { None }
    }

    /// Whether the asker has to try before it waits, and since when that is known. If not, it waits when this returns. Of a
    /// source that is not in the current runtime nothing is known here: `Unusual`.
    pub(crate) fn try_or_wait(self, mut asker: Asker<'_>) -> Look {
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
        self.wait_here(&mut asker);
        Look::Waits
    }

    /// Waits. The source is here.
    pub(crate) fn wait_here(self, asker: &mut Asker<'_>) {
        if let Some(worker) = current() {
            worker.wait_for(self, asker);
        }
    }

    /// Stops waiting, and returns the waker. That of a source stays there until the next report wakes it for nothing.
    #[cold]
    pub(crate) fn withdraw_elsewhere(self, interest: Interest, waiter: Waiter) -> Option<Waker> {
        let shared = self.shared().filter(|_| self.is_guest())?;
        shared.guests.withdraw(self, interest, waiter)
    }

    /// Records `known` as if the kernel had reported it.
    pub(crate) fn report(self, known: Known) {
        let report = move |worker: &Worker| {
            worker.reactor().report(self, known);
            worker.wake_others();
        };
        if let Some(worker) = self.owner() {
            return report(&worker);
        }
        match self.shared() {
            Some(shared) if self.is_guest() => {
                let mut others = Vec::new();
                shared.guests.report(self, known, &mut others);
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
    Lodgers::why_no_io(true)
}
