//! Tasks, their wakes and their polls.

use super::build::Build;
use super::{KEY, Poll, Task, Wakes};
use crate::recording::{By, Cause, How, Outcome, Wait};
use std::cmp::Reverse;

/// What is known of a task's wakes and waits between two of its events.
#[derive(Default)]
pub(super) struct Queue {
    /// The wake of the next poll.
    first: Option<Wake>,
    /// A wake while that poll runs: it is that of the poll after it. The poll's begin decides.
    second: Option<Wake>,
    /// When the last poll ended.
    polled: u64,
    /// What the task began to wait for in the poll that is not over yet.
    waits: Vec<Wait>,
    /// Whether the task's spawn or arrival is in the recording.
    began: bool,
    /// The number of gaps before the wakes.
    era: u64,
}

#[derive(Clone, Copy)]
struct Wake {
    time: u64,
    cause: Cause,
    /// It is the spawn itself. A wake that is recorded takes its place.
    implied: bool,
}

impl Build<'_> {
    /// Returns the index of a task. An unknown one is added: its spawn has been overwritten.
    fn index(&mut self, id: u64) -> u32 {
        match self.analysis.ids.get(&id) {
            Some(index) => *index,
            None => self.add(id),
        }
    }

    fn add(&mut self, id: u64) -> u32 {
        let index = self.analysis.tasks.len() as u32;
        self.analysis.tasks.push(Task { id, ..Task::default() });
        self.queues.push(Queue::default());
        self.analysis.ids.insert(id, index);
        index
    }

    /// Adds a task that begins here. If its id is known, but not its begin, a hook or a wake was recorded before it.
    fn begins(&mut self, time: u64, id: u64) -> u32 {
        let known = self.analysis.ids.get(&id).copied();
        let is_new = |index: &u32| {
            let index = *index as usize;
            !self.queues[index].began && self.analysis.tasks[index].end.is_none()
        };
        let index = known.filter(is_new).unwrap_or_else(|| self.add(id));
        self.queues[index as usize].began = true;
        self.analysis.tasks[index as usize].begin = Some(time);
        index
    }

    pub fn spawned(&mut self, time: u64, id: u64, place: Option<u32>, by: Cause) -> u32 {
        let index = self.begins(time, id);
        let spawner = match by.by() {
            By::Task(id) => id,
            _ => 0,
        };
        let task = &mut self.analysis.tasks[index as usize];
        task.by = Some(by);
        task.place = self.runtime.text(place).unwrap_or_default().to_owned();
        self.queue(index).first.get_or_insert(Wake { time, cause: Cause::new(11, spawner), implied: true });
        index
    }

    pub fn arrived(&mut self, time: u64, id: u64, place: Option<u32>, worker: u64) -> u32 {
        let index = self.begins(time, id);
        let place = self.runtime.text(place).unwrap_or_default().to_owned();
        let task = &mut self.analysis.tasks[index as usize];
        (task.from, task.place) = (Some(worker), place);
        index
    }

    pub fn woken(&mut self, time: u64, id: u64, cause: Cause) {
        let index = self.index(id);
        self.analysis.tasks[index as usize].wakes += 1;
        *self.wakes.entry((cause.0, index)).or_default() += 1;
        if let By::Timer(key) = cause.by() {
            if let Some(timer) = self.fired.get(&(key & KEY)) {
                self.analysis.timers[*timer as usize].task = Some(index);
            }
        }
        let queue = self.queue(index);
        let wake = Some(Wake { time, cause, implied: false });
        // The clock is not read for it, but it is told within the poll.
        if cause.by() == By::Task(id) {
            queue.second = queue.second.or(wake);
            return;
        }
        match queue.first {
            Some(Wake { implied: false, .. }) => queue.second = queue.second.or(wake),
            _ => queue.first = wake,
        }
    }

    pub fn polled(&mut self, time: u64, id: u64, outcome: Outcome, took: u64) {
        let index = self.index(id);
        let begin = time.saturating_sub(took);
        let queue = self.queue(index);
        let wake = queue.first.take_if(|wake| wake.time <= begin);
        queue.first = queue.first.or(queue.second.take());
        // A task that has woken itself waits from the end of that poll on.
        let waited = wake.map(|wake| begin.saturating_sub(wake.time.max(queue.polled)));
        queue.polled = time;
        let waits = std::mem::take(&mut queue.waits);
        let number = self.analysis.polls.len() as u32;
        let task = &mut self.analysis.tasks[index as usize];
        task.waits = waits;
        task.polls += 1;
        task.busy = task.busy.saturating_add(took);
        task.queued = task.queued.saturating_add(waited.unwrap_or(0));
        if task.slowest.is_none_or(|slowest| self.analysis.polls[slowest as usize].took < took) {
            task.slowest = Some(number);
        }
        let cause = wake.map(|wake| wake.cause);
        let poll =
            Poll { task: index, begin, took, outcome, cause, waited, held_up: 0, timers: 0, reports: 0 };
        self.analysis.polls.push(poll);
        let totals = &mut self.analysis.totals;
        totals.busy = totals.busy.saturating_add(took);
    }

    pub fn ended(&mut self, time: u64, id: u64, how: How, worker: u64) {
        let index = self.index(id) as usize;
        let task = &mut self.analysis.tasks[index];
        task.end = Some((time, how));
        task.to = (how == How::Moved).then_some(worker);
        task.waits.clear();
        // Whatever was woken then will not be polled.
        (self.queues[index].first, self.queues[index].second) = (None, None);
    }

    pub fn waits(&mut self, id: u64, wait: Wait) {
        let index = self.index(id) as usize;
        self.queues[index].waits.push(wait);
    }

    pub fn budget(&mut self, id: u64) {
        let index = self.index(id) as usize;
        self.analysis.tasks[index].budget += 1;
    }

    /// Events are missing here: the polls of the wakes before may be among them.
    pub fn forget_wakes(&mut self) {
        self.era += 1;
    }

    /// Returns a task's wakes. Those from before a gap are forgotten at the first look after it: there may be as many
    /// gaps as tasks.
    fn queue(&mut self, index: u32) -> &mut Queue {
        let queue = &mut self.queues[index as usize];
        if queue.era < self.era {
            (queue.first, queue.second, queue.era) = (None, None, self.era);
        }
        queue
    }

    /// Adds what the section says of the tasks that are not finished.
    pub fn live_tasks(&mut self) {
        let runtime = self.runtime;
        for live in &runtime.section.tasks {
            let index = self.index(live.id) as usize;
            let task = &mut self.analysis.tasks[index];
            if task.end.is_some() {
                continue;
            }
            task.state = Some(live.state);
            task.begin = task.begin.or(Some(live.since));
            if task.name.is_empty() {
                task.name = runtime.text(live.name).unwrap_or_default().to_owned();
            }
            if task.place.is_empty() {
                task.place = runtime.text(live.place).unwrap_or_default().to_owned();
            }
        }
    }

    /// Keeps the wakes that no poll has followed, and orders who woke whom.
    pub fn finish_wakes(&mut self) {
        let queues = self.queues.iter().map(|queue| queue.first.filter(|_| queue.era == self.era));
        for (task, first) in self.analysis.tasks.iter_mut().zip(queues) {
            task.pending = first.map(|wake| (wake.time, wake.cause));
        }
        let wakes = self.wakes.drain();
        self.analysis.wakes =
            wakes.map(|((cause, task), count)| Wakes { cause: Cause(cause), task, count }).collect();
        // That a task begins says less than any other cause.
        let begins = |cause: Cause| matches!(cause.by(), By::Begin(_));
        let order = |wakes: &Wakes| (wakes.task, Reverse(wakes.count), begins(wakes.cause), wakes.cause);
        self.analysis.wakes.sort_by_key(order);
    }
}
