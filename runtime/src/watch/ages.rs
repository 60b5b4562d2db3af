//! How old tasks are, without a clock reading for each.
//!
//! The ids of one thread grow with time. So it is enough to note at each turn which id was the last, if there were new
//! ones. A task is as old as the first note whose id is not below its own, or up to one note older. Old notes are
//! thinned out, so a year needs no more than some 200 of them. An age is told at most an eighth too low, or too low by
//! the time between two turns.
//!
//! A clock reading and 8 bytes for each task would cost 25 of a spawn's 80 ns.

use crate::core::task::Id;
use crate::core::wait::Instant;
use std::time::Duration;

/// Notes that lie closer together than this become one.
const SHORTEST: Duration = Duration::from_millis(1);

/// An age may be told too low by one part in this many.
const PRECISION: u32 = 8;

/// The most notes. A year needs some 200; the rest is room, so that thinning out is rare. All notes take 4 KiB.
const MOST: usize = 256;

/// Notes by rising ids, and so by rising times. All ids up to that of a note had been given by its time.
#[derive(Default)]
pub(crate) struct Ages {
    notes: Vec<(Id, Instant)>,
}

impl Ages {
    /// Notes that `latest` is the last id that this thread has given by `now`.
    pub(crate) fn note(&mut self, latest: Id, now: Instant) {
        if self.notes.len() == MOST {
            self.thin_out(now);
        }
        match &mut self.notes[..] {
            [.., (_, before), last] if between(*before, now) < SHORTEST => {
                *last = (latest, now);
            }
            _ => {
                // All memory is reserved at once, so that no later task costs an allocation.
                if self.notes.capacity() == 0 {
                    self.notes.reserve_exact(MOST);
                }
                self.notes.push((latest, now));
            }
        }
    }

    /// Forgets all notes, for the next runtime. The memory stays.
    pub(crate) fn clear(&mut self) {
        self.notes.clear();
    }

    fn thin_out(&mut self, now: Instant) {
        let notes = &mut self.notes;
        let mut kept = 1;
        for index in 1..notes.len() {
            let note = notes[index];
            // Whether the next note can stand for this one as well: the gap that this one leaves is short compared with
            // its age.
            let may_go = notes.get(index + 1).is_some_and(|(_, after)| {
                let gap = between(notes[kept - 1].1, *after);
                gap < between(*after, now) / PRECISION
            });
            if !may_go {
                notes[kept] = note;
                kept += 1;
            }
        }
        // If time stands still, no note may go. But then nothing has an age, so the note that comes next can stand for
        // the last one.
        notes.truncate(kept.min(MOST - 1));
    }

    /// Returns a time by which the task was there. `None` if that has not been noted yet.
    pub(crate) fn spawned_by(&self, id: Id) -> Option<Instant> {
        let first = self.notes.partition_point(|(noted, _)| *noted < id);
        self.notes.get(first).map(|(_, time)| *time)
    }
}

/// Returns the time from `earlier` to `later`.
pub(crate) fn between(earlier: Instant, later: Instant) -> Duration {
    Duration::from_nanos(later.nanos_since(earlier))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes at all these times; the id of what was spawned just before each is its index.
    fn noted(times: &[Duration]) -> (Ages, Instant) {
        let (mut ages, start) = (Ages::default(), Instant::now());
        for (index, time) in times.iter().enumerate() {
            ages.note(Id(index as u64 + 1), start + *time);
        }
        (ages, start)
    }

    #[test]
    fn a_task_is_as_old_as_the_note_that_follows() {
        let (ages, start) = noted(&[1, 2, 3].map(Duration::from_secs));
        assert_eq!(ages.spawned_by(Id(1)), Some(start + Duration::from_secs(1)));
        assert_eq!(ages.spawned_by(Id(3)), Some(start + Duration::from_secs(3)));
        assert_eq!(ages.spawned_by(Id(4)), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "a million notes")]
    fn notes_of_a_year_are_few_and_each_age_is_right_to_an_eighth() {
        // There is a note every second for ten days, and then every hundredth of a second for an hour.
        let seconds = (0..10 * 86_400).map(Duration::from_secs);
        let pieces = (0..360_000).map(|n| Duration::from_secs(10 * 86_400) + Duration::from_millis(10 * n));
        let times: Vec<Duration> = seconds.chain(pieces).collect();
        let (ages, start) = noted(&times);
        assert!(ages.notes.len() <= MOST, "{}", ages.notes.len());
        assert_eq!(ages.notes.capacity(), MOST);
        let now = start + *times.last().unwrap();
        for (index, time) in times.iter().enumerate().step_by(997) {
            let (age, told) = (now - (start + *time), now - ages.spawned_by(Id(index as u64 + 1)).unwrap());
            let slack = age / PRECISION + Duration::from_secs(1) / 100;
            assert!(told <= age && told + slack >= age, "{age:?} is told as {told:?}");
        }
    }

    #[test]
    fn what_comes_within_a_millisecond_is_one_note_and_not_one_for_ever() {
        let times: Vec<Duration> = (0..10_000).map(|n| Duration::from_micros(n * 100)).collect();
        let (mut ages, start) = (Ages::default(), Instant::now());
        for (index, time) in times.iter().enumerate() {
            ages.note(Id(index as u64 + 1), start + *time);
            let told = start + *time - ages.spawned_by(Id(1)).unwrap();
            assert!(told + SHORTEST + *time / PRECISION >= *time, "{told:?} of {time:?}");
        }
    }
}
