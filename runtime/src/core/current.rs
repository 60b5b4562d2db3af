//! Which runtime is the current one on this thread, and which ones live on it.
//!
//! Invariant: a scheduler is marked as owned by this thread exactly while `CURRENT` has its `Worker`, which is thereby kept
//! alive. [`install`] alone changes either, and [`start_afar`] both.
//!
//! In tokio: `runtime/context`.

use super::lodger::{Elsewhere, Lodger};
use super::onlooker::Onlooker;
use super::sync::thread_local;
use super::task::OwnScheduler;
use super::wait::Clock;
use super::worker::{RuntimeRef, Worker};
use crate::plugged::{Afar, Lodgers, Onlookers};
use std::cell::{Cell, RefCell};
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// What a thread is in: nothing, its own runtime, or that of another thread.
pub(crate) struct Current {
    /// The runtime of this thread in which timers and descriptors wait.
    worker: Option<Rc<Worker>>,
    /// The runtime of another thread. Then `worker` is what its `block_on` on this thread has for timers and descriptors.
    afar: Option<Rc<Afar>>,
}

impl Current {
    const NOTHING: Current = Current { worker: None, afar: None };

    pub(crate) fn here(worker: Rc<Worker>) -> Current {
        Current { worker: Some(worker), afar: None }
    }

    pub(crate) fn afar(afar: Rc<Afar>) -> Current {
        Current { worker: None, afar: Some(afar) }
    }
}

thread_local! {
    /// Never dropped, so that it can still be used by the destructors of other thread-locals.
    static CURRENT: RefCell<ManuallyDrop<Current>> = const { RefCell::new(ManuallyDrop::new(Current::NOTHING)) };
    /// The number of the runtime of `CURRENT`, in which descriptors wait, unless it is over. 0: there is none. Who finds a
    /// source's user here may use the source: reactor invariant 8.
    pub(crate) static HERE: Cell<u64> = const { Cell::new(0) };
    /// The tasks of [`home`], where this thread spawns those that are not `Send`: one look, and no count.
    pub(crate) static HOME: Cell<Option<OwnScheduler>> = const { Cell::new(None) };
    /// How many guards there are, to notice when they are dropped in a wrong order.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn install(mut current: Current) -> Current {
    // The `block_on` on the other thread's runtime may have made a place to wait since `current` was saved.
    if let Some(afar) = &current.afar {
        current.worker = afar.worker();
    }
    let here = current.worker.as_ref();
    let tasks = here.map(|worker| worker.tasks());
    HOME.set(tasks.filter(|_| current.afar.is_none()));
    set_owned(here);
    Clock::install(here.map_or(Clock::REAL, |worker| worker.clock.get()));
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(current)))
}

fn set_owned(here: Option<&Rc<Worker>>) {
    OwnScheduler::set_owned(here.map(|worker| worker.tasks()));
    Onlookers::come_here(here.map(|worker| &worker.tasks().cells().onlookers));
    HERE.set(here.map_or(0, |worker| if worker.is_over.get() { 0 } else { worker.reference.id }));
}

pub(crate) fn current() -> Option<Rc<Worker>> {
    with_current(Rc::clone)
}

/// The runtime that this thread is in, if it is the runtime's own thread.
pub(crate) fn home() -> Option<Rc<Worker>> {
    CURRENT.with_borrow_mut(|current| if current.afar.is_some() { None } else { current.worker.clone() })
}

/// The other thread's runtime that this thread is in, if it is in one.
pub(crate) fn afar() -> Option<Rc<Afar>> {
    CURRENT.with_borrow(|current| current.afar.clone())
}

/// Where timers and descriptors wait in this thread's `Handle::block_on`, which had no such place until now. `None` if
/// the thread is not in one.
#[cold]
pub(crate) fn start_afar() -> Option<io::Result<Rc<Worker>>> {
    let worker = afar()?.start()?;
    if let Ok(worker) = &worker {
        CURRENT.with_borrow_mut(|current| current.worker = Some(worker.clone()));
        set_owned(Some(worker));
    }
    Some(worker)
}

/// Like [`current`], without a clone of the `Rc`. `f` must not run foreign code, which might enter or leave a runtime.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Rc<Worker>) -> R) -> Option<R> {
    CURRENT.with(|current| current.borrow_mut().worker.as_ref().map(f))
}

/// The runtime with this number, if it is this thread's current one.
pub(crate) fn worker_of(runtime: u64) -> Option<Rc<Worker>> {
    current().filter(|worker| worker.reference.id == runtime)
}

/// Runs `f`, which must not run foreign code, if the runtime with this number is this thread's current one.
#[inline]
pub(crate) fn with_worker_of<R>(runtime: u64, f: impl FnOnce(&Worker) -> R) -> Option<R> {
    with_current(|worker| (worker.reference.id == runtime).then(|| f(worker)))?
}

/// The runtime with this number, if it lives on this thread, whether it is the current one or not.
pub(crate) fn find_worker(runtime: u64) -> Option<Rc<Worker>> {
    worker_of(runtime).or_else(|| Lodgers::find_here(runtime))
}

impl RuntimeRef {
    /// Runs `f` on the runtime's thread: now if this is it, inside the runtime or not, else soon. Not at all if
    /// the runtime is gone.
    pub(crate) fn send(self, f: impl FnOnce(&Worker) + Send + 'static) {
        match find_worker(self.id) {
            Some(worker) => f(&worker),
            // Refused: gone.
            None => {
                let there = move |_| _ = worker_of(self.id).as_deref().map(f);
                drop(self.scheduler.send(Some(self.id), Box::new(there)));
            }
        }
    }
}

/// A guard that keeps a runtime the current one of this thread. Guards must be dropped in the reverse order of
/// entering.
///
/// # Examples
///
/// ```
/// let rt = ayi::runtime::Runtime::new().unwrap();
/// let task = {
///     let _inside = rt.enter();
///     ayi::spawn(async { 1 }) // runs during the next `block_on`
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
    pub(crate) fn new<'a>(current: Current) -> EnterGuard<'a> {
        let outer = ManuallyDrop::new(install(current));
        DEPTH.set(DEPTH.get() + 1);
        EnterGuard { outer, depth: DEPTH.get(), _entered: PhantomData }
    }

    /// For the thread that owns `worker`.
    pub(crate) fn here<'a>(worker: &Rc<Worker>) -> EnterGuard<'a> {
        EnterGuard::new(Current::here(worker.clone()))
    }
}

impl Drop for EnterGuard<'_> {
    #[track_caller]
    fn drop(&mut self) {
        // Foreign code, so before anything is half done. It may enter a runtime, and keep the guard.
        let ending = with_current(|worker| worker.is_over.get().then(|| worker.clone()));
        if let Some(worker) = ending.flatten() {
            Lodgers::go_on_ending(&worker);
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
