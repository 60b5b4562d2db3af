//! Which runtime a thread is in, as handles see it: its own, or that of another thread.

use super::drive::Drive;
use super::errors::{NO_RUNTIME, NOT_HERE, shut_down};
use super::link::Link;
use crate::core::current::{self, Current, EnterGuard as CoreGuard, HOME, find_worker, with_current};
use crate::core::lodger::Elsewhere;
use crate::core::task::OwnScheduler;
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::home::Who;
use crate::services::stay::Stay;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;

/// The runtime of another thread that this one has entered.
pub(crate) struct Afar {
    link: Link,
    /// The state of the `block_on`, if the thread is in one.
    drive: Option<Rc<Drive>>,
    /// The runtime, or one of its workers, if the thread stands in for the worker's own.
    lent: Option<Rc<Worker>>,
}

impl Afar {
    /// The thread is outside of the runtime, of which it has a poll to go on with.
    pub(super) fn outside(link: Link) -> Afar {
        Afar { link, drive: None, lent: None }
    }

    /// The thread stands in for that of `worker`. No task is spawned there that is not `Send`.
    pub(super) fn inside(link: Link, worker: Rc<Worker>) -> Afar {
        Afar { link, drive: None, lent: Some(worker) }
    }
}

impl Elsewhere for Afar {
    fn runtime(&self) -> RuntimeRef {
        self.link.reference
    }

    fn worker(&self) -> Option<Rc<Worker>> {
        match &self.lent {
            Some(worker) => Some(worker.clone()),
            None => self.drive.as_ref()?.worker().cloned(),
        }
    }

    fn start(&self) -> Option<io::Result<Rc<Worker>>> {
        Some(self.drive.as_ref()?.start(&self.link).cloned())
    }
}

impl CoreGuard<'_> {
    /// Enters the runtime of `link`, on any thread.
    pub(crate) fn afar<'a>(link: &Link) -> CoreGuard<'a> {
        // If this thread is in a `block_on` of the same runtime, the state of that `block_on` stays, and if it stands in for
        // a worker's, it goes on to do that.
        let outer = current::afar().filter(|outer| outer.link.reference.id == link.reference.id);
        let (drive, lent) = outer.map(|outer| (outer.drive.clone(), outer.lent.clone())).unwrap_or_default();
        let here = if lent.is_some() { None } else { link.here().or_else(|| find_worker(link.reference.id)) };
        CoreGuard::new(match here {
            Some(worker) => Current::here(worker),
            None => Current::afar(Rc::new(Afar { link: link.clone(), drive, lent })),
        })
    }

    /// Enters the runtime of `link` on a thread that is not the runtime's, in a `block_on`.
    pub(crate) fn driven<'a>(link: &Link, drive: Rc<Drive>) -> CoreGuard<'a> {
        CoreGuard::new(Current::afar(Rc::new(Afar { link: link.clone(), drive: Some(drive), lent: None })))
    }
}

/// Keeps a runtime current on this thread. See [`Runtime::enter`](crate::runtime::Runtime::enter).
#[must_use = "the runtime is left when the guard is dropped"]
pub struct EnterGuard<'a> {
    // Dropped first. It borrows nothing: so the owner may end the runtime while a guard that is not used any more exists.
    _inside: CoreGuard<'static>,
    _stay: Option<Stay>,
    _entered: PhantomData<&'a ()>,
}

impl EnterGuard<'_> {
    /// Enters the runtime, and takes it to this thread if it is idle and `who` may have it. One that is run in the
    /// background is left to its thread.
    pub(crate) fn new<'a>(link: &Link, who: Who) -> EnterGuard<'a> {
        let may_stay = link.shared.background.is_none() || find_worker(link.reference.id).is_some();
        let stay = may_stay.then(|| link.stay(who)).flatten();
        let inside = match &stay {
            Some(stay) => CoreGuard::here(stay.worker()),
            None => CoreGuard::afar(link),
        };
        EnterGuard { _inside: inside, _stay: stay, _entered: PhantomData }
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnterGuard")
    }
}

pub(crate) fn current_link() -> Option<Link> {
    match current::afar() {
        Some(afar) => Some(afar.link.clone()),
        None => with_current(|worker| Link::of(worker)),
    }
}

/// Returns where tasks go that are not `Send`: the runtime of this thread.
#[inline]
#[track_caller]
pub(crate) fn current_to_spawn() -> OwnScheduler {
    let Some(tasks) = HOME.get() else { not_here() };
    tasks.local_task();
    tasks
}

#[cold]
#[track_caller]
fn not_here() -> ! {
    panic!("{}", current_link().map_or(NO_RUNTIME, |_| NOT_HERE))
}

/// Returns whether the current runtime has sockets, if there is one.
#[doc(hidden)]
pub fn has_io() -> Option<bool> {
    Some(current_link()?.shared.drivers.has_io)
}

/// Panics if the current runtime was asked to have no sockets, in tokio's words. ayi's own always has some.
#[doc(hidden)]
#[track_caller]
pub fn check_io() {
    assert!(
        has_io() != Some(false),
        "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime builder to enable IO."
    );
}

/// Returns whether the current runtime has timers, if there is one.
#[doc(hidden)]
pub fn has_timers() -> Option<bool> {
    Some(current_link()?.shared.drivers.has_timers)
}

/// Returns whether the current runtime spawns tasks that are not `Send` on this thread, without a `LocalSet`.
#[doc(hidden)]
pub fn is_local() -> bool {
    with_current(|worker| worker.lodgers.shared.drivers.is_local).unwrap_or(false)
}

/// Fails if the current runtime has ended, so that what is made now could never wait.
#[doc(hidden)]
pub fn check_open() -> io::Result<()> {
    match current_link() {
        Some(link) if !link.reference.scheduler.is_open(link.reference.id) => Err(shut_down()),
        _ => Ok(()),
    }
}
