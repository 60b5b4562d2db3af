//! What a poll held up: the tasks that were in the run queue meanwhile, the timers that became due, and the descriptors
//! that the loop found ready when it looked again.
//!
//! The number of tasks in the queue is a step function of time. Its integral up to each step is kept, so what a poll
//! held up is a difference of two integrals, and all polls take `n log n`.

use super::Analysis;

/// The integral of the number of waiting tasks.
struct Waiting {
    /// The time of a step, the integral up to there, and how many tasks wait from there on.
    steps: Vec<(u64, u64, u64)>,
}

impl Waiting {
    fn new(analysis: &Analysis) -> Waiting {
        let polled = analysis.polls.iter().filter_map(|poll| Some((poll.begin - poll.waited?, poll.begin)));
        let end = analysis.totals.end;
        let pending = analysis.tasks.iter().filter_map(|task| Some((task.pending?.0, end)));
        let waits = polled.chain(pending).filter(|(from, to)| from < to);
        let mut changes: Vec<(u64, bool)> = Vec::with_capacity(2 * analysis.polls.len());
        changes.extend(waits.clone().map(|(from, _)| (from, true)));
        changes.extend(waits.map(|(_, to)| (to, false)));
        // At one time those that come stand behind those that go. No more go than have come. Both parts are nearly in
        // order, and this sort makes use of that.
        changes.sort();
        let (mut before, mut sum, mut waiting) = (0, 0_u64, 0_u64);
        let mut steps = Vec::with_capacity(changes.len());
        for (time, comes) in changes {
            sum = sum.saturating_add(waiting.saturating_mul(time - before));
            waiting = if comes { waiting + 1 } else { waiting - 1 };
            before = time;
            steps.push((time, sum, waiting));
        }
        Waiting { steps }
    }

    fn until(&self, time: u64) -> u64 {
        let behind = self.steps.partition_point(|(step, ..)| *step <= time);
        let Some((step, sum, waiting)) = behind.checked_sub(1).map(|index| self.steps[index]) else {
            return 0;
        };
        sum.saturating_add(waiting.saturating_mul(time - step))
    }
}

/// Fills in what each poll held up.
pub(super) fn weigh(analysis: &mut Analysis) {
    let waiting = Waiting::new(analysis);
    let mut deadlines: Vec<u64> = analysis.timers.iter().map(|timer| timer.deadline).collect();
    deadlines.sort_unstable();
    // When each task was woken next, after the poll at hand: who wakes itself is not held up by itself.
    let mut woken: Vec<Option<u64>> =
        analysis.tasks.iter().map(|task| task.pending.map(|(time, _)| time)).collect();
    for poll in analysis.polls.iter_mut().rev() {
        let (begin, end) = (poll.begin, poll.end());
        let own = woken[poll.task as usize]
            .filter(|time| *time >= begin)
            .map_or(0, |time| end.saturating_sub(time));
        poll.held_up = waiting.until(end).saturating_sub(waiting.until(begin)).saturating_sub(own);
        let due = |time| deadlines.partition_point(|deadline| *deadline < time);
        poll.timers = (due(end) - due(begin)) as u32;
        let next = analysis.looks.partition_point(|look| look.end < end);
        poll.reports = analysis.looks.get(next).map_or(0, |look| look.events);
        woken[poll.task as usize] = poll.waited.map(|waited| begin - waited);
    }
}
