//! What a runtime's tasks share: their slots, the run queue, and the inbox.
//!
//! Like a slot, a scheduler is never freed: a runtime takes one from a process-wide pool and gives it back, with
//! its slots, its inbox and its bell, when it ends. So a waker that fires years later still finds all three.
//!
//! Invariants:
//! 1. *One owner.* A scheduler is in the pool, or has exactly one owner thread. [`OwnScheduler`], which is not
//!    `Send`, is the proof of being on that thread. [`Scheduler::acquire`] makes the first `OwnScheduler`. Dropping
//!    the [`Lease`] ends the ownership. The thread-local `OWNED` names the scheduler once more, for wakers, which know
//!    only their slot.
//! 2. *The gate.* The owner runs what passes the gate. It closes in two steps. Step 1 refuses new tasks; then the owner
//!    reads the inbox, and all tasks are finished. Step 2 refuses questions about tasks; then the owner reads the inbox
//!    again. So nothing that was accepted is lost. Step 1 does not begin while the code of a task is running: see
//!    `Worker::go_on_ending`.
//! 3. Only wakes and freed slots pass a closed gate: they are harmless to the runtime that comes next.
//! 4. *Two kinds of slots.* The owner's tasks have theirs from the free list, which only the owner touches. The
//!    slots of tasks that other threads spawn lie in pages of their own, and the vacant ones in a queue, from which
//!    any thread takes them. A slot is of the same kind for ever.

use super::id::Id;
use super::slot::{Marks, OwnSlot, Slot};
use crate::core::counters::{Count, Counters};
use crate::core::foreign::{self, lock};
use crate::core::onlooker::Onlooker;
use crate::core::queue::Inbox;
use crate::core::sync::{Cell, ConcurrentQueue, Mutex, thread_local};
use crate::core::sys::EventFd;
use crate::plugged::{Onlookers, Recorder};
use std::io;
use std::marker::PhantomData;
use std::panic::RefUnwindSafe;

/// A page is 8 KiB.
const SLOTS_PER_PAGE: usize = if cfg!(loom) { 4 } else { 128 };

thread_local! {
    /// The scheduler whose runtime is entered on this thread, which is then its owner.
    pub(crate) static OWNED: Cell<Option<&'static Scheduler>> = const { Cell::new(None) };
    /// Whose joiner was woken last, for joiners of several tasks: see `services/near`.
    pub(crate) static FINISHED: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// Schedulers without a runtime.
#[cfg(not(loom))]
static POOL: Mutex<Vec<&'static Scheduler>> = Mutex::new(Vec::new());
#[cfg(loom)]
loom::lazy_static! {
    static ref POOL: Mutex<Vec<&'static Scheduler>> = Mutex::new(Vec::new());
}

/// What other threads put into the inbox.
pub(crate) enum Message {
    Wake(&'static Slot),
    /// A JoinHandle elsewhere has taken the output.
    Free(&'static Slot),
    /// Anything else.
    Run(Request),
}

/// What the owner is to do. It is rare, so worth a box.
pub(crate) type Request = Box<dyn FnOnce(OwnScheduler) + Send>;

pub(crate) struct Scheduler {
    pub(crate) inbox: Inbox<Message>,
    /// What to watch while parked.
    pub(crate) bell: EventFd,
    pub(crate) gate: Mutex<Gate>,
    pub(crate) pages: Mutex<Vec<&'static [Slot]>>,
    /// The vacant slots that other threads may take: invariant 4.
    pub(crate) spare: ConcurrentQueue<&'static Slot>,
    /// Written by the owner.
    pub(crate) counters: Counters,
    cells: SchedulerCells,
}

/// Whom the gate lets through.
#[derive(PartialEq)]
pub(crate) enum Gate {
    /// Everybody, those who spawn on the runtime of this number among them.
    Open(u64),
    /// Only those who ask about tasks.
    Ending,
    Closed,
}

/// What only the owner touches.
#[derive(Default)]
pub(crate) struct SchedulerCells {
    pub(crate) head: Cell<Option<OwnSlot>>,
    /// `None` if the queue is empty.
    pub(crate) tail: Cell<Option<OwnSlot>>,
    free: Cell<Option<OwnSlot>>,
    /// Slots whose tasks were woken while a poll of theirs ran another loop: see `services/nested`.
    pub(crate) held: Cell<Option<OwnSlot>>,
    /// The runtime is shutting down: what is spawned now is cancelled.
    pub(crate) is_closed: Cell<bool>,
    /// There was a panic that is to end the runtime.
    pub(crate) is_fatal: Cell<bool>,
    /// A task was spawned whose future need not be `Send`: see `services/stay`.
    pub(crate) is_local: Cell<bool>,
    pub(crate) onlookers: Onlookers,
}

// SAFETY: `cells` are reached only through a OwnScheduler (invariant 1); the rest is `Sync` by itself.
unsafe impl Sync for Scheduler {}

// Nothing is half done while foreign code runs, so a panic leaves everything in order. Its slots are as safe.
impl RefUnwindSafe for Scheduler {}

impl Scheduler {
    /// Takes a scheduler from the pool for the current thread, and opens it for the runtime `runtime`.
    pub(crate) fn acquire(runtime: u64) -> io::Result<Lease> {
        let pooled = lock(&POOL).pop();
        let shared = match pooled {
            Some(scheduler) => scheduler,
            None => Box::leak(Box::new(Scheduler {
                inbox: Inbox::new(),
                bell: EventFd::new()?,
                gate: Mutex::new(Gate::Closed),
                pages: Mutex::default(),
                spare: ConcurrentQueue::unbounded(),
                counters: Counters::default(),
                cells: SchedulerCells::default(),
            })),
        };
        debug_assert!(*lock(&shared.gate) == Gate::Closed, "scheduler invariant 1");
        shared.counters.reset();
        *lock(&shared.gate) = Gate::Open(runtime);
        let own = OwnScheduler { shared, _owner_thread: PhantomData };
        own.cells().is_closed.set(false);
        own.cells().is_fatal.set(false);
        Ok(Lease(own))
    }

    /// The owner's view, if the current thread is the owner.
    #[inline]
    pub(crate) fn own(&'static self) -> Option<OwnScheduler> {
        let owned = OWNED.get().is_some_and(|owned| std::ptr::eq(owned, self));
        owned.then_some(OwnScheduler { shared: self, _owner_thread: PhantomData })
    }

    pub(crate) fn post(&self, message: Message) {
        if self.inbox.post(message) {
            self.bell.ring();
        }
    }

    /// Has the owner run `request` soon, if the owner is that of `runtime`. With `None`, it is about a task, and any owner may
    /// run it.
    ///
    /// # Errors
    ///
    /// Gives `request` back if that runtime has ended; with `None`, if there no longer is an owner, and so all tasks are
    /// finished.
    pub(crate) fn send(&self, runtime: Option<u64>, request: Request) -> Result<(), Request> {
        let must_ring = {
            let gate = lock(&self.gate);
            if runtime.map_or(*gate == Gate::Closed, |runtime| *gate != Gate::Open(runtime)) {
                return Err(request);
            }
            // Pushed under the lock, because the gate could close in between. The bell is rung without it.
            self.inbox.post(Message::Run(request))
        };
        if must_ring {
            self.bell.ring();
        }
        Ok(())
    }

    /// Makes a vacant slot available to other threads again. The queue is unbounded and never closed.
    pub(crate) fn unreserve(&self, slot: &'static Slot) {
        let _ = self.spare.push(slot);
    }

    /// Leaked on purpose: slot invariant 1.
    pub(crate) fn new_page(&'static self, is_shared: bool) -> &'static [Slot] {
        let page = Box::leak((0..SLOTS_PER_PAGE).map(|_| Slot::new(self, is_shared)).collect());
        lock(&self.pages).push(page);
        page
    }
}

impl OwnSlot {
    #[inline]
    pub(crate) fn scheduler(self) -> OwnScheduler {
        OwnScheduler { shared: self.scheduler, _owner_thread: PhantomData }
    }
}

/// A scheduler as its owner sees it. Not `Send`: to have one is to be on the thread that owns it.
#[derive(Clone, Copy)]
pub(crate) struct OwnScheduler {
    shared: &'static Scheduler,
    _owner_thread: PhantomData<*const ()>,
}

impl OwnScheduler {
    #[inline]
    pub(crate) fn cells(self) -> &'static SchedulerCells {
        &self.shared.cells
    }

    #[inline]
    pub(crate) fn shared(self) -> &'static Scheduler {
        self.shared
    }

    /// Names the scheduler whose slots are this thread's own: wakers compare theirs with it.
    pub(crate) fn set_owned(entered: Option<OwnScheduler>) {
        OWNED.set(entered.map(|own| own.shared));
    }

    #[inline]
    pub(crate) fn push(self, slot: OwnSlot) {
        debug_assert!(slot.cells().scheduled.get(), "slot invariant 5");
        // The last slot is known by `tail`, so its link says nothing.
        match self.cells().tail.replace(Some(slot)) {
            Some(tail) => tail.cells().link.set(Some(slot)),
            None => self.cells().head.set(Some(slot)),
        }
        self.shared.counters.add(Count::Scheduled, 1);
        Recorder::scheduled(slot.id());
    }

    /// Takes the slot that has been on the run queue for longest.
    #[inline]
    pub(crate) fn pop(self) -> Option<OwnSlot> {
        let slot = self.cells().head.get()?;
        let next = self.next(slot);
        if self.is_last(slot) {
            self.cells().tail.set(None);
        }
        self.cells().head.set(next);
        slot.cells().scheduled.set(false);
        Some(slot)
    }

    /// The slot behind `slot` on the run queue.
    #[inline]
    pub(crate) fn next(self, slot: OwnSlot) -> Option<OwnSlot> {
        if self.is_last(slot) { None } else { slot.cells().link.get() }
    }

    #[inline]
    fn is_last(self, slot: OwnSlot) -> bool {
        self.cells().tail.get().is_some_and(|tail| std::ptr::eq(*tail, *slot))
    }

    /// How many tasks are not finished.
    pub(crate) fn tasks_left(self) -> u64 {
        let counters = &self.shared.counters;
        counters.get(Count::Spawned) - counters.get(Count::Finished)
    }

    #[inline]
    pub(crate) fn has_work(self) -> bool {
        self.cells().head.get().is_some()
    }

    /// Takes what other threads have posted until now; what comes meanwhile is for the next time.
    pub(crate) fn drain_inbox(self) {
        self.read_inbox(self.shared.inbox.len());
    }

    /// Takes at most `limit` messages.
    pub(crate) fn read_inbox(self, limit: usize) {
        Recorder::reads_messages();
        for _ in 0..limit {
            match self.shared.inbox.pop() {
                Some(Message::Wake(slot)) => {
                    slot.posted().clear();
                    self.shared.counters.add(Count::WokenFromAfar, 1);
                    OwnSlot::new(self, slot).schedule();
                }
                Some(Message::Free(slot)) => self.free(OwnSlot::new(self, slot)),
                Some(Message::Run(f)) => foreign::run(|| f(self)),
                None => break,
            }
        }
    }

    /// A vacant slot and an id for it, to be occupied.
    #[inline]
    pub(crate) fn alloc(self) -> (OwnSlot, Id) {
        let slot = self.cells().free.get().unwrap_or_else(|| self.grow());
        self.cells().free.set(slot.cells().link.get());
        debug_assert!(
            slot.cells().scheduled.get() && !slot.cells().detached.get(),
            "slot invariants 4 and 5"
        );
        let id = Id::next();
        slot.set_task(id);
        (slot, id)
    }

    #[cold]
    fn grow(self) -> OwnSlot {
        let page = self.shared.new_page(false);
        // Backwards, so that they are handed out in the order of their addresses.
        page.iter().rev().for_each(|slot| self.push_free(OwnSlot::new(self, slot)));
        OwnSlot::new(self, &page[0])
    }

    /// Makes the slot vacant. Its body is gone already, and nobody waits for it.
    pub(crate) fn free(self, slot: OwnSlot) {
        if self.vacate(slot) {
            self.push_free(slot);
        }
    }

    /// Like `free`, of a slot that is not shared.
    #[inline]
    pub(crate) fn free_private(self, slot: OwnSlot) {
        if self.vacate(slot) {
            slot.cells().link.set(self.cells().free.replace(Some(slot)));
        }
    }

    /// True if the slot is not on the run queue, and so can be made available now.
    #[inline]
    fn vacate(self, slot: OwnSlot) -> bool {
        let cells = slot.cells();
        // Slot invariant 4.
        cells.detached.set(false);
        cells.marks.set(Marks::NONE);
        debug_assert!(cells.joiner.take().is_none(), "slot invariant 4");
        slot.set_task(Id::NONE);
        // Slot invariant 5.
        let is_scheduled = cells.scheduled.replace(true);
        if is_scheduled {
            cells.freed.set(true);
        }
        !is_scheduled
    }

    /// Makes a slot available again, last in, first out: the slot that was used last is in the cache. The owner does not
    /// touch a shared slot after this, since any thread may take it.
    #[inline]
    pub(crate) fn push_free(self, slot: OwnSlot) {
        if slot.cells().is_shared {
            return self.shared.unreserve(*slot);
        }
        slot.cells().link.set(self.cells().free.replace(Some(slot)));
    }

    /// Invariant 2. After `is_closed` is set, so that what is spawned at the last moment is cancelled.
    pub(crate) fn close_gate(self) {
        for gate in [Gate::Ending, Gate::Closed] {
            *lock(&self.shared.gate) = gate;
            self.drain_inbox();
        }
    }
}

/// The ownership of a scheduler: from the pool until it is dropped, back to the pool.
pub(crate) struct Lease(OwnScheduler);

impl std::ops::Deref for Lease {
    type Target = OwnScheduler;

    #[inline]
    fn deref(&self) -> &OwnScheduler {
        &self.0
    }
}

impl Drop for Lease {
    /// Whoever is inside a runtime keeps its `Worker`, and so the lease, alive: nobody is, and no `OwnScheduler`
    /// or `OwnSlot` is used any more.
    fn drop(&mut self) {
        self.cells().is_closed.set(true);
        self.close_gate();
        // If shutting down was cut short, a scheduler that is never used again is better than tasks that the next
        // owner finds.
        if self.tasks_left() > 0 {
            return;
        }
        // What is still on the run queue has nothing left to poll: `run` only tidies up.
        while let Some(slot) = self.pop() {
            self.run(slot);
        }
        // Closures and wakers of the user's, among others: foreign code.
        self.cells().onlookers.leave();
        // Unlocking the pool releases all of this; the next owner's lock acquires it (invariant 1).
        lock(&POOL).push(self.shared);
    }
}
