use super::*;
use crate::random_tests::with_seeds;
use fastrand::Rng;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

const MS: u64 = 1_000_000;
const YEAR: u64 = 365 * 24 * 3_600 * 1_000 * MS;

impl<W> Wheel<W> {
    /// Whether `pop_expired` has returned this timer's waker.
    fn is_fired(&self, key: TimerKey) -> bool {
        self.entries[key.0 as usize].waker.is_none()
    }

    fn drain(&mut self) -> Vec<W> {
        std::iter::from_fn(|| self.pop_expired()).collect()
    }

    fn fire(&mut self, now: u64) -> Vec<W> {
        self.advance(now);
        self.drain()
    }

    /// Asserts the invariants of the module header; returns how many entries have fired.
    fn check(&self) -> usize {
        assert!(self.elapsed < self.next || self.elapsed == u64::MAX, "invariant 3");
        let mut pending = 0;
        for list in 0..=EXPIRED {
            let occupied = self.occupied[list / SLOTS] >> (list % SLOTS) & 1;
            assert_eq!(occupied == 1, self.heads[list] != NIL, "list {list}");
            let (mut prev, mut index) = (NIL, self.heads[list]);
            while let Some(entry) = self.entries.get(index as usize) {
                assert_eq!(self.list_of(entry.deadline), list, "invariant 1");
                assert!(list == EXPIRED || entry.deadline >= self.next, "invariant 3");
                assert!(entry.waker.is_some(), "invariant 4");
                assert_eq!(entry.prev, prev, "list {list}");
                pending += 1;
                (prev, index) = (index, entry.next);
            }
            assert_eq!((prev, index), (self.tails[list], NIL), "list {list}");
        }
        let mut free = 0;
        let mut index = self.free;
        while let Some(entry) = self.entries.get(index as usize) {
            assert!(entry.waker.is_none(), "invariant 4");
            assert_eq!(entry.prev, FREE);
            free += 1;
            index = entry.next;
        }
        assert_eq!(pending, self.len());
        self.entries.len() - pending - free
    }
}

#[test]
fn a_new_wheel_is_empty_and_has_not_allocated() {
    let mut wheel = Wheel::<u8>::new();
    assert_eq!((wheel.len(), wheel.next_deadline(), wheel.entries.capacity()), (0, None, 0));
    assert_eq!(wheel.fire(u64::MAX), []);
}

#[test]
fn a_lone_timer_wakes_once_and_exactly() {
    for now in [0, 1, 63, 64, 12_345, 10 * MS, YEAR, u64::MAX / 2] {
        for delay in [1, 63, 64, 65, 4_095, 4_096, 200_000, 10 * MS, 3_600_000 * MS, 100 * YEAR] {
            let mut wheel = Wheel::new();
            wheel.advance(now);
            let key = wheel.insert(now + delay, 'a');
            assert_eq!(wheel.next_deadline(), Some(now + delay));
            assert_eq!(wheel.fire(now + delay - 1), []);
            assert!(!wheel.is_fired(key));
            assert_eq!(wheel.next_deadline(), Some(now + delay));
            assert_eq!(wheel.fire(now + delay), ['a']);
            assert!(wheel.is_fired(key));
            assert_eq!(wheel.next_deadline(), None);
            assert_eq!(wheel.remove(key), None);
            assert_eq!(wheel.check(), 0);
        }
    }
}

#[test]
fn deadlines_around_every_level_boundary_fire_exactly() {
    let powers = (0..64).map(|bit| 1u64 << bit);
    let deadlines: Vec<u64> = powers.flat_map(|power| [power - 1, power, power + 1]).collect();
    for &now in &deadlines {
        let mut wheel = Wheel::new();
        wheel.insert(now, now);
        assert_eq!(wheel.fire(now), [now]);
        for &deadline in deadlines.iter().filter(|&&deadline| deadline > now) {
            wheel.insert(deadline, deadline);
        }
        wheel.check();
        let mut last = now;
        while let Some(next) = wheel.next_deadline() {
            assert_eq!(wheel.fire(next - 1), []);
            let fired = wheel.fire(next);
            assert!(last < next && fired.iter().all(|&deadline| deadline == next), "{fired:?} at {next}");
            assert!(!fired.is_empty(), "a wake-up for nothing at {next}");
            wheel.check();
            last = next;
        }
    }
}

#[test]
fn u64_max_does_not_fire_before_the_end_of_time() {
    let mut wheel = Wheel::new();
    let never = wheel.insert(u64::MAX, "never");
    wheel.insert(u64::MAX - 1, "before");
    assert_eq!(wheel.next_deadline(), Some(u64::MAX - 1));
    assert_eq!(wheel.fire(u64::MAX - 2), [""; 0]);
    assert_eq!(wheel.fire(u64::MAX - 1), ["before"]);
    assert_eq!(wheel.next_deadline(), Some(u64::MAX));
    assert_eq!(wheel.fire(u64::MAX), ["never"]);
    assert!(wheel.is_fired(never));
    wheel.insert(u64::MAX, "again");
    assert_eq!(wheel.next_deadline(), Some(u64::MAX));
    assert_eq!(wheel.fire(u64::MAX), ["again"]);
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn one_advance_fires_in_order_of_deadline() {
    let mut wheel = Wheel::new();
    let deadlines = [5 * YEAR, 7, 64, 10 * MS, 63, 4_096, 10 * MS + 1, YEAR, 8, 4_095];
    for deadline in deadlines {
        wheel.insert(deadline, deadline);
    }
    let mut sorted = deadlines;
    sorted.sort();
    assert_eq!(wheel.fire(5 * YEAR), sorted);
}

#[test]
fn equal_deadlines_fire_in_order_of_insertion_also_if_inserted_at_different_times() {
    let mut wheel = Wheel::new();
    for (order, now) in [0, 1, 9 * MS, 10 * MS - 70, 10 * MS - 2, 10 * MS - 1].into_iter().enumerate() {
        // Makes `elapsed` follow, so that the next timer starts on a lower level.
        wheel.insert(now, usize::MAX);
        wheel.fire(now);
        wheel.insert(10 * MS, order);
    }
    assert_eq!(wheel.fire(11 * MS), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_timer_in_the_past_is_due_at_once() {
    let mut wheel = Wheel::new();
    wheel.insert(MS, "on time");
    wheel.advance(MS);
    wheel.insert(5, "late");
    wheel.insert(MS, "just late");
    assert!(wheel.next_deadline() <= Some(MS));
    assert_eq!(wheel.drain(), ["on time", "late", "just late"]);
    // `elapsed` does not know of the time that has passed since, but `advance` is told.
    wheel.advance(2 * MS);
    wheel.insert(2 * MS, "behind the lag");
    assert_eq!(wheel.next_deadline(), Some(2 * MS));
    assert_eq!(wheel.fire(2 * MS), ["behind the lag"]);
}

#[test]
fn removed_while_in_the_wheel_it_never_fires() {
    let mut wheel = Wheel::new();
    let keys = [10, 10, 10, 5_000, MS].map(|deadline| wheel.insert(deadline, deadline));
    assert_eq!(wheel.remove(keys[1]), Some(10));
    assert_eq!(wheel.remove(keys[3]), Some(5_000));
    assert_eq!(wheel.fire(YEAR), [10, 10, MS]);
}

#[test]
fn removed_from_the_expired_list_it_never_fires() {
    let mut wheel = Wheel::new();
    let keys = [1, 2, 3, 4].map(|deadline| wheel.insert(deadline, deadline));
    wheel.advance(4);
    assert!(!wheel.is_fired(keys[0]), "due is not yet fired");
    for key in [keys[0], keys[2], keys[3]] {
        assert!(wheel.remove(key).is_some());
        wheel.check();
    }
    assert_eq!(wheel.drain(), [2]);
    assert_eq!((wheel.len(), wheel.next_deadline()), (0, None));
}

#[test]
fn removed_between_pops() {
    let mut wheel = Wheel::new();
    let keys = [1, 2, 3].map(|deadline| wheel.insert(deadline, deadline));
    wheel.advance(3);
    assert_eq!(wheel.pop_expired(), Some(1));
    assert_eq!(wheel.remove(keys[1]), Some(2));
    assert_eq!(wheel.remove(keys[0]), None, "its waker was returned by pop_expired");
    assert_eq!(wheel.pop_expired(), Some(3));
    assert_eq!(wheel.pop_expired(), None);
    assert_eq!(wheel.check(), 1);
}

#[test]
fn inserted_between_pops() {
    let mut wheel = Wheel::new();
    let keys = [1, 2].map(|deadline| wheel.insert(deadline, deadline));
    wheel.advance(2);
    assert_eq!(wheel.pop_expired(), Some(1));
    wheel.remove(keys[0]);
    let reused = wheel.insert(MS, MS);
    assert_eq!(reused, keys[0], "the entry of a removed timer serves the next");
    wheel.insert(1, 1);
    assert_eq!(wheel.drain(), [2, 1]);
    assert_eq!(wheel.next_deadline(), Some(MS));
    assert_eq!(wheel.fire(MS), [MS]);
}

#[test]
fn a_waker_is_replaced_until_the_timer_fires() {
    let mut wheel = Wheel::new();
    let key = wheel.insert(7, "first task");
    let old = wheel.waker_mut(key).map(|waker| replace(waker, "second task"));
    assert_eq!(old, Some("first task"));
    wheel.advance(7);
    assert_eq!(wheel.waker_mut(key), Some(&mut "second task"));
    assert_eq!(wheel.pop_expired(), Some("second task"));
    assert_eq!(wheel.waker_mut(key), None);
}

#[test]
fn a_removed_earliest_timer_costs_at_most_one_early_wake_up() {
    let mut wheel = Wheel::new();
    wheel.insert(70 * MS, "b");
    for deadline in [50 * MS, 60 * MS, 65 * MS] {
        let key = wheel.insert(deadline, "a");
        wheel.remove(key);
    }
    assert_eq!(wheel.next_deadline(), Some(50 * MS));
    assert_eq!(wheel.fire(50 * MS), [""; 0]);
    assert_eq!(wheel.next_deadline(), Some(70 * MS));
}

#[test]
fn a_crowded_slot_costs_few_early_wake_ups() {
    let mut wheel = Wheel::new();
    // They share a slot or two of level 4, and are more than `SCAN` per slot down to level 2.
    let count = 10_000;
    for i in (0..count).rev() {
        wheel.insert(1_000 * MS + i * 1_000, i);
    }
    wheel.insert(1, count);
    wheel.fire(1);
    let mut turns = 0;
    let mut fired = Vec::new();
    while let Some(next) = wheel.next_deadline() {
        assert!(next <= 1_000 * MS + fired.len() as u64 * 1_000, "late");
        fired.extend(wheel.fire(next));
        turns += 1;
    }
    assert!(fired.into_iter().eq(0..count));
    assert!(turns - count <= count / SCAN as u64 * LEVELS as u64, "{} early wake-ups", turns - count);
}

#[test]
fn time_that_goes_back_does_no_harm() {
    let mut wheel = Wheel::new();
    wheel.insert(10, 10);
    wheel.insert(MS, MS);
    assert_eq!(wheel.fire(500), [10]);
    assert_eq!(wheel.fire(3), []);
    wheel.check();
    assert_eq!(wheel.next_deadline(), Some(MS));
    assert_eq!(wheel.fire(MS), [MS]);
}

#[test]
fn a_million_timers_are_cancelled_or_fire_and_memory_is_reused() {
    const COUNT: u64 = 1_000_000;
    let mut wheel = Wheel::new();
    for start in [0, YEAR] {
        // A multiplicative step visits the deadlines in no order that the wheel could profit from.
        let deadline = |i: u64| start + 1 + i * 7_919 % COUNT * 30_011;
        let keys: Vec<_> = (0..COUNT).map(|i| wheel.insert(deadline(i), deadline(i))).collect();
        assert_eq!(wheel.len() as u64, COUNT);
        for (i, &key) in keys.iter().enumerate().step_by(2) {
            assert_eq!(wheel.remove(key), Some(deadline(i as u64)));
        }
        let half = wheel.fire(start + COUNT / 2 * 30_011);
        let rest = wheel.fire(start + COUNT * 30_011);
        assert_eq!((half.len() + rest.len()) as u64, COUNT / 2);
        assert!(half.iter().chain(&rest).is_sorted());
        for &key in keys.iter().skip(1).step_by(2) {
            assert_eq!(wheel.remove(key), None);
        }
        assert_eq!((wheel.check(), wheel.entries.len() as u64), (0, COUNT));
    }
}

#[test]
#[should_panic(expected = "removed twice")]
#[cfg_attr(not(debug_assertions), ignore = "checked in debug builds only")]
fn removing_a_timer_twice_is_noticed() {
    let mut wheel = Wheel::new();
    let key = wheel.insert(1, 1);
    wheel.remove(key);
    wheel.remove(key);
}

#[derive(Clone, Debug)]
enum Op {
    /// A timer this long after now.
    Insert(u64),
    /// A timer at one of few times, so that deadlines are equal.
    InsertAt(u64),
    /// A timer that never fires before the end of time.
    Never,
    /// One of all that there are by then, by its number.
    Remove(usize),
    Advance(u64),
    /// Like the loop: sleep to `next_deadline`, expire, fire.
    Park,
    /// To the exact deadline of a timer, or just before it.
    AdvanceTo(usize, u64),
    Back(u64),
    Pop,
}

fn op(random: &mut Rng) -> Op {
    // All magnitudes are equally likely: from 1 ns to 500 years.
    let time = |random: &mut Rng| random.u64(..) >> random.u32(0..64);
    match random.u32(0..36) {
        0..8 => Op::Insert(time(random)),
        8..10 => Op::Insert(random.u64(0..100)),
        10..14 => Op::InsertAt(random.u64(0..8) * 999_937),
        14 => Op::Never,
        15..21 => Op::Remove(random.usize(..)),
        21..23 => Op::Advance(time(random) >> random.u32(0..40)),
        23..25 => Op::Park,
        25..27 => Op::AdvanceTo(random.usize(..), random.u64(0..2)),
        27 => Op::Back(time(random)),
        _ => Op::Pop,
    }
}

/// A wheel beside what it should be: a sorted set of `(deadline, order of insertion)`.
struct Model {
    wheel: Wheel<(usize, Rc<()>)>,
    now: u64,
    /// Each waker in the wheel holds a count, so that none is lost or returned twice.
    token: Rc<()>,
    keys: Vec<(usize, u64, TimerKey)>,
    pending: BTreeSet<(u64, usize)>,
    expired: VecDeque<usize>,
    inserted: usize,
}

impl Model {
    fn new() -> Self {
        Model {
            wheel: Wheel::new(),
            now: 0,
            token: Rc::new(()),
            keys: Vec::new(),
            pending: BTreeSet::new(),
            expired: VecDeque::new(),
            inserted: 0,
        }
    }

    fn insert(&mut self, deadline: u64) {
        let id = self.inserted;
        self.inserted += 1;
        if deadline <= self.wheel.elapsed {
            self.expired.push_back(id);
        } else {
            self.pending.insert((deadline, id));
        }
        let key = self.wheel.insert(deadline, (id, self.token.clone()));
        assert!(self.keys.iter().all(|&(_, _, other)| other != key), "a key has one owner");
        self.keys.push((id, deadline, key));
    }

    fn remove(&mut self, index: usize) {
        let (id, deadline, key) = self.keys.swap_remove(index);
        let in_wheel = self.pending.remove(&(deadline, id));
        let on_list = self.expired.iter().position(|&other| other == id);
        on_list.map(|position| self.expired.remove(position));
        let fired = !in_wheel && on_list.is_none();
        assert_eq!(self.wheel.is_fired(key), fired);
        assert_eq!(self.wheel.remove(key).map(|(id, _)| id), (!fired).then_some(id));
    }

    fn advance(&mut self, now: u64) {
        self.wheel.advance(now);
        self.now = self.now.max(now);
        assert!(self.wheel.elapsed <= self.now, "early");
        while self.earliest().is_some_and(|deadline| deadline <= now) {
            self.expired.extend(self.pending.pop_first().map(|(_, id)| id));
        }
    }

    fn pop(&mut self) {
        let id = self.wheel.pop_expired().map(|(id, _)| id);
        assert_eq!(id, self.expired.pop_front());
    }

    fn park(&mut self) {
        while !self.expired.is_empty() {
            self.pop();
        }
        let Some(next) = self.wheel.next_deadline() else { return };
        self.advance(next);
        while !self.expired.is_empty() {
            self.pop();
        }
        if self.pending.len() <= SCAN {
            assert_eq!(self.wheel.next_deadline(), self.earliest(), "exact after an advance");
        }
    }

    fn earliest(&self) -> Option<u64> {
        self.pending.first().map(|&(deadline, _)| deadline)
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Insert(delay) => self.insert(self.now.saturating_add(*delay)),
            Op::InsertAt(deadline) => self.insert(*deadline),
            Op::Never => self.insert(u64::MAX),
            Op::Remove(_) if self.keys.is_empty() => {}
            Op::Remove(index) => self.remove(index % self.keys.len()),
            Op::Advance(step) => self.advance(self.now.saturating_add(*step)),
            Op::Park => self.park(),
            Op::AdvanceTo(_, _) if self.pending.is_empty() => {}
            Op::AdvanceTo(index, before) => {
                let &(deadline, _) = self.pending.iter().nth(index % self.pending.len()).unwrap();
                self.advance(self.now.max(deadline - before));
            }
            Op::Back(step) => self.wheel.advance(self.now.saturating_sub(*step).min(self.wheel.elapsed)),
            Op::Pop => self.pop(),
        }
    }

    fn check(&self) {
        let pending = self.pending.len() + self.expired.len();
        assert_eq!(self.wheel.len(), pending);
        assert_eq!(Rc::strong_count(&self.token) - 1, pending, "wakers");
        assert_eq!(self.wheel.check(), self.keys.len() - pending, "fired and not yet removed");
        let next = self.wheel.next_deadline();
        assert_eq!(next.is_none(), pending == 0);
        if self.expired.is_empty() {
            assert!(next <= self.earliest(), "{next:?} is late");
        } else {
            assert!(next <= Some(self.now), "{next:?} but a timer is due");
        }
    }
}

#[test]
fn behaves_like_a_sorted_set() {
    with_seeds(|random| {
        let mut model = Model::new();
        for _ in 0..random.usize(1..300) {
            model.apply(&op(random));
            model.check();
        }
        while !model.pending.is_empty() {
            model.park();
            model.check();
        }
        while !model.keys.is_empty() {
            model.remove(0);
        }
        model.check();
    });
}
