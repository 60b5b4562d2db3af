//! The tie between a descriptor and a source, and the operations that wait by it.
//!
//! In tokio: `runtime/io/registration.rs` and `io/poll_evented.rs`.

use super::reactor::{Look, Reactor, Seen, SourceKey};
use super::waiters::{Asker, Waiter};
use crate::core::coop;
use crate::core::counters::Count;
use crate::core::current::{current_for_io, find_worker, with_worker_of, worker_of};
use crate::core::lodger::Lodger;
use crate::core::ready::Interest;
use crate::core::worker::Worker;
use crate::plugged::{Lodgers, Origin, SocketTrace};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker, ready};

/// The tie between one file descriptor and the reactor of one runtime.
///
/// A new registration is tied to nothing. The first operation that would block ties it to the runtime of the current
/// thread. If that thread runs none, it is the one that the thread has entered, or else the one in which the registration
/// was made. From then on it waits there. On another thread each wait costs a lock, or a message to that runtime, and it
/// is an error in another runtime if no thread is in that one. The descriptor must be non-blocking, be the same in every call, and stay open for as long as the
/// registration exists. So put the registration *before* the descriptor in a struct: fields are dropped in that order.
///
/// Any number of tasks may wait at once, in the `async` functions and in the `poll_…` functions. A report wakes all
/// tasks that it concerns. The `poll_…` functions cannot tell a task with a new waker from a new task. So when 64
/// wakers have come without a report, the runtime wakes the new ones once for nothing. A task that still waits polls
/// again, and wakers that do not come again are forgotten.
///
/// A task that was woken by a report makes its attempt, even if another task has found nothing in the meantime. What
/// one interest finds not to be ready stays ready for the others.
///
/// # Examples
///
/// A pipe end that can be awaited:
///
/// ```
/// use ayi::io::{Interest, Registration};
/// use std::{io::Read, os::fd::AsFd};
///
/// struct Receiver {
///     registration: Registration, // before the descriptor
///     pipe: std::os::unix::net::UnixStream,
/// }
///
/// impl Receiver {
///     async fn read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
///         let (fd, len) = (self.pipe.as_fd(), buf.len());
///         let is_short = |n: &usize| 0 < *n && *n < len;
///         self.registration.async_io(fd, Interest::READABLE, || (&self.pipe).read(buf), is_short).await
///     }
/// }
/// ```
#[derive(Default)]
pub struct Registration {
    pub(crate) tie: OnceLock<Tie>,
    pub(crate) origin: Origin,
    pub(crate) trace: SocketTrace,
}

// Packed, or it would have four bytes more, in every socket.
#[repr(Rust, packed(4))]
pub(crate) struct Tie {
    /// The number of the runtime. That of a guest is marked, so it is never that of a current runtime.
    pub(crate) runtime: u64,
    pub(crate) key: SourceKey,
    pub(crate) fd: RawFd,
}

impl Registration {
    /// Creates a registration that is tied to no runtime yet, and remembers which runtime is the current one.
    pub fn new() -> Registration {
        Registration { tie: OnceLock::new(), origin: Origin::here(), trace: SocketTrace::NOTHING }
    }

    /// An attempt has given an error. If that is `WouldBlock`, the asker waits. `None` means that the operation has to be
    /// tried again: it was interrupted, or the reactor has turned during the attempt.
    #[inline(never)]
    fn failed(
        &self,
        error: io::Error,
        fd: RawFd,
        mut asker: Asker<'_>,
        seen: Option<Seen>,
    ) -> Option<Poll<io::Error>> {
        match error.kind() {
            ErrorKind::Interrupted => return None,
            ErrorKind::WouldBlock => {}
            _ => return Some(coop::charged(error)),
        }
        let (worker, key) = match self.tied(fd) {
            Ok(tied) => tied,
            Err(why) => return self.failed_elsewhere(fd, &mut asker, seen, why),
        };
        if !worker.reactor().clear(key, asker.interest, seen) {
            return None;
        }
        worker.wait_for(key, &mut asker);
        Some(Poll::Pending)
    }

    /// The runtime of this thread and the source there; makes the tie if there is none.
    pub(crate) fn tied(&self, fd: RawFd) -> io::Result<(Rc<Worker>, SourceKey)> {
        if let Some(tie) = self.tie.get() {
            return Ok((current_for_io(Some(tie.runtime))?, tie.key));
        }
        let worker = current_for_io(None)?;
        let register = || {
            let tie = |key| (key, self.tie.set(Tie { runtime: worker.reference.id, key, fd }));
            worker.reactor().register(fd, tie)
        };
        let mut registered = register();
        if matches!(&registered, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
            // Perhaps another thread has given it up, and its message is still unread.
            worker.tasks().drain_inbox();
            // That may have run foreign code, and so have ended the runtime.
            current_for_io(Some(worker.reference.id))?;
            registered = register();
        }
        let (key, is_set) = registered.map_err(Lodgers::explain)?;
        worker.counters().add(Count::Registered, 1);
        if let Err(tie) = is_set {
            // Another thread was faster: the tie is to its runtime.
            drop(tie);
            return self.tied(fd);
        }
        Ok((worker, key))
    }
}

/// An operation on a descriptor, which is tried as soon as it need not wait. See `Registration::poll_io`.
pub(crate) struct Io<'a, Op, IsShort> {
    pub(crate) registration: &'a Registration,
    pub(crate) fd: RawFd,
    pub(crate) interest: Interest,
    pub(crate) op: Op,
    pub(crate) is_short: IsShort,
}

impl<R, Op: FnMut() -> io::Result<R>, IsShort: Fn(&R) -> bool> Io<'_, Op, IsShort> {
    #[inline]
    pub(crate) fn poll(mut self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        ready!(coop::poll_budget(cx));
        match self.attempt(waiter, cx.waker()) {
            Some(polled) => polled,
            // A copy, because an `Io` whose address is taken would lie in memory. The original stays in registers.
            None => Io { ..self }.attempt_again(waiter, cx.waker()),
        }
    }

    /// Tries `op`, unless it has to wait first. `None` means that it has to be tried again.
    #[inline(always)]
    fn attempt(&mut self, waiter: &mut Waiter, waker: &Waker) -> Option<Poll<io::Result<R>>> {
        let (registration, interest, mut seen) = (self.registration, self.interest, None);
        if let Some(tie) = registration.tie.get() {
            match tie.try_or_wait::<Op>(Asker { interest, waiter, waker }) {
                Look::Try(since) => seen = Some(since),
                Look::Waits => return Some(Poll::Pending),
                Look::Unusual => match tie.try_elsewhere() {
                    Ok(since) => seen = since,
                    Err(error) => return Some(coop::charged(Err(error))),
                },
            }
        }
        match (self.op)() {
            Ok(moved) => {
                if (self.is_short)(&moved) {
                    let clear = |tie: &Tie| tie.with(|reactor, key| reactor.clear_after_short(key, interest));
                    registration.tie.get().map(clear);
                }
                Some(coop::charged(Ok(moved)))
            }
            Err(error) => {
                let asker = Asker { interest, waiter, waker };
                Some(registration.failed(error, self.fd, asker, seen)?.map(Err))
            }
        }
    }

    /// The first attempt was interrupted, or something was reported before it could wait. This is rare, and apart, because
    /// a loop around the first attempt would make each operation pay for what only a second attempt needs.
    #[cold]
    #[inline(never)]
    fn attempt_again(mut self, waiter: &mut Waiter, waker: &Waker) -> Poll<io::Result<R>> {
        let op: &mut dyn FnMut() -> io::Result<R> = &mut self.op;
        let (registration, fd, interest, is_short) =
            (self.registration, self.fd, self.interest, &self.is_short);
        let mut again = Io { registration, fd, interest, op, is_short };
        loop {
            if let Some(polled) = again.attempt(waiter, waker) {
                return polled;
            }
        }
    }
}

impl Tie {
    /// Asks the reactor, if the runtime is the current one of this thread. `f` must not run foreign code.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Reactor, SourceKey) -> R) -> Option<R> {
        let (runtime, key) = (self.runtime, self.key);
        with_worker_of(runtime, |worker| f(&mut worker.reactor(), key))
    }

    /// Whether the asker has to try before it waits, and since when that is known. If not, it waits when this returns. Of a
    /// source that is not in the current runtime nothing is known here: `Unusual`.
    // `Caller` makes the closure, and so the access to the thread-local, a different one for each kind of operation. A
    // function with a single caller is inlined there.
    #[allow(clippy::extra_unused_type_parameters)]
    #[inline(always)]
    pub(crate) fn try_or_wait<Caller>(&self, mut asker: Asker<'_>) -> Look {
        let (runtime, key) = (self.runtime, self.key);
        let look =
            |worker: &Worker| (!worker.is_over.get()).then(|| worker.reactor().look_or_wait(key, &mut asker));
        match with_worker_of(runtime, look).flatten() {
            Some(Look::Unusual) => self.try_or_wait_unusually(asker),
            Some(look) => look,
            None => Look::Unusual,
        }
    }

    #[inline(never)]
    fn try_or_wait_unusually(&self, mut asker: Asker<'_>) -> Look {
        if let Some(seen) = self.with(|reactor, key| reactor.must_try(key, &asker)).flatten() {
            return Look::Try(seen);
        }
        self.wait_for(&mut asker);
        Look::Waits
    }

    /// Waits. The runtime is the current one.
    pub(crate) fn wait_for(&self, asker: &mut Asker<'_>) {
        let (runtime, key) = (self.runtime, self.key);
        if let Some(worker) = worker_of(runtime) {
            worker.wait_for(key, asker);
        }
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        match find_worker(self.runtime) {
            Some(worker) => worker.give_up(self.key, true),
            None => self.give_up_elsewhere(),
        }
    }
}
