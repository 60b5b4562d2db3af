//! Waiting for readiness by itself, without an operation, and taking readiness back.
//!
//! In tokio: `runtime/io/{registration,scheduled_io}.rs`. There a `ReadyEvent` has a tick; here it has the number of
//! the reports.

use crate::core::ready::{Interest, Known};
use crate::core::sys;
use crate::core::wait::reactor::{Look, Reactor, Seen, give_back};
use crate::core::wait::waiters::direction;
use crate::core::wait::waiting::{Wait, Waiting};
use crate::core::wait::{Asker, Registration, SourceKey, Waiter};
use crate::face::ready::Ready;
use crate::services::coop;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

/// The readiness of a descriptor, as it was known at some time. [`Registration::clear`] takes it back.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi::io::{Interest, Registration};
/// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
/// # let (stream, mut peer) = UnixStream::pair()?;
/// # stream.set_nonblocking(true)?;
/// # peer.write_all(b"tea")?;
/// # let registration = Registration::new();
/// # let fd = stream.as_fd();
/// let event = registration.ready_event(fd, Interest::READABLE).await?;
/// assert!(event.ready().is_readable());
/// while (&stream).read(&mut [0; 8]).is_ok() {}
/// registration.clear(&event); // the last read gave WouldBlock
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct ReadyEvent {
    ready: Ready,
    interest: Interest,
    known: Known,
    key: SourceKey,
    seen: Seen,
}

impl ReadyEvent {
    /// Returns what the descriptor was ready for.
    pub fn ready(&self) -> Ready {
        self.ready
    }
}

impl Registration {
    /// Records what the descriptor is ready for already. epoll reports that at the next turn, and a waiter who may go on
    /// now should not wait for the turn.
    #[cold]
    fn look(&self, fd: RawFd, before: SourceKey) {
        let known = match before {
            SourceKey::FRESH => Known::saying(Ready::READABLE | Ready::WRITABLE),
            _ => Known::from_epoll(sys::state(fd)),
        };
        if !known.is_empty() {
            self.tie.key().with(|reactor, key| reactor.report(key, known));
        }
    }

    /// Returns whether the descriptor is known to be ready for one of `interest`. `None` means that nothing is known, as it
    /// has not met the runtime of this thread.
    #[doc(hidden)]
    pub fn knows_ready(&self, interest: Interest) -> Option<bool> {
        self.tie.key().with(|reactor, key| !reactor.known(key, interest).is_empty())
    }

    /// Is ready if poll(2) says so. If not, waits in the runtime of another thread. `None`: it has to be tried again.
    fn poll_elsewhere(&self, fd: RawFd, mut asker: Asker<'_>) -> Option<Poll<io::Result<ReadyEvent>>> {
        let interest = asker.interest;
        let since = match self.try_elsewhere() {
            Ok(since) => since,
            Err(error) => return Some(Poll::Ready(Err(error))),
        };
        let known = Known::from_epoll(sys::state(fd)).of(interest);
        if !known.is_empty() {
            // The owner knows nothing of this event, so clearing it changes nothing there.
            let (key, seen) = (SourceKey::NONE, Seen(0));
            return Some(Poll::Ready(Ok(ReadyEvent { ready: known.ready(), interest, known, key, seen })));
        }
        let Err(why) = self.tied(fd, Some(&asker)) else {
            asker.waiter.waits_no_longer();
            return None;
        };
        Some(self.wait_elsewhere(fd, &mut asker, since, why)?.map(Err))
    }

    /// Waits until the descriptor is ready, and returns for what.
    ///
    /// # Errors
    ///
    /// Fails like [`register`](Registration::register).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// let ready = poll_fn(|cx| registration.poll_ready(fd, Interest::READABLE, cx)).await?;
    /// assert!(ready.is_readable());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_ready(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Ready>> {
        self.poll_ready_event(fd, interest, cx).map_ok(|event| event.ready)
    }

    /// Waits until the descriptor is ready, like [`poll_ready`](Registration::poll_ready). Any number of tasks may wait
    /// in this function at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails like [`poll_ready`](Registration::poll_ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// let ready = registration.ready(fd, Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn ready(&self, fd: BorrowedFd<'_>, interest: Interest) -> impl Future<Output = io::Result<Ready>> {
        let event = self.ready_event(fd, interest);
        async { Ok(event.await?.ready) }
    }

    /// Waits like [`poll_ready`](Registration::poll_ready), and returns an event that [`clear`](Registration::clear)
    /// takes back.
    ///
    /// # Errors
    ///
    /// Fails like [`poll_ready`](Registration::poll_ready).
    pub fn poll_ready_event(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<ReadyEvent>> {
        self.poll_ready_event_raw(fd.as_raw_fd(), interest, cx)
    }

    /// Waits like [`ready`](Registration::ready), and returns an event that [`clear`](Registration::clear) takes back.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails like [`ready`](Registration::ready).
    pub fn ready_event(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
    ) -> impl Future<Output = io::Result<ReadyEvent>> {
        self.ready_event_raw(fd.as_raw_fd(), interest)
    }

    /// Marks the descriptor as not ready, as far as `event` says that it was, until the next report. This is right only
    /// if an operation has given `WouldBlock` since the event. Reports are edge-triggered, so a caller who clears
    /// without having drained the descriptor waits for ever.
    ///
    /// What has been reported since the event stays known. A closed direction stays known as long as it is closed.
    ///
    /// If the event is of several interests at once, this call concerns tasks that wait for the same set. Tasks that
    /// wait for one of these interests still find the descriptor ready, and try for themselves.
    pub fn clear(&self, event: &ReadyEvent) {
        self.clear_event(event, event.interest, event.known);
    }

    /// Works like [`clear`](Registration::clear), but only for what is in `ready`, and for all tasks that wait for one
    /// of the event's interests.
    pub fn clear_matching(&self, event: &ReadyEvent, ready: Ready) {
        let known = Known::saying(ready);
        if event.interest.is_compound() {
            self.clear_event(event, event.interest, event.known.and(known));
        }
        for interest in event.interest.each() {
            self.clear_event(event, interest, event.known.and(known));
        }
    }

    fn clear_event(&self, event: &ReadyEvent, interest: Interest, known: Known) {
        let clear = |reactor: &mut Reactor, key| {
            if key == event.key {
                reactor.clear_known(key, interest, known, event.seen);
            }
        };
        self.tie.key().with(clear);
    }

    /// Returns whether something is known of the descriptor that lets one try an operation. If nothing can be known,
    /// since it is not registered or not with this thread's runtime, it may be tried as well.
    #[doc(hidden)]
    pub fn may_try(&self, interest: Interest) -> bool {
        self.knows_ready(interest).unwrap_or(true)
    }

    #[doc(hidden)]
    pub fn poll_ready_event_raw(
        &self,
        fd: RawFd,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<ReadyEvent>> {
        let (mut wait, mut waiter) = (Readiness { registration: self, fd, interest }, Waiter::POLL_STYLE);
        self.trace.poll_shared(interest, || wait.poll(&mut waiter, cx))
    }

    #[doc(hidden)]
    pub fn ready_event_raw(
        &self,
        fd: RawFd,
        interest: Interest,
    ) -> impl Future<Output = io::Result<ReadyEvent>> {
        Waiting::new(Readiness { registration: self, fd, interest })
    }

    /// Marks the descriptor as not ready until the next report, and asks the kernel for a report if it is ready
    /// nevertheless. So nothing is lost that has come in the meantime. This costs a system call;
    /// [`clear`](Registration::clear) costs none.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// registration.ready(fd, Interest::READABLE).await?;
    /// while (&stream).read(&mut [0; 8]).is_ok() {}
    /// registration.clear_ready(Interest::READABLE); // the last read gave WouldBlock
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn clear_ready(&self, interest: Interest) {
        self.clear_and_ask(Known::of_all(interest));
    }

    /// Works like [`clear_ready`](Registration::clear_ready), but only for what is in `ready`.
    pub fn clear_ready_matching(&self, ready: Ready) {
        self.clear_and_ask(Known::saying(ready));
    }

    fn clear_and_ask(&self, known: Known) {
        // If this fails, the descriptor is no longer in epoll, and what is known stays known.
        let _ = self.tie.key().with(|reactor, key| reactor.clear_and_ask(key, known));
    }
}

/// What [`Registration::ready_event`] waits for.
impl Waiter {
    /// It has no place any more.
    fn waits_no_longer(&mut self) {
        if *self != Waiter::POLL_STYLE {
            *self = Waiter::NEW;
        }
    }
}

struct Readiness<'a> {
    registration: &'a Registration,
    fd: RawFd,
    interest: Interest,
}

impl<'a> Wait<'a> for Readiness<'a> {
    type Output = io::Result<ReadyEvent>;

    fn registration(&self) -> &'a Registration {
        self.registration
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn poll(&mut self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<io::Result<ReadyEvent>> {
        let Readiness { registration, fd, interest } = *self;
        coop::poll_charged(cx, |cx| {
            let waker = cx.waker();
            loop {
                let before = registration.tie.key();
                if !before.is_here() {
                    registration.tie(fd)?;
                    if registration.tie.key().is_here() {
                        registration.look(fd, before);
                        // It has come here now. No report of this source has woken who waits.
                        waiter.waits_no_longer();
                    }
                }
                let key = registration.tie.key();
                let seen = match key.try_or_wait(Asker { interest, waiter, waker }) {
                    Look::Try(_, seen) => seen,
                    Look::Waits => return Poll::Pending,
                    Look::Unusual => {
                        match registration.poll_elsewhere(fd, Asker { interest, waiter, waker }) {
                            Some(polled) => return polled,
                            None => continue,
                        }
                    }
                };
                let ready = |reactor: &mut Reactor, key| {
                    let (known, ready) = reactor.ready(key, interest, *waiter)?;
                    Some(ReadyEvent { ready, interest, known, key, seen })
                };
                if let Some(event) = key.with(ready).flatten() {
                    return Poll::Ready(Ok(event));
                }
                key.wait_here(&mut Asker { interest, waiter, waker });
                return Poll::Pending;
            }
        })
    }
}

impl Reactor {
    /// Returns what is known, for a waiter that [`must_try`](Reactor::must_try). If nothing is known, the waiter was
    /// woken for what it waits for.
    pub(crate) fn ready(
        &mut self,
        key: SourceKey,
        interest: Interest,
        waiter: Waiter,
    ) -> Option<(Known, Ready)> {
        let known = self.known(key, interest);
        if !known.is_empty() {
            return Some((known, known.ready()));
        }
        if waiter == Waiter::POLL_STYLE {
            let place = direction(interest)?;
            (self.source(key)?.waiters.has_tried(place) > 0).then_some(())?;
        }
        Some((Known::NOTHING, interest.awaited()))
    }

    /// Marks `known` as not ready. The caller does not say when that was seen, so the kernel is asked to report anew
    /// what is ready.
    pub(crate) fn clear_and_ask(&mut self, key: SourceKey, known: Known) -> io::Result<()> {
        self.ask(key)?;
        if let Some(source) = self.source(key) {
            source.known.set(source.known.get() - (known - Known::CLOSED));
        }
        Ok(())
    }

    /// Records `known` as if the kernel had reported it.
    pub(crate) fn report(&mut self, key: SourceKey, known: Known) {
        if let Some(source) = self.source(key) {
            source.report(known, &mut self.others);
            give_back(&mut self.taken, key, known);
        }
    }
}
