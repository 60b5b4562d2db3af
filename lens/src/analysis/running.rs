//! Which task has the thread of a loop, by the events until now.
//!
//! A poll is recorded when it is over, so the poll that goes on is not among the events. But the run queue is: a wake puts
//! a task on it, and a poll takes it off. It is first in, first out, so the task in front has the thread, or gets it next.

use super::{Analysis, Task};
use crate::recording::{Runtime, What};
use std::collections::{HashMap, VecDeque};

/// The wakes without a poll, in order.
#[derive(Default)]
struct Queue {
    wakes: VecDeque<(u64, u64)>,
    /// How often each task is in it. A task that is woken while it is polled is in it again.
    counts: HashMap<u64, usize>,
}

impl Queue {
    fn push(&mut self, task: u64, time: u64) {
        self.wakes.push_back((task, time));
        *self.counts.entry(task).or_default() += 1;
    }

    /// Takes a task off. Those that stood before it had their turn, whatever has become of them.
    fn take(&mut self, task: u64) {
        while self.counts.contains_key(&task) {
            let Some((first, _)) = self.wakes.pop_front() else { return };
            let count = self.counts.entry(first).or_default();
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&first);
            }
            if first == task {
                return;
            }
        }
    }
}

impl Analysis {
    /// Returns the task that has had the thread of `runtime` since its last event, and the time at which it got the thread.
    /// `None`: the loop sleeps, no thread is in it, or nothing is known.
    ///
    /// It is for a loop that is stuck. Of one that goes on, it may be a task whose turn comes next.
    pub fn running(&self, runtime: &Runtime) -> Option<(&Task, u64)> {
        let (mut queue, mut since) = (Queue::default(), 0);
        // If the beginning is overwritten, a thread has come in there.
        let mut is_inside = runtime.section.first > 0;
        for event in &runtime.section.events {
            let time = event.time();
            match event.what() {
                What::Entered { .. } => (is_inside, since) = (true, time),
                What::Left { .. } => is_inside = false,
                What::Turned { .. } => since = time,
                // It sleeps only if the run queue is empty.
                What::Looked { may_sleep: true, .. } => queue = Queue::default(),
                What::Woken { task, .. } => queue.push(task, time),
                What::Polled { task, .. } => {
                    queue.take(task);
                    since = time;
                }
                _ => {}
            }
        }
        let mut waiting = queue.wakes.iter().filter(|_| is_inside);
        waiting.find_map(|(task, woken)| {
            let task = self.task(*task).filter(|task| task.end.is_none())?;
            Some((task, since.max(*woken)))
        })
    }
}
