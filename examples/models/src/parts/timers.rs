//! Timers: a tree in the order of their times → a wheel.
//!
//! Most timers are time limits that never fire: a server makes one for each question, and drops it with the answer. A tree or
//! a heap sorts each into its order, which costs a search among all that are pending. A wheel sorts only as far as is
//! needed: a timer goes to the list of the next hours, minutes or seconds, so to say, and most are dropped before anybody
//! has to know which of them is first.
//!
//! What goes wrong with a heap: what is dropped stays in it until its time comes, so a million time limits of a minute stay
//! for a minute, or each timer has to be told whenever it moves.
//!
//! From `runtime/src/core/wait/wheel.rs`:
//! ```text
//! /// Slots per level are `2^BITS`, so that one `u64` tells which of them are occupied.
//! const BITS: u32 = 6;
//! const SLOTS: usize = 1 << BITS;
//! /// 11 digits of 6 bits hold any `u64`: no deadline is too far, and none needs an overflow list.
//! const LEVELS: usize = 11;
//! ```
//!
//! In tokio: `runtime/time/wheel/mod.rs` has six levels of 64 slots, in milliseconds, and `runtime/time/wheel/level.rs` one of them.
//! A timer is a node of a list inside the `Sleep` itself, `runtime/time/entry.rs`, so it is pinned, and nothing is allocated for it.
//! A lock guards the wheel, since any worker may fire its timers.

use super::{Chance, Part, Way};
use std::collections::BTreeMap;

pub const PART: Part = Part {
    name: "timers",
    operation: "make a time limit, and drop it, 10,000 pending",
    simple: Way { what: "tree", run: tree },
    ours: Way { what: "wheel", run: wheel },
};

const PENDING: usize = 10_000;
const SECOND: u64 = 1_000_000_000;

/// Keeps as many timers, in nanoseconds: each operation drops one and makes another. Then it lets all fire, and returns a
/// number that depends on their order.
fn limits<T, K>(
    operations: u32,
    timers: &mut T,
    insert: impl Fn(&mut T, u64, u64) -> K,
    remove: impl Fn(&mut T, K),
    first: impl Fn(&mut T) -> Option<u64>,
) -> u64 {
    let mut chance = Chance(1);
    let mut time = |number: u64| number * 1_000 + 30 * SECOND + chance.below(SECOND);
    let mut keys: Vec<Option<K>> =
        (0..PENDING as u64).map(|number| Some(insert(timers, time(number), number))).collect();
    for number in PENDING as u64..PENDING as u64 + u64::from(operations) {
        let place = &mut keys[number as usize % PENDING];
        remove(timers, place.take().expect("it is pending"));
        *place = Some(insert(timers, time(number), number));
    }
    // Which is the first depends on the order. To fire them all is not what is measured.
    (0..8).fold(1, |sum, _| sum * 31 % 1_000_003 + first(timers).unwrap_or_default())
}

fn tree(operations: u32) -> u64 {
    let insert = |timers: &mut BTreeMap<(u64, u64), ()>, time, number| {
        timers.insert((time, number), ());
        (time, number)
    };
    let remove = |timers: &mut BTreeMap<_, _>, key| assert!(timers.remove(&key).is_some());
    limits(operations, &mut BTreeMap::new(), insert, remove, |timers| Some(timers.pop_first()?.0.1))
}

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 11;
const NONE: usize = usize::MAX;

/// A time is a number of digits of 6 bits. A timer is in a list of the highest digit in which it differs from the present:
/// that of its value there.
struct Wheel {
    now: u64,
    /// A bit for each list that is not empty.
    occupied: [u64; LEVELS],
    heads: Vec<usize>,
    timers: Vec<Timer>,
    free: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Timer {
    time: u64,
    number: u64,
    before: usize,
    after: usize,
}

impl Wheel {
    fn new() -> Wheel {
        let (timers, free) = Default::default();
        Wheel { now: 0, occupied: [0; LEVELS], heads: vec![NONE; LEVELS * SLOTS], timers, free }
    }

    fn list(&self, time: u64) -> (usize, usize) {
        let level = (63 - ((time ^ self.now) | 1).leading_zeros()) / BITS;
        (level as usize, (time >> (level * BITS)) as usize % SLOTS)
    }

    fn insert(&mut self, time: u64, number: u64) -> usize {
        let timer = Timer { time, number, before: NONE, after: NONE };
        let key = self.free.pop().unwrap_or_else(|| {
            self.timers.push(timer);
            self.timers.len() - 1
        });
        self.timers[key] = timer;
        self.link(key);
        key
    }

    fn link(&mut self, key: usize) {
        let (level, slot) = self.list(self.timers[key].time);
        let first = std::mem::replace(&mut self.heads[level * SLOTS + slot], key);
        self.timers[key].before = NONE;
        self.timers[key].after = first;
        if first != NONE {
            self.timers[first].before = key;
        }
        self.occupied[level] |= 1 << slot;
    }

    fn remove(&mut self, key: usize) {
        self.unlink(key);
        self.free.push(key);
    }

    fn unlink(&mut self, key: usize) {
        let Timer { time, before, after, .. } = self.timers[key];
        if after != NONE {
            self.timers[after].before = before;
        }
        if before != NONE {
            self.timers[before].after = after;
            return;
        }
        let (level, slot) = self.list(time);
        self.heads[level * SLOTS + slot] = after;
        if after == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }

    /// Goes on to the first time, and takes its timer.
    fn first(&mut self) -> Option<u64> {
        loop {
            // The lowest level has the earliest, and its first list.
            let level = self.occupied.iter().position(|slots| *slots != 0)?;
            let slot = self.occupied[level].trailing_zeros() as usize;
            let head = self.heads[level * SLOTS + slot];
            if level == 0 {
                let number = self.timers[head].number;
                self.remove(head);
                return Some(number);
            }
            // All of that list go to lower levels, as the present is now at its beginning.
            let after = |key: &usize| Some(self.timers[*key].after).filter(|after| *after != NONE);
            let keys: Vec<usize> = std::iter::successors(Some(head), after).collect();
            self.heads[level * SLOTS + slot] = NONE;
            self.occupied[level] &= !(1 << slot);
            let shift = level as u32 * BITS;
            self.now = self.timers[head].time >> shift << shift;
            keys.into_iter().for_each(|key| self.link(key));
        }
    }
}

fn wheel(operations: u32) -> u64 {
    limits(operations, &mut Wheel::new(), Wheel::insert, Wheel::remove, Wheel::first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_fires_in_the_order_of_times() {
        let (mut wheel, mut chance) = (Wheel::new(), Chance(7));
        let mut times: Vec<u64> =
            (0..2_000).map(|place| (chance.below(1 << 31) << (place % 33)) + 1).collect();
        times.sort();
        times.dedup();
        let mut keys = Vec::new();
        for (number, time) in times.iter().enumerate().rev() {
            keys.push((number, wheel.insert(*time, number as u64)));
        }
        let removed = |number: usize| number % 3 == 0;
        keys.iter().filter(|(number, _)| removed(*number)).for_each(|(_, key)| wheel.remove(*key));
        let fired: Vec<usize> = std::iter::from_fn(|| wheel.first().map(|number| number as usize)).collect();
        let expected: Vec<usize> = (0..times.len()).filter(|number| !removed(*number)).collect();
        assert_eq!(fired, expected);
    }
}
