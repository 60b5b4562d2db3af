//! What a runtime's tasks share: their slots, the run queue, and the inbox.
//!
//! Like a slot, a scheduler is never freed: a runtime takes one from a process-wide pool and gives it back, with
//! its slots, its inbox and its bell, when it ends. So a waker that fires years later still finds all three.
//!
//! Invariants:
//! 1. *One owner.* A scheduler is in the pool, or has exactly one owner thread. [`LocalScheduler`], which is not
//!    `Send`, is the proof of being on that thread. [`Scheduler::acquire`] makes the first `LocalScheduler`. Dropping
//!    the [`Lease`] ends the ownership. The thread-local `OWNED` names the scheduler once more, for wakers, which know
//!    only their slot.
//! 2. *The gate.* The owner runs what passes the gate. It closes in two steps. Step 1 refuses new tasks; then the owner
//!    reads the inbox, and all tasks are finished. Step 2 refuses questions about tasks; then the owner reads the inbox
//!    again. So nothing that was accepted is lost. Step 1 does not begin while the code of a task is running: see
//!    `Local::go_on_ending`.
//! 3. Only wakes and freed slots pass a closed gate: they are harmless to the runtime that comes next.
//! 4. *Two kinds of slots.* The owner's tasks have theirs from the free list, which only the owner touches. The
//!    slots of tasks that other threads spawn lie in pages of their own, and the vacant ones in a queue, from which
//!    any thread takes them. A slot is of the same kind for ever.

use super::ages::Ages;
use super::error::UnhandledPanic;
use super::hooks::Hooks;
use super::id::Id;
use super::slot::{LocalSlot, Marks, Slot};
use super::slow_poll::Reports;
use crate::counters::{Count, Counters, Figures};
use crate::foreign::{self, lock};
use crate::queue::Inbox;
use crate::sync::{Cell, ConcurrentQueue, Mutex, thread_local};
use crate::sys::EventFd;
use std::io;
use std::iter::successors;
use std::marker::PhantomData;
use std::panic::RefUnwindSafe;
use std::rc::Rc;
use std::task::Waker;

/// They are 8 KiB.
const SLOTS_PER_PAGE: usize = if cfg!(loom) { 4 } else { 128 };

thread_local! {
    /// The scheduler whose runtime is entered on this thread, which is then its owner.
    static OWNED: Cell<Option<&'static Scheduler>> = const { Cell::new(None) };
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
    /// Anything else: rare, so worth a box.
    Run(Box<dyn FnOnce(LocalScheduler) + Send>),
}

pub(crate) struct Scheduler {
    pub(crate) inbox: Inbox<Message>,
    /// What to watch while parked.
    pub(crate) bell: EventFd,
    gate: Mutex<Gate>,
    pages: Mutex<Vec<&'static [Slot]>>,
    /// The vacant slots that other threads may take: invariant 4.
    spare: ConcurrentQueue<&'static Slot>,
    /// Written by the owner.
    pub(crate) counters: Counters,
    cells: SchedulerCells,
}

/// For whom the gate is open.
#[derive(PartialEq)]
enum Gate {
    /// All, also those who spawn on the runtime of this number.
    Open(u64),
    /// Those who ask about tasks.
    Ending,
    Closed,
}

/// What only the owner touches.
#[derive(Default)]
pub(crate) struct SchedulerCells {
    head: Cell<Option<LocalSlot>>,
    tail: Cell<Option<LocalSlot>>,
    free: Cell<Option<LocalSlot>>,
    /// The runtime is shutting down: what is spawned now is cancelled.
    pub(crate) is_closed: Cell<bool>,
    pub(super) unhandled: Cell<UnhandledPanic>,
    /// There was a panic that the policy wants to end the runtime.
    pub(crate) is_fatal: Cell<bool>,
    /// Whether there are hooks to be run, watchers to be woken, or polls to be timed.
    pub(super) has_hooks: Cell<bool>,
    pub(super) hooks: Cell<Option<Rc<Hooks>>>,
    /// Who is to be woken when a task is finished.
    pub(super) watchers: Cell<Vec<Waker>>,
    /// Of slow polls.
    pub(crate) reports: Reports,
    pub(super) ages: Cell<Ages>,
    /// How many tasks there had been at the latest of those notes.
    pub(super) noted: Cell<u64>,
}

// SAFETY: `cells` are reached only through a LocalScheduler (invariant 1); the rest is `Sync` by itself.
unsafe impl Sync for Scheduler {}

// Nothing is half done while foreign code runs, so a panic leaves everything in order. Its slots are as safe.
impl RefUnwindSafe for Scheduler {}

impl Scheduler {
    /// Takes a scheduler from the pool for the current thread, and opens it for the runtime `runtime`.
    pub(crate) fn acquire(runtime: u64, unhandled: UnhandledPanic, hooks: Hooks) -> io::Result<Lease> {
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
        shared.counters.reset();
        *lock(&shared.gate) = Gate::Open(runtime);
        let local = LocalScheduler { shared, _owner_thread: PhantomData };
        local.cells().is_closed.set(false);
        local.cells().is_fatal.set(false);
        local.configure(unhandled, hooks);
        local.cells().reports.reset();
        local.cells().noted.set(0);
        Ok(Lease(local))
    }

    /// The owner's view, if the current thread is the owner.
    #[inline]
    pub(crate) fn local(&'static self) -> Option<LocalScheduler> {
        let owned = OWNED.get().is_some_and(|owned| std::ptr::eq(owned, self));
        owned.then_some(LocalScheduler { shared: self, _owner_thread: PhantomData })
    }

    pub(super) fn post(&self, message: Message) {
        if self.inbox.post(message) {
            self.bell.ring();
        }
    }

    /// Has the owner run `f`, soon, if it is that of `runtime`. With `None`, `f` is about a task: any owner will do.
    ///
    /// # Errors
    ///
    /// Gives `f` back if that runtime has ended; if there is no owner any more, and so all tasks are finished.
    pub(crate) fn send<F>(&self, runtime: Option<u64>, f: F) -> Result<(), F>
    where
        F: FnOnce(LocalScheduler) + Send + 'static,
    {
        let must_ring = {
            let gate = lock(&self.gate);
            if runtime.map_or(*gate == Gate::Closed, |runtime| *gate != Gate::Open(runtime)) {
                return Err(f);
            }
            // Pushed under the lock, or the gate could close in between; the bell can wait.
            self.inbox.post(Message::Run(Box::new(f)))
        };
        if must_ring {
            self.bell.ring();
        }
        Ok(())
    }

    pub(crate) fn is_open(&self, runtime: u64) -> bool {
        *lock(&self.gate) == Gate::Open(runtime)
    }

    /// What has been counted of the runtime `runtime`, unless it has ended. (While the gate is locked, the counters
    /// cannot become another's.)
    pub(crate) fn counted(&self, runtime: u64) -> Option<Figures> {
        let gate = lock(&self.gate);
        (*gate == Gate::Open(runtime)).then(|| self.counters.read())
    }

    /// Takes a vacant slot for a task that another thread spawns.
    pub(super) fn reserve(&'static self) -> &'static Slot {
        self.spare.pop().unwrap_or_else(|_| {
            let (first, others) = self.new_page(true).split_first().expect("a page has slots");
            others.iter().for_each(|slot| self.unreserve(slot));
            first
        })
    }

    /// Gives a vacant slot to whoever reserves one next. (The queue is unbounded and never closed.)
    pub(super) fn unreserve(&self, slot: &'static Slot) {
        let _ = self.spare.push(slot);
    }

    /// Leaked on purpose: slot invariant 1.
    fn new_page(&'static self, is_shared: bool) -> &'static [Slot] {
        let page = Box::leak((0..SLOTS_PER_PAGE).map(|_| Slot::new(self, is_shared)).collect());
        lock(&self.pages).push(page);
        page
    }
}

impl LocalSlot {
    #[inline]
    pub(crate) fn scheduler(self) -> LocalScheduler {
        LocalScheduler { shared: self.scheduler, _owner_thread: PhantomData }
    }
}

/// A scheduler as its owner sees it. Not `Send`: to have one is to be on the thread that owns it.
#[derive(Clone, Copy)]
pub(crate) struct LocalScheduler {
    shared: &'static Scheduler,
    _owner_thread: PhantomData<*const ()>,
}

impl LocalScheduler {
    #[inline]
    pub(crate) fn cells(self) -> &'static SchedulerCells {
        &self.shared.cells
    }

    #[inline]
    pub(crate) fn shared(self) -> &'static Scheduler {
        self.shared
    }

    /// What the runtime's builder has set.
    pub(crate) fn configure(self, unhandled: UnhandledPanic, hooks: Hooks) {
        self.cells().unhandled.set(unhandled);
        self.cells().has_hooks.set(hooks.are_any());
        self.cells().hooks.set(Some(Rc::new(hooks)));
    }

    /// Wakers on this thread know from it when they are at home.
    pub(crate) fn set_owned(entered: Option<LocalScheduler>) {
        OWNED.set(entered.map(|local| local.shared));
    }

    #[inline]
    pub(super) fn push(self, slot: LocalSlot) {
        slot.cells().link.set(None);
        match self.cells().tail.replace(Some(slot)) {
            Some(tail) => tail.cells().link.set(Some(slot)),
            None => self.cells().head.set(Some(slot)),
        }
        self.shared.counters.add(Count::Scheduled, 1);
    }

    /// Takes the slot that has been on the run queue for longest.
    #[inline]
    pub(crate) fn pop(self) -> Option<LocalSlot> {
        let slot = self.cells().head.get()?;
        let next = slot.cells().link.get();
        self.cells().head.set(next);
        if next.is_none() {
            self.cells().tail.set(None);
        }
        slot.cells().scheduled.set(false);
        Some(slot)
    }

    /// How many tasks are not finished.
    pub(crate) fn tasks_left(self) -> u64 {
        let counters = &self.shared.counters;
        counters.get(Count::Spawned) - counters.get(Count::Finished)
    }

    /// How many slots are on the run queue.
    pub(crate) fn queue_len(self) -> usize {
        successors(self.cells().head.get(), |slot| slot.cells().link.get()).count()
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
        for _ in 0..limit {
            match self.shared.inbox.pop() {
                Some(Message::Wake(slot)) => {
                    slot.posted().clear();
                    self.shared.counters.add(Count::WokenFromAfar, 1);
                    LocalSlot::new(self, slot).schedule();
                }
                Some(Message::Free(slot)) => self.free(LocalSlot::new(self, slot)),
                Some(Message::Run(f)) => foreign::run(|| f(self)),
                None => break,
            }
        }
    }

    /// A vacant slot and an id for it, to be occupied.
    #[inline]
    pub(crate) fn alloc(self) -> (LocalSlot, Id) {
        let slot = self.cells().free.get().unwrap_or_else(|| self.grow());
        self.cells().free.set(slot.cells().link.get());
        let id = Id::next();
        slot.set_task(id);
        (slot, id)
    }

    #[cold]
    fn grow(self) -> LocalSlot {
        let page = self.shared.new_page(false);
        // Backwards, so that they are handed out in the order of their addresses.
        page.iter().rev().for_each(|slot| self.push_free(LocalSlot::new(self, slot)));
        LocalSlot::new(self, &page[0])
    }

    /// Makes the slot vacant. Its body is gone already.
    pub(crate) fn free(self, slot: LocalSlot) {
        let cells = slot.cells();
        // Slot invariant 4.
        cells.detached.set(false);
        cells.marks.set(Marks::NONE);
        let joiner = cells.joiner.take();
        slot.set_task(Id::NONE);
        // Slot invariant 5.
        if cells.scheduled.replace(true) {
            cells.freed.set(true);
        } else {
            self.push_free(slot);
        }
        // Last, since dropping a foreign waker is foreign code.
        if let Some(joiner) = joiner {
            foreign::drop_waker(joiner);
        }
    }

    /// Last in, first out: the slot that was used last is in the cache. Of a shared slot, which is anybody's from
    /// here on, this is the last that the owner does with it.
    #[inline]
    pub(super) fn push_free(self, slot: LocalSlot) {
        if slot.cells().is_shared {
            return self.shared.unreserve(*slot);
        }
        slot.cells().link.set(self.cells().free.replace(Some(slot)));
    }

    /// Every slot there is.
    pub(super) fn slots(self) -> impl Iterator<Item = LocalSlot> {
        let pages = lock(&self.shared.pages).clone();
        pages.into_iter().flatten().map(move |slot| LocalSlot::new(self, slot))
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
pub(crate) struct Lease(LocalScheduler);

impl std::ops::Deref for Lease {
    type Target = LocalScheduler;

    #[inline]
    fn deref(&self) -> &LocalScheduler {
        &self.0
    }
}

impl Drop for Lease {
    /// Whoever is inside a runtime keeps its `Local`, and so the lease, alive: nobody is, and no `LocalScheduler`
    /// or `LocalSlot` is used any more.
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
        // Closures and wakers of the user's: foreign code.
        let (hooks, watchers) = (self.cells().hooks.take(), self.cells().watchers.take());
        foreign::run(|| drop(hooks));
        watchers.into_iter().for_each(foreign::drop_waker);
        let mut ages = self.cells().ages.take();
        ages.clear();
        self.cells().ages.set(ages);
        // Unlocking the pool releases all of this; the next owner's lock acquires it (invariant 1).
        lock(&POOL).push(self.shared);
    }
}
