//! The runtime's timer wheel, compared with a sorted set of `(deadline, order of insertion)`.
//!
//! Only what callers can see is compared. The wheel's time lags behind theirs while there is nothing to move. So a
//! timer whose deadline has passed when it is inserted may be returned at once, or at the next advance. Timers that
//! were inserted for the future come in order.

// Its tests are in a folder beside it, where rustfmt would not find them.
#[rustfmt::skip]
#[path = "../../runtime/src/core/wait/wheel.rs"]
mod wheel;

use crate::input::Input;
use std::collections::BTreeSet;
use std::rc::Rc;
use wheel::{TimerKey, Wheel};

/// The most timers of one input. Deadlines far away exercise the wheel's levels, not large numbers of timers.
const MAX_TIMERS: usize = 1024;

/// A timer: its deadline and its number, which also tells the order of insertion.
type Timer = (u64, usize);

struct Model {
    wheel: Wheel<(Timer, Rc<()>)>,
    /// The latest time that `advance` was given.
    now: u64,
    /// Each waker in the wheel holds a count, so that a lost timer, or one that is returned twice, is noticed.
    token: Rc<()>,
    /// The keys of all timers that were not removed.
    keys: Vec<(Timer, TimerKey)>,
    /// The timers that were not returned yet and were inserted before their time.
    future: BTreeSet<Timer>,
    /// The timers that were not returned yet and were inserted late.
    late: BTreeSet<Timer>,
    inserted: usize,
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut model = Model {
        wheel: Wheel::new(),
        now: 0,
        token: Rc::new(()),
        keys: Vec::new(),
        future: BTreeSet::new(),
        late: BTreeSet::new(),
        inserted: 0,
    };
    while !input.is_empty() && model.inserted < MAX_TIMERS {
        model.step(&mut input);
        model.check();
    }
    model.end();
}

impl Model {
    fn step(&mut self, input: &mut Input) {
        match input.choice(12) {
            0..3 => {
                let deadline = self.time(input);
                self.insert(deadline);
            }
            // Many timers share a slot.
            3 => {
                let (first, count) = (self.time(input), input.choice(100));
                let step = 1 << input.choice(20);
                (0..count as u64).for_each(|i| self.insert(first.saturating_add(i * step)));
            }
            4 | 5 if !self.keys.is_empty() => {
                let index = input.index(self.keys.len());
                self.remove(index);
            }
            // This is what `Sleep::reset` does.
            6 if !self.keys.is_empty() => {
                let index = input.index(self.keys.len());
                if self.remove(index) {
                    let deadline = self.time(input);
                    self.insert(deadline);
                }
            }
            7 if !self.keys.is_empty() => {
                let index = input.index(self.keys.len());
                self.replace(index);
            }
            8 => {
                let to = self.time(input).max(self.now);
                self.advance(to);
            }
            // The clock goes back.
            9 => {
                let to = self.time(input).min(self.now);
                self.wheel.advance(to);
            }
            10 => drop(self.pop()),
            _ => self.park(),
        }
    }

    /// Returns times of all magnitudes, and times around a timer or around a border between two levels.
    fn time(&self, input: &mut Input) -> u64 {
        let number = input.number();
        match input.choice(8) {
            0 => self.now.saturating_add(number >> (number % 64)),
            1 => self.now.saturating_add(number % 256),
            2 => self.now.saturating_sub(number % 256),
            3 => (1u64 << (number % 64)).wrapping_add(number >> 60),
            4 => self.now | (1u64 << (number % 64)).wrapping_sub(number >> 63),
            5 if !self.keys.is_empty() => {
                let ((deadline, _), _) = self.keys[number as usize % self.keys.len()];
                deadline.saturating_add(number >> 62).saturating_sub(1)
            }
            6 => u64::MAX - number % 4,
            _ => number,
        }
    }

    fn insert(&mut self, deadline: u64) {
        let timer = (deadline, self.inserted);
        self.inserted += 1;
        if deadline > self.now {
            self.future.insert(timer)
        } else {
            self.late.insert(timer)
        };
        let key = self.wheel.insert(deadline, (timer, self.token.clone()));
        assert!(self.keys.iter().all(|(_, other)| *other != key), "a key has one owner");
        self.keys.push((timer, key));
    }

    /// Removes a timer, and returns whether it was still waited for.
    fn remove(&mut self, index: usize) -> bool {
        let (timer, key) = self.keys.swap_remove(index);
        let is_waiting = self.future.remove(&timer) | self.late.remove(&timer);
        let waker = self.wheel.remove(key);
        assert_eq!(waker.map(|(timer, _)| timer), is_waiting.then_some(timer));
        is_waiting
    }

    fn replace(&mut self, index: usize) {
        let (timer, key) = self.keys[index];
        let is_waiting = self.future.contains(&timer) || self.late.contains(&timer);
        let fresh = (timer, self.token.clone());
        let old = self.wheel.waker_mut(key).map(|waker| std::mem::replace(waker, fresh));
        assert_eq!(old.map(|(timer, _)| timer), is_waiting.then_some(timer));
    }

    fn pop(&mut self) -> Option<Timer> {
        let ((deadline, number), _) = self.wheel.pop_expired()?;
        let timer = (deadline, number);
        assert!(deadline <= self.now, "early: {deadline} at {}", self.now);
        if !self.late.remove(&timer) {
            assert_eq!(self.future.pop_first(), Some(timer), "out of order");
        }
        Some(timer)
    }

    /// Advances and fires, as the runtime does. Then nothing is left that is due.
    fn advance(&mut self, to: u64) {
        self.now = self.now.max(to);
        self.wheel.advance(self.now);
        while self.pop().is_some() {}
        assert_eq!(self.late.first(), None, "not fired at {}", self.now);
        assert!(self.earliest().is_none_or(|next| next > self.now), "not fired at {}", self.now);
    }

    /// Sleeps until the next deadline.
    fn park(&mut self) {
        if let Some(next) = self.wheel.next_deadline() {
            self.advance(next);
            let then = self.wheel.next_deadline();
            assert!(then.is_none_or(|then| then > next), "woken twice for nothing");
        }
    }

    fn earliest(&self) -> Option<u64> {
        self.future.first().map(|(deadline, _)| *deadline)
    }

    fn check(&self) {
        let waiting = self.future.len() + self.late.len();
        assert_eq!(self.wheel.len(), waiting);
        assert_eq!(Rc::strong_count(&self.token) - 1, waiting, "wakers");
        match self.wheel.next_deadline() {
            None => assert_eq!(waiting, 0),
            Some(next) if self.late.is_empty() => assert!(self.earliest().is_some_and(|first| next <= first)),
            Some(next) => assert!(next <= self.now),
        }
    }

    fn end(&mut self) {
        while self.wheel.len() > 0 {
            self.park();
            self.check();
        }
        while !self.keys.is_empty() {
            assert!(!self.remove(0), "it has fired");
        }
        self.check();
    }
}
