//! The tasks of a set that live on the thread which awaits them.
//!
//! A handle tells a waker that its task is finished, and whoever has many handles must learn which one it was. With a waker
//! of its own for each, that is an allocation, counts and a lock. Here all tasks have the same joiner, the address of the
//! set's list, and the loop has put down whose joiner it wakes.
//!
//! ```text
//!   Near ─┬─ members: slot and id of each task
//!         └─ List ◀── the joiner of each task that is not finished
//!              └─ ready: the slots of those that are, until their outputs are taken
//! ```
//!
//! Invariants:
//! 1. A list has one home, a scheduler. Its cells are for the thread that owns that scheduler at the moment: for joiners,
//!    since they lie in cells of its slots, and for a [`Near`] that has seen that it is on this thread. When no joiner is
//!    left, they are for the `Near` alone.
//! 2. `joiners` counts the joiners that exist. While there is one, a count of the `Arc` is theirs.
//! 3. A joiner is in the slot of a task that is not finished, whose `JoinHandle` the `Near` is. It leaves the slot to be
//!    woken by `run::publish`, or to be dropped, by the owner in both cases. Nobody clones it.
//! 4. Each slot in `ready` has a finished task of which the `Near` is the `JoinHandle`, if the `Near` still has the list.
//!    When it gives its tasks away, it leaves the list to the joiners, and nobody reads it any more.
//! 5. A member is a task of the set for as long as its slot has its id.

use crate::core::sync::{Arc, Cell};
use crate::core::task::scheduler::FINISHED;
use crate::core::task::slot::Slot;
use crate::core::task::{AbortHandle, Id, JoinError, JoinHandle, Scheduler, copy_own, wake};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, forget, take};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Mutex;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// Tasks of the runtime that this thread is in: the part of a set that needs no lock. It aborts nothing when it is dropped.
#[doc(hidden)]
pub struct Near<T> {
    list: Option<Arc<List>>,
    /// Tasks of the set, and some that were.
    members: Vec<AbortHandle>,
    /// How many are in the set.
    len: usize,
    /// Like that of a `JoinHandle`.
    _output: PhantomData<Box<Mutex<T>>>,
}

struct List {
    home: &'static Scheduler,
    ready: RefCell<VecDeque<&'static Slot>>,
    /// The waker of whoever awaits the set.
    waiter: Cell<Option<Waker>>,
    joiners: Cell<usize>,
}

// SAFETY: invariant 1. What is in the cells is `Send`.
unsafe impl Send for List {}
// SAFETY: as above.
unsafe impl Sync for List {}

// Nothing is half done while foreign code runs.
impl UnwindSafe for List {}
impl RefUnwindSafe for List {}

static JOINER: RawWakerVTable = RawWakerVTable::new(clone_joiner, wake_joiner, clone_never, drop_joiner);

fn clone_joiner(_: *const ()) -> RawWaker {
    unreachable!("invariant 3")
}

fn clone_never(_: *const ()) {
    unreachable!("invariant 3")
}

/// A task of the set is finished.
unsafe fn wake_joiner(list: *const ()) {
    // SAFETY: invariant 2: it is there. Invariants 1 and 3: the cells are this thread's.
    let set = unsafe { &*list.cast::<List>() };
    if let Some(slot) = FINISHED.get() {
        set.ready.borrow_mut().push_back(slot);
    }
    let waiter = set.waiter.take();
    // SAFETY: this was a joiner, and is none any more.
    unsafe { drop_joiner(list) };
    // Last, since it may be foreign code.
    if let Some(waiter) = waiter {
        wake(waiter);
    }
}

unsafe fn drop_joiner(list: *const ()) {
    let list = list.cast::<List>();
    // SAFETY: as in `wake_joiner`.
    let joiners = unsafe { &(*list).joiners };
    let left = joiners.get() - 1;
    joiners.set(left);
    if left == 0 {
        // SAFETY: invariant 2: `joiner` has left a count.
        drop(unsafe { Arc::from_raw(list) });
    }
}

impl List {
    fn new(home: &'static Scheduler) -> Arc<List> {
        Arc::new(List { home, ready: RefCell::default(), waiter: Cell::new(None), joiners: Cell::new(0) })
    }

    /// Another joiner. This thread is the one that owns `home`.
    fn joiner(this: &Arc<List>) -> Waker {
        let before = this.joiners.get();
        this.joiners.set(before + 1);
        let list = if before == 0 { Arc::into_raw(this.clone()) } else { Arc::as_ptr(this) };
        // SAFETY: the functions of the table ask for no more than invariants 1 to 3.
        unsafe { Waker::new(list.cast(), &JOINER) }
    }
}

impl<T> Near<T> {
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Near<T> {
        Near { list: None, members: Vec::new(), len: 0, _output: PhantomData }
    }

    /// How many tasks are in the set whose outputs have not been taken.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether this is the thread where the tasks can be awaited. If not, they must be taken out.
    #[inline]
    pub fn is_home(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.home.own().is_some())
    }

    /// Puts a task into the set. Gives it back if it is not of this thread's runtime, or if the others are not.
    ///
    /// # Errors
    ///
    /// The handle is the error.
    #[inline]
    pub fn insert(&mut self, task: JoinHandle<T>) -> Result<(), JoinHandle<T>> {
        // A waker that was sent to the owner would take the place of the joiner.
        let may_join = !task.is_refused && !task.taken && !task.asked_from_afar;
        let Some(slot) = task.task.slot.own().filter(|_| may_join) else { return Err(task) };
        let is_ours = self.list.as_ref().is_some_and(|list| std::ptr::eq(list.home, slot.scheduler));
        if !is_ours {
            if !self.is_empty() {
                return Err(task);
            }
            self.list = Some(List::new(slot.scheduler));
        }
        if self.members.len() == self.members.capacity() {
            self.make_room();
        }
        let Some(list) = &self.list else { return Err(task) };
        self.members.push(task.task.clone());
        self.len += 1;
        let replaced = if task.is_finished() {
            list.ready.borrow_mut().push_back(*slot);
            None
        } else {
            slot.cells().joiner.replace(Some(List::joiner(list)))
        };
        // From here on the set is the task's JoinHandle.
        forget(task);
        drop(replaced);
        Ok(())
    }

    /// Forgets the members whose outputs have been taken, if they are half of all.
    #[cold]
    fn make_room(&mut self) {
        if self.len <= self.members.len() / 2 {
            self.members.retain(is_member);
        }
    }

    /// Takes the output of the task that is finished for longest. `None` if there is none, or this is not the thread.
    #[inline]
    pub fn take(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        let list = self.list.as_ref()?;
        list.home.own()?;
        let slot = list.ready.borrow_mut().pop_front()?;
        self.len -= 1;
        let id = slot.id();
        let mut output = MaybeUninit::uninit();
        // Invariant 4.
        JoinHandle::new(slot, id, false).output(&mut output);
        // SAFETY: `output` has written it, or panicked.
        Some((id, unsafe { output.assume_init() }))
    }

    /// Has `waker` woken when a task is finished. Returns false if one is by now, so that it need not be waited for, or if
    /// this is not the thread.
    pub fn wait(&mut self, waker: &Waker) -> bool {
        // A clone may be foreign code, which may finish tasks.
        let waker = copy_own(waker).unwrap_or_else(|| waker.clone());
        let Some(list) = self.list.as_ref().filter(|list| list.home.own().is_some()) else { return false };
        if !list.ready.borrow().is_empty() {
            return false;
        }
        drop(list.waiter.replace(Some(waker)));
        true
    }

    /// The tasks whose outputs have not been taken.
    pub fn tasks(&self) -> impl Iterator<Item = &AbortHandle> {
        self.members.iter().filter(|task| is_member(task)).take(self.len)
    }

    /// Takes all tasks out of the set.
    pub fn take_all(&mut self) -> Vec<JoinHandle<T>> {
        // Invariant 4.
        let list = self.list.take();
        let members = take(&mut self.members).into_iter().filter(is_member).take(take(&mut self.len));
        let tasks = members.map(|task| JoinHandle::new(task.slot, task.id, false)).collect();
        // Last, since there may be a waker in it, which is foreign code.
        drop(list);
        tasks
    }
}

/// Invariant 5. On another thread the id may be that of a task which has just been finished, but not of one whose output
/// this set has taken: it has freed the slot itself, and so sees what it wrote.
fn is_member(task: &AbortHandle) -> bool {
    task.slot.id() == task.id
}

impl<T> Drop for Near<T> {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

impl<T> fmt::Debug for Near<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("len", &self.len).finish_non_exhaustive()
    }
}
