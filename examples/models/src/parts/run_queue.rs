//! The run queue: a `VecDeque` of numbers and a table of tasks → a list through the slots.
//!
//! A number has to be looked up, and the task is taken out of the table for its poll and put back: two searches for each
//! poll. If the queue is a list through the slots themselves, a pop finds the task, and nothing is allocated for the queue.
//!
//! What goes wrong without a mark: two wakes before a poll put the task into the queue twice, so it is polled twice, and a
//! flood of wakes makes a queue of any length. A slot that is in a list can be in it only once, so its mark says so.
//!
//! From `runtime/src/core/task/slot.rs`:
//! ```text
//! if !self.cells().scheduled.replace(true) {
//!     self.scheduler().push(self);
//! }
//! ```
//!
//! In tokio: the current-thread scheduler has a `VecDeque` of pointers to tasks (`runtime/scheduler/current_thread/mod.rs`), and
//! the state bits of `runtime/task/state.rs` keep a task from being in it twice. Each worker of the other one has a ring of 256
//! places from which others steal (`runtime/scheduler/multi_thread/queue.rs`). The queue for wakes from elsewhere is a list
//! through the tasks, `queue_next` in `runtime/task/core.rs`.

use super::{Part, Way};
use std::collections::{HashMap, VecDeque};

pub const PART: Part = Part {
    name: "run queue",
    operation: "wake a task, and take it out to poll it",
    simple: Way { what: "VecDeque and table", run: numbers },
    ours: Way { what: "list through the slots", run: list },
};

const TASKS: u64 = 1_000;

/// Stands for a future. A poll counts.
type Task = Box<u64>;

fn numbers(operations: u32) -> u64 {
    let mut tasks: HashMap<u64, Task> = (0..TASKS).map(|number| (number, Box::new(number))).collect();
    let (mut queue, mut sum) = (VecDeque::new(), 0);
    for operation in 0..u64::from(operations) {
        queue.push_back(operation % TASKS);
        if queue.len() == TASKS as usize || operation + 1 == u64::from(operations) {
            while let Some(number) = queue.pop_front() {
                let Some(mut task) = tasks.remove(&number) else { continue };
                *task += 1;
                sum += *task;
                tasks.insert(number, task);
            }
        }
    }
    sum
}

struct Slot {
    task: Option<Task>,
    is_queued: bool,
    next: usize,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    /// The first and the last of the list.
    ends: Option<(usize, usize)>,
}

impl Slots {
    fn wake(&mut self, index: usize) {
        if std::mem::replace(&mut self.slots[index].is_queued, true) {
            return;
        }
        match &mut self.ends {
            Some((_, last)) => self.slots[std::mem::replace(last, index)].next = index,
            None => self.ends = Some((index, index)),
        }
    }

    fn pop(&mut self) -> Option<&mut Slot> {
        let (first, last) = self.ends?;
        let slot = &mut self.slots[first];
        self.ends = (first != last).then_some((slot.next, last));
        slot.is_queued = false;
        Some(slot)
    }
}

fn list(operations: u32) -> u64 {
    let slot = |number| Slot { task: Some(Box::new(number)), is_queued: false, next: 0 };
    let mut slots = Slots { slots: (0..TASKS).map(slot).collect(), ends: None };
    let (mut woken, mut sum) = (0, 0);
    for operation in 0..u64::from(operations) {
        slots.wake((operation % TASKS) as usize);
        woken += 1;
        if woken == TASKS || operation + 1 == u64::from(operations) {
            woken = 0;
            while let Some(slot) = slots.pop() {
                let Some(mut task) = slot.task.take() else { continue };
                *task += 1;
                sum += *task;
                slot.task = Some(task);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_woken_twice_is_polled_once_in_the_order_of_the_first_wakes() {
        let slot = |number| Slot { task: Some(Box::new(number)), is_queued: false, next: 0 };
        let mut slots = Slots { slots: (0..3).map(slot).collect(), ends: None };
        for index in [2, 0, 2, 1, 0] {
            slots.wake(index);
        }
        let order = std::iter::from_fn(|| slots.pop().map(|slot| **slot.task.as_ref().unwrap()));
        assert_eq!(order.collect::<Vec<_>>(), [2, 0, 1]);
        slots.wake(1);
        assert!(slots.pop().is_some() && slots.pop().is_none());
    }
}
