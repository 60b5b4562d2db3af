//! The waker: an `Arc` → the address of a slot.
//!
//! A waker that points to something counted is cloned at each wait and dropped at each wake: two atomic additions, each of
//! which keeps the processor from going on. A waker that is the address of a slot is copied, and dropping it does nothing.
//!
//! What goes wrong without care: a waker may outlive its task, so an address must not be freed. So a slot lives for ever,
//! and goes from task to task. A late wake then meets the wrong task, which is polled once for nothing. And wakers go to
//! other threads: each wake first asks whose slot it is.
//!
//! From `runtime/src/core/task/slot.rs`:
//! ```text
//! static VTABLE: RawWakerVTable =
//!     RawWakerVTable::new(|slot| RawWaker::new(slot, &VTABLE), wake_slot, wake_slot, |_| {});
//! ```
//!
//! In tokio: `runtime/task/waker.rs` makes a waker from the task's header, and cloning it adds to the reference count, which
//! shares a word with the task's state bits (`runtime/task/state.rs`). So one atomic operation changes both, a task is freed
//! when the last waker goes, and a wake never meets another task. `runtime/task/harness.rs` has all the transitions.

use super::{Part, Way};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

pub const PART: Part = Part {
    name: "waker",
    operation: "leave a waker at a socket, and wake it",
    simple: Way { what: "Arc", run: arcs },
    ours: Way { what: "a slot's address", run: slots },
};

struct Ticket(u64, Arc<Mutex<VecDeque<u64>>>);

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.0);
    }
}

fn arcs(operations: u32) -> u64 {
    let queue = Arc::new(Mutex::new(VecDeque::new()));
    let waker = Waker::from(Arc::new(Ticket(7, queue.clone())));
    wait_and_wake(operations, &waker, || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front())
}

/// A task waits and is woken, again and again. Returns the sum of the numbers of those that are to be polled.
fn wait_and_wake(operations: u32, waker: &Waker, mut next: impl FnMut() -> Option<u64>) -> u64 {
    let socket = Cell::new(None);
    let mut sum = 0;
    for _ in 0..operations {
        socket.set(Some(waker.clone()));
        socket.take().into_iter().for_each(Waker::wake);
        sum += next().unwrap_or_default();
    }
    sum
}

/// What wakers point to. It is never freed.
struct Slot {
    task: u64,
    home: &'static Home,
    /// For the home's thread alone.
    is_queued: Cell<bool>,
}

/// The tasks of one thread.
#[derive(Default)]
struct Home {
    /// For its thread alone.
    queue: RefCell<VecDeque<&'static Slot>>,
    /// What other threads want.
    inbox: Mutex<Vec<&'static Slot>>,
}

thread_local! {
    static HERE: Cell<Option<&'static Home>> = const { Cell::new(None) };
}

// SAFETY: `is_queued` and `queue` are touched only on the thread whose `HERE` is the home, which `wake_slot` asks, and by
// whoever has set that; all else is `Sync`.
unsafe impl Sync for Slot {}
// SAFETY: the same.
unsafe impl Sync for Home {}

static VTABLE: RawWakerVTable =
    RawWakerVTable::new(|slot| RawWaker::new(slot, &VTABLE), wake_slot, wake_slot, |_| {});

fn wake_slot(slot: *const ()) {
    // SAFETY: a waker with this table has the address of a slot, which is never freed.
    let slot = unsafe { &*slot.cast::<Slot>() };
    if !HERE.get().is_some_and(|here| std::ptr::eq(here, slot.home)) {
        return slot.home.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
    if !slot.is_queued.replace(true) {
        slot.home.queue.borrow_mut().push_back(slot);
    }
}

impl Slot {
    fn waker(&'static self) -> Waker {
        // SAFETY: nothing is counted, so the table keeps the contract of `RawWaker`; a slot is `Sync`, and never freed.
        unsafe { Waker::new(std::ptr::from_ref(self).cast(), &VTABLE) }
    }
}

impl Home {
    fn next(&self) -> Option<u64> {
        let slot = self.queue.borrow_mut().pop_front()?;
        slot.is_queued.set(false);
        Some(slot.task)
    }
}

fn slots(operations: u32) -> u64 {
    thread_local! {
        // One for each thread, and for ever.
        static SLOT: &'static Slot = Box::leak(Box::new(Slot {
            task: 7,
            home: Box::leak(Box::default()),
            is_queued: Cell::new(false),
        }));
    }
    let slot = SLOT.with(|slot| *slot);
    HERE.set(Some(slot.home));
    let sum = wait_and_wake(operations, &slot.waker(), || slot.home.next());
    HERE.set(None);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_woken_twice_or_from_afar_is_queued_once_or_goes_to_the_inbox() {
        let home: &'static Home = Box::leak(Box::default());
        let slot: &'static Slot = Box::leak(Box::new(Slot { task: 3, home, is_queued: Cell::new(false) }));
        let waker = slot.waker();
        HERE.set(Some(home));
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!((home.next(), home.next()), (Some(3), None));
        std::thread::spawn(move || waker.wake()).join().unwrap();
        assert_eq!(home.next(), None);
        assert_eq!(home.inbox.lock().unwrap().len(), 1);
        HERE.set(None);
    }
}
