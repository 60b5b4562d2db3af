//! Which runtime is the current one on this thread.
//!
//! Invariant: a scheduler is marked as owned by this thread exactly while `CURRENT` has its `Local`, which is thereby kept
//! alive. [`install`] alone changes either, and [`start_drive`] both.
//!
//! In tokio: `runtime/context`.

use super::drive::Drive;
use super::{Handle, Local};
use crate::sync::thread_local;
use crate::tasks::{LocalScheduler, Scheduler};
use crate::time::Clock;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::rc::Rc;

pub(crate) const NO_RUNTIME: &str =
    "there is no ayi runtime on this thread: call this from inside Runtime::block_on or #[ayi::main]";
pub(super) const NOT_HERE: &str = "this thread has only entered the runtime of another thread (Handle::enter), and a future that is not Send \
     cannot go there: use Handle::spawn";
const NO_IO_HERE: &str = "this thread has only entered the runtime of another thread (Handle::enter), and sockets wait on that one: \
     use them in Handle::block_on, or in a task that Handle::spawn makes";
const NO_TIMERS_HERE: &str = "this thread has only entered the runtime of another thread (Handle::enter), and timers are of that one: \
     use them in Handle::block_on, or in a task that Handle::spawn makes";
pub(crate) const TIED_ELSEWHERE: &str = "this descriptor has waited in an ayi runtime that belongs to another thread, or is not the current one of \
     this, and can wait only there: move it with into_std and from_std (or AsyncFd::into_inner and new)";
pub(crate) const SHUT_DOWN: &str = "the ayi runtime has been shut down: nothing can wait in it any more. A descriptor can be moved to another \
     with into_std and from_std (or AsyncFd::into_inner and new)";

/// What a thread is in: nothing, its own runtime, or that of another thread.
struct Current {
    /// The runtime of this thread in which timers and descriptors wait.
    local: Option<Rc<Local>>,
    /// The runtime of another thread. Then `local` is what its `block_on` on this thread has for timers and descriptors.
    afar: Option<(Handle, Option<Rc<Drive>>)>,
}

impl Current {
    const NOTHING: Current = Current { local: None, afar: None };

    fn here(local: Rc<Local>) -> Current {
        Current { local: Some(local), afar: None }
    }

    /// Of the `block_on`, if the thread is in one.
    fn afar(handle: Handle, drive: Option<Rc<Drive>>) -> Current {
        Current { local: None, afar: Some((handle, drive)) }
    }

    fn drive(&self) -> Option<(&Handle, &Rc<Drive>)> {
        self.afar.as_ref().and_then(|(handle, drive)| Some((handle, drive.as_ref()?)))
    }
}

thread_local! {
    /// Never dropped, so that it can still be used by the destructors of other thread-locals.
    static CURRENT: RefCell<ManuallyDrop<Current>> = const { RefCell::new(ManuallyDrop::new(Current::NOTHING)) };
    /// How many guards there are, to notice when they are dropped in a wrong order.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn install(mut current: Current) -> Current {
    // The drive may have made its runtime since `current` was saved.
    if let Some((_, drive)) = current.drive() {
        current.local = drive.local().cloned();
    }
    let here = current.local.as_ref();
    LocalScheduler::set_owned(here.map(|local| local.tasks()));
    Clock::install(here.map_or(Clock::REAL, |local| local.clock.get()));
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(current)))
}

pub(super) fn current() -> Option<Rc<Local>> {
    with_current(Rc::clone)
}

/// The runtime that this thread is in, if it is the runtime's own thread.
pub(crate) fn home() -> Option<Rc<Local>> {
    CURRENT.with_borrow_mut(|current| if current.afar.is_some() { None } else { current.local.clone() })
}

/// Where timers and descriptors wait in this thread's `Handle::block_on`, which had no such place until now. `None` if
/// the thread is not in one.
#[cold]
pub(crate) fn start_drive() -> Option<io::Result<Rc<Local>>> {
    let (handle, drive) = CURRENT
        .with_borrow(|current| current.drive().map(|(handle, drive)| (handle.clone(), drive.clone())))?;
    let local = drive.start(&handle).cloned();
    if let Ok(local) = &local {
        CURRENT.with_borrow_mut(|current| current.local = Some(local.clone()));
        LocalScheduler::set_owned(Some(local.tasks()));
    }
    Some(local)
}

/// Like [`current`], without a clone of the `Rc`. `f` must not run foreign code, which might enter or leave a runtime.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Rc<Local>) -> R) -> Option<R> {
    CURRENT.with_borrow_mut(|current| current.local.as_ref().map(f))
}

/// The runtime that takes tasks which are not `Send`.
#[inline]
#[track_caller]
pub(super) fn current_to_spawn() -> Rc<Local> {
    match home() {
        Some(local) => local,
        None => panic!("{}", current_handle().map_or(NO_RUNTIME, |_| NOT_HERE)),
    }
}

/// Why there is none here that a descriptor could wait in.
pub(super) fn why_no_io(tie: Option<RuntimeRef>) -> io::Error {
    match tie {
        Some(tie) if tie.scheduler.is_open(tie.id) => io::Error::other(TIED_ELSEWHERE),
        Some(_) => shut_down(),
        None => io::Error::other(current_handle().map_or(NO_RUNTIME, |_| NO_IO_HERE)),
    }
}

/// Why there is none here that has timers.
#[cold]
pub(crate) fn why_no_timer() -> &'static str {
    current_handle().map_or(NO_RUNTIME, |_| NO_TIMERS_HERE)
}

pub(super) fn shut_down() -> io::Error {
    io::Error::other(ShutDown)
}

#[derive(Debug)]
struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl std::error::Error for ShutDown {}

/// Whether an error says that the runtime in which something waited, or was to wait, has ended.
///
/// # Examples
///
/// ```
/// let error = std::io::Error::other("something else");
/// assert!(!ayi_runtime::runtime::is_rt_shutdown_err(&error));
/// ```
pub fn is_rt_shutdown_err(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<ShutDown>())
}

pub(super) fn current_handle() -> Option<Handle> {
    CURRENT.with_borrow(|current| match &current.afar {
        Some((handle, _)) => Some(handle.clone()),
        None => Some(current.local.as_ref()?.handle().clone()),
    })
}

/// Keeps a runtime the current one of this thread. Guards must be dropped in the reverse order of entering.
///
/// # Examples
///
/// ```
/// let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// let task = {
///     let _inside = rt.enter();
///     ayi_runtime::spawn(async { 1 }) // runs during the next `block_on`
/// };
/// assert_eq!(rt.block_on(task).unwrap(), 1);
/// ```
#[must_use = "the runtime is left when the guard is dropped"]
pub struct EnterGuard<'a> {
    outer: ManuallyDrop<Current>,
    depth: usize,
    _entered: PhantomData<(&'a (), *const ())>,
}

impl EnterGuard<'_> {
    fn new<'a>(current: Current) -> EnterGuard<'a> {
        let outer = ManuallyDrop::new(install(current));
        DEPTH.set(DEPTH.get() + 1);
        EnterGuard { outer, depth: DEPTH.get(), _entered: PhantomData }
    }

    /// For the thread that owns `local`.
    pub(super) fn here<'a>(local: &Rc<Local>) -> EnterGuard<'a> {
        EnterGuard::new(Current::here(local.clone()))
    }

    /// For any thread.
    pub(super) fn afar<'a>(handle: &Handle) -> EnterGuard<'a> {
        EnterGuard::new(match Local::find(handle.reference) {
            Some(local) => Current::here(local),
            None => Current::afar(handle.clone(), drive_of(handle)),
        })
    }

    /// For a thread that is not the runtime's, in a `block_on`.
    pub(super) fn driven<'a>(handle: &Handle, drive: Rc<Drive>) -> EnterGuard<'a> {
        EnterGuard::new(Current::afar(handle.clone(), Some(drive)))
    }
}

/// What the `block_on` has that this thread is in, if it is one of the handle's runtime.
fn drive_of(handle: &Handle) -> Option<Rc<Drive>> {
    CURRENT.with_borrow(|current| {
        let (outer, drive) = current.drive()?;
        (outer.id() == handle.id()).then(|| drive.clone())
    })
}

impl Drop for EnterGuard<'_> {
    #[track_caller]
    fn drop(&mut self) {
        // Foreign code, so before anything is half done. It may enter a runtime, and keep the guard.
        let ending = with_current(|local| local.is_shut_down().then(|| local.clone()));
        if let Some(local) = ending.flatten() {
            local.go_on_ending();
        }
        if DEPTH.get() == self.depth {
            DEPTH.set(self.depth - 1);
            let outer = std::mem::replace(&mut *self.outer, Current::NOTHING);
            // Dropped last: this may be the runtime's final reference.
            drop(install(outer));
        } else if !std::thread::panicking() {
            // What it would restore is not what is outside. The thread stays in what it is in.
            panic!(
                "EnterGuards must be dropped in the reverse order of entering: keep each in a scope of its own"
            );
        }
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnterGuard")
    }
}

/// Names a runtime, for things that may outlive it or be moved to other threads.
#[derive(Clone, Copy)]
pub(crate) struct RuntimeRef {
    pub(super) scheduler: &'static Scheduler,
    pub(crate) id: u64,
}

impl RuntimeRef {
    /// The runtime, if it is this thread's current one.
    #[inline]
    pub(crate) fn local(&self) -> Option<Rc<Local>> {
        current().filter(|local| self.is(local))
    }

    /// Runs `f`, which must not run foreign code, if the runtime is this thread's current one.
    #[inline]
    pub(crate) fn with_local<R>(&self, f: impl FnOnce(&Local) -> R) -> Option<R> {
        with_current(|local| self.is(local).then(|| f(local)))?
    }

    #[inline]
    pub(crate) fn is(&self, local: &Local) -> bool {
        self.id == local.reference().id
    }

    /// Runs `f` on the runtime's thread: now if this is it, inside the runtime or not, else soon. Not at all if
    /// the runtime is gone.
    pub(crate) fn send(self, f: impl FnOnce(&Local) + Send + 'static) {
        match Local::find(self) {
            Some(local) => f(&local),
            // Refused: gone.
            None => drop(self.scheduler.send(Some(self.id), move |_| {
                if let Some(local) = self.local() {
                    f(&local);
                }
            })),
        }
    }
}

/// [`Handle::try_current`] found no runtime.
///
/// # Examples
///
/// ```
/// use ayi_runtime::runtime::Handle;
/// println!("{}", Handle::try_current().unwrap_err());
/// ```
#[derive(Debug)]
pub struct TryCurrentError(pub(super) ());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_RUNTIME)
    }
}

impl std::error::Error for TryCurrentError {}
