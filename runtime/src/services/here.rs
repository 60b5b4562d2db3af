//! The runtimes that live on this thread, entered or not.

use crate::core::current::current;
use crate::core::sync::thread_local;
use crate::core::worker::Worker;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

thread_local! {
    static ALL: RefCell<Vec<Weak<Worker>>> = const { RefCell::new(Vec::new()) };
}

/// Makes `worker` known on this thread.
pub(crate) fn lives_here(worker: &Rc<Worker>) {
    leaves(worker);
    // This fails only while the thread ends. Then nobody looks for the runtime.
    let _ = ALL.try_with(|all| all.borrow_mut().push(Rc::downgrade(worker)));
}

/// Forgets `worker`, which may go to another thread, and those that are gone.
pub(crate) fn leaves(worker: &Rc<Worker>) {
    let stays =
        |other: &Weak<Worker>| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), Rc::as_ptr(worker));
    let _ = ALL.try_with(|all| all.borrow_mut().retain(stays));
}

/// Returns the runtime that was made last among those that live on this thread and fit.
pub(crate) fn latest_here(fits: &dyn Fn(&Worker) -> bool) -> Option<Rc<Worker>> {
    let find = |all: &RefCell<Vec<Weak<Worker>>>| {
        all.borrow().iter().rev().filter_map(Weak::upgrade).find(|worker| fits(worker))
    };
    ALL.try_with(find).ok()?
}

/// Keeps the runtime that a thread is in.
pub(crate) struct Kept;

impl Kept {
    /// That of this thread, for as long as the value exists, also if foreign code leaves and ends it meanwhile.
    pub(crate) fn here() -> Option<Rc<Worker>> {
        current()
    }
}
