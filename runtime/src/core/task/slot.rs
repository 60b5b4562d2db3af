//! A slot: the small record, at an address that never goes away, that stands for a task.
//!
//! A waker is nothing but the address of a slot: cloning copies it, dropping does nothing, and waking through one
//! that is out of date finds memory that is still a slot. There is nothing to count.
//!
//! ```text
//!               spawn (1)                  ready, panic, abort (2)
//!   vacant ───────────────▶ has a body ────────────────────────────▶ finished
//!     ▲                        │ nobody will join: (2) and (3)          │ output taken or
//!     └────────────────────────┴────────────────────────────────────────┘ given up (3)
//! ```
//! (1) `run::spawn`, (2) `run::finish`, (3) `OwnScheduler::free`. Orthogonal to this, a slot of any state may be
//! *scheduled*: on the run queue. While a body is polled, it is out of its slot.
//!
//! Who may touch what:
//! 1. A slot is never moved nor freed while the process lives, and belongs to one `Scheduler` for ever.
//! 2. `phase` and `posted` are for all threads. `cells` are for the thread that owns the scheduler at the moment:
//!    only a [`OwnSlot`] reaches them, and one exists only on that thread.
//! 3. `body` is the owner's until it publishes `finished` in `phase`, and from then on, with the output in it, belongs
//!    to the one JoinHandle, wherever that is.
//! 4. The cells of a vacant slot are as `Slot::new` makes them, except for `freed` and `link`. So another thread that
//!    reserves a slot, for `Handle::spawn`, need not touch them, and does not.
//! 5. `link` serves one list at a time: the run queue, the free list, or the list of held slots. The link of the run
//!    queue's last slot says nothing: the queue knows which slot that is. A vacant slot counts as scheduled, so a late
//!    wake cannot put it on the run queue; one that becomes vacant while on the run queue joins the free list when it is
//!    popped (`freed`).
//! 6. A wake may come at any time, in any state, any number of times: it schedules the slot, no more. Whoever pops
//!    a slot that has nothing to poll ignores it; a wake that was meant for an earlier task of the slot costs its
//!    present task one needless poll.
//!
//! In tokio: `runtime/task/{core,state,waker}.rs`, where a reference count and six state bits do this.

use super::boxed::BodyBox;
use super::id::Id;
use super::scheduler::{Message, OwnScheduler, Scheduler};
use crate::core::foreign;
use crate::core::queue::Posted;
use crate::core::sync::Cell;
use crate::core::sync::atomic::{AtomicU64, Ordering};
use std::marker::PhantomData;
use std::panic::RefUnwindSafe;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// A cache line.
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(crate) scheduler: &'static Scheduler,
    /// The task's id, shifted by one, and in the lowest bit whether it is finished. 0: vacant.
    phase: AtomicU64,
    cells: SlotCells,
    body: Cell<Option<BodyBox>>,
}

/// What only the owner thread touches, but for `posted`, which is where there was room for a byte.
#[derive(Default)]
#[repr(C)]
pub(crate) struct SlotCells {
    /// For all threads.
    posted: Posted,
    /// Other threads may take the slot while it is vacant: scheduler invariant 4.
    pub(crate) is_shared: bool,
    /// Is on the run queue, or vacant: a wake has nothing to do.
    pub(crate) scheduled: Cell<bool>,
    /// No JoinHandle will take the output.
    pub(crate) detached: Cell<bool>,
    /// What `run` has to do beside polling.
    pub(crate) marks: Cell<Marks>,
    /// Became vacant while on the run queue.
    pub(crate) freed: Cell<bool>,
    /// The next of the list that the slot is on.
    pub(crate) link: Cell<Option<OwnSlot>>,
    /// Waits for the output.
    pub(crate) joiner: Cell<Option<Waker>>,
}

/// One byte, so that each poll looks once.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Marks = Marks(0);
    /// Is to be cancelled when it is popped.
    pub(crate) const ABORTED: Marks = Marks(1);
    /// Its polls are timed.
    pub(crate) const WATCHED: Marks = Marks(2);

    pub(crate) fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }
}

const _: () = assert!(size_of::<Slot>() == 64 || cfg!(loom));

// SAFETY: invariants 2 and 3 say for each field who touches it when; the fields are private to files that keep
// them. What the cells and the body hold is created, used and dropped on the owner thread, or is `Send` where
// its JoinHandle went elsewhere (body invariant 3).
unsafe impl Sync for Slot {}

// As its scheduler is.
impl RefUnwindSafe for Slot {}

impl Slot {
    pub(crate) fn new(scheduler: &'static Scheduler, is_shared: bool) -> Slot {
        Slot {
            scheduler,
            phase: AtomicU64::new(0),
            cells: SlotCells { is_shared, scheduled: Cell::new(true), ..SlotCells::default() },
            body: Cell::new(None),
        }
    }

    /// The owner's view, if the current thread is the owner.
    #[inline]
    pub(crate) fn own(&'static self) -> Option<OwnSlot> {
        self.scheduler.own().map(|scheduler| OwnSlot::new(scheduler, self))
    }

    /// The id of the task, `NONE` if the slot is vacant. For the owner thread; others learn only whether it is a task's
    /// that they know.
    #[inline]
    pub(crate) fn id(&self) -> Id {
        // Relaxed: the owner thread reads what it wrote. Others ask for an id that they know, as `set_task` says.
        Id(self.phase.load(Ordering::Relaxed) >> 1)
    }

    /// Whether the task `id` is finished; also true when the slot belongs to another by now.
    pub(crate) fn is_finished(&self, id: Id) -> bool {
        // Acquire: pairs with the Release in `finish`: whoever sees the bit also sees the output.
        self.phase.load(Ordering::Acquire) != id.0 << 1
    }

    /// Of the task `id` from here on, or vacant.
    pub(crate) fn set_task(&self, id: Id) {
        // Relaxed: whoever learns of `id` on another thread learns it through a channel of its own, and a vacant
        // slot says nothing about any other memory.
        self.phase.store(id.0 << 1, Ordering::Relaxed);
    }

    /// Takes the body, with the output in it. The caller believes that the task is finished; only `phase` knows. `None`: it is
    /// not finished, or the slot is not its any more.
    ///
    /// # Safety
    ///
    /// The caller is the JoinHandle of the task `id`.
    #[inline]
    pub(crate) unsafe fn take_finished(&self, id: Id) -> Option<BodyBox> {
        // Acquire: pairs with the Release in `finish`. From then on nobody else looks at the cell: invariant 3.
        let is_finished = self.phase.load(Ordering::Acquire) == id.0 << 1 | 1;
        if is_finished { self.body.take() } else { None }
    }

    #[inline]
    fn wake(&'static self) {
        match self.own() {
            Some(slot) => slot.schedule(),
            None => self.wake_remote(),
        }
    }

    /// Whether a wake of another thread is on its way.
    pub(crate) fn posted(&self) -> &Posted {
        &self.cells.posted
    }

    #[cold]
    fn wake_remote(&'static self) {
        if self.posted().set() {
            self.scheduler.post(Message::Wake(self));
        }
    }

    /// The waker that is this slot's address.
    #[inline]
    pub(crate) fn waker(&'static self) -> Waker {
        // SAFETY: the functions of the table keep the contract of RawWaker trivially (nothing is counted), and may be
        // called from any thread, since `Slot` is `Sync`.
        unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(self).cast(), &VTABLE)) }
    }
}

/// The table of all wakers that are slots, and of no others.
// A static, not a const: wakers are known by its address.
static VTABLE: RawWakerVTable =
    RawWakerVTable::new(|slot| RawWaker::new(slot, &VTABLE), wake_slot, wake_slot, |_| {});

fn wake_slot(slot: *const ()) {
    // SAFETY: what is in the waker is the `&'static Slot` of `Slot::waker`, valid for ever by invariant 1.
    unsafe { &*slot.cast::<Slot>() }.wake();
}

/// A copy of a waker that is a slot. No foreign code runs, so it may be made while something is borrowed.
#[inline]
pub(crate) fn copy_own(waker: &Waker) -> Option<Waker> {
    // SAFETY: what is in a waker with this table is a slot, and the table's clone does nothing but to copy its address.
    std::ptr::eq(waker.vtable(), &VTABLE).then(|| unsafe { Waker::new(waker.data(), &VTABLE) })
}

/// The slot that a waker is, if it is one of this thread.
#[inline]
pub(crate) fn own_slot(waker: &Waker) -> Option<OwnSlot> {
    if !std::ptr::eq(waker.vtable(), &VTABLE) {
        return None;
    }
    // SAFETY: as in `wake_slot`.
    unsafe { &*waker.data().cast::<Slot>() }.own()
}

/// Wakes, if the waker is a slot of this thread. Then no foreign code runs, so it may be done while
/// something is borrowed. Any other waker is given back.
#[inline]
pub(crate) fn wake_own(waker: Waker) -> Option<Waker> {
    let Some(slot) = own_slot(&waker) else { return Some(waker) };
    // There is nothing to drop in it.
    std::mem::forget(waker);
    slot.schedule();
    None
}

/// Wakes a waker of any kind. Nothing may be borrowed.
#[inline]
pub(crate) fn wake(waker: Waker) {
    if let Some(other) = wake_own(waker) {
        foreign::wake(other);
    }
}

/// A slot as its owner sees it. Not `Send`: to have one is to be on the thread that owns the slot's scheduler.
#[derive(Clone, Copy)]
pub(crate) struct OwnSlot {
    slot: &'static Slot,
    _owner_thread: PhantomData<*const ()>,
}

impl OwnSlot {
    /// `scheduler` proves that this is the owner thread.
    #[inline]
    pub(crate) fn new(scheduler: OwnScheduler, slot: &'static Slot) -> OwnSlot {
        debug_assert!(std::ptr::eq(scheduler.shared(), slot.scheduler));
        OwnSlot { slot, _owner_thread: PhantomData }
    }

    #[inline]
    pub(crate) fn cells(self) -> &'static SlotCells {
        &self.slot.cells
    }

    /// The body and the id, for as long as the task is not finished. `None` while it is polled, too.
    #[inline]
    pub(crate) fn take_body(self) -> Option<(BodyBox, Id)> {
        // Relaxed: the owner thread reads what it wrote.
        let phase = self.slot.phase.load(Ordering::Relaxed);
        if phase & 1 == 1 { None } else { Some((self.slot.body.take()?, Id(phase >> 1))) }
    }

    /// Puts the body of a task that is not finished where `take_body` finds it.
    #[inline]
    pub(crate) fn put_body(self, body: BodyBox) {
        // It replaces nothing, since the body was out. Forgetting that saves the check that a drop would make.
        std::mem::forget(self.slot.body.replace(Some(body)));
    }

    /// Hands the body over to the JoinHandle: the task `id`, not finished so far, has an output now.
    pub(crate) fn finish(self, id: Id, body: BodyBox) {
        debug_assert!(!self.is_finished(id), "slot invariant 3");
        self.put_body(body);
        // Release: pairs with the Acquire in `take_finished`, which takes the body after it, and in `is_finished`.
        self.slot.phase.store(id.0 << 1 | 1, Ordering::Release);
    }

    pub(crate) fn mark(self, mark: Marks) {
        let marks = &self.cells().marks;
        marks.set(Marks(marks.get().0 | mark.0));
    }

    /// Marks the slot as no longer vacant: from here on it can be scheduled.
    #[inline]
    pub(crate) fn occupy(self) {
        self.cells().scheduled.set(false);
    }

    /// Puts the slot on the run queue, once.
    #[inline]
    pub(crate) fn schedule(self) {
        if !self.cells().scheduled.replace(true) {
            self.scheduler().push(self);
        }
    }
}

impl std::ops::Deref for OwnSlot {
    type Target = &'static Slot;

    #[inline]
    fn deref(&self) -> &&'static Slot {
        &self.slot
    }
}
