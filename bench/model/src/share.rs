//! When a core gives tasks to another one: `runtime/src/services/sharing.rs` once more, for time that is not real.

use std::collections::VecDeque;

/// What a core has done of late.
#[derive(Clone, Copy)]
struct Lately {
    at: u64,
    popped: u64,
    nanos: u64,
    polls: u64,
    slept: u64,
}

#[derive(Default)]
pub struct Share {
    lately: Option<Lately>,
    parked: Option<u64>,
    only: Option<usize>,
    in_vain: Option<u64>,
}

impl Share {
    pub const PATIENCE: u64 = 100_000;
    pub const LATELY: u64 = 5_000_000;
    pub const STAY: u64 = 10_000_000;
    pub const AGAIN: u64 = 500_000;
    pub const WORTHWHILE: u64 = 500;
    pub const MOST: u64 = 256;

    /// The core is about to park.
    pub fn is_idle(&mut self, now: u64) {
        self.parked = self.lately.map(|_| now);
    }

    pub fn has_tried_in_vain(&mut self, now: u64) {
        self.in_vain = Some(now);
    }

    /// Returns how many of those that wait go to a core that is idle.
    pub fn take_turn(&mut self, now: u64, popped: u64, queue: &VecDeque<usize>, is_any_idle: bool) -> usize {
        let waiting = queue.len() as u64;
        let Some(&head) = queue.front() else { return 0 };
        let parked = self.parked.take();
        if parked.is_none() && !is_any_idle {
            return 0;
        }
        let new = Lately { at: now, popped, nanos: 0, polls: 0, slept: 0 };
        let lately = self.lately.get_or_insert(new);
        lately.count(now, popped, parked.map_or(0, |parked| now - parked));
        let (lately, busy) = (*lately, lately.nanos.saturating_sub(lately.slept));
        let is_in_vain = self.in_vain.is_some_and(|at| now - at < Self::AGAIN);
        if !is_any_idle || is_in_vain || lately.polls == 0 || busy < Self::WORTHWHILE * lately.polls {
            return 0;
        }
        let has_hardly_slept = lately.nanos > Self::PATIENCE && lately.slept < lately.nanos / 8;
        let pays = if waiting == 1 {
            let before = self.only.replace(head);
            has_hardly_slept && before.is_some_and(|before| before != head)
        } else {
            has_hardly_slept || waiting * (busy / lately.polls) >= Self::PATIENCE
        };
        if pays { (waiting / 2).clamp(1, Self::MOST) as usize } else { 0 }
    }
}

impl Lately {
    fn count(&mut self, now: u64, popped: u64, slept: u64) {
        self.nanos += now - self.at;
        self.polls += popped - self.popped;
        self.slept += slept;
        (self.at, self.popped) = (now, popped);
        while self.nanos > Share::LATELY {
            self.nanos /= 2;
            self.slept /= 2;
            self.polls = self.polls.div_ceil(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_runtime() {
        let source = include_str!("../../../runtime/src/services/sharing.rs");
        let numbers = [
            ("PATIENCE", Share::PATIENCE),
            ("LATELY", Share::LATELY),
            ("STAY", Share::STAY),
            ("AGAIN", Share::AGAIN),
            ("WORTHWHILE", Share::WORTHWHILE),
            ("MOST", Share::MOST),
        ];
        for (name, number) in numbers {
            let line = source.lines().find_map(|line| line.strip_prefix(&format!("const {name}: u64 = ")));
            let written = line.and_then(|line| line.strip_suffix(';')).map(|number| number.replace('_', ""));
            assert_eq!(written, Some(number.to_string()), "{name}");
        }
    }

    #[test]
    fn two_that_are_the_only_ones_in_turn_are_parted_and_one_alone_stays() {
        let given = |who: fn(u64) -> usize| {
            let mut share = Share::default();
            (1..100)
                .map(|turn| share.take_turn(turn * 30_000, turn, &[who(turn)].into(), true))
                .sum::<usize>()
        };
        assert_eq!(given(|_| 7), 0);
        assert!(given(|turn| turn as usize % 2) > 0);
    }

    #[test]
    fn what_is_gone_soon_and_what_costs_less_than_a_move_stays() {
        // A tenth of the time it polls, ten tasks a turn, and the rest it sleeps.
        let given = |poll: u64, waiting: usize| {
            let mut share = Share::default();
            let queue = (0..waiting).collect();
            let turn = |turn: u64| {
                let now = turn * 100 * poll;
                let given = share.take_turn(now, turn * 10, &queue, true);
                share.is_idle(now);
                share.parked = share.parked.map(|_| now + 10 * poll);
                given
            };
            (1..100).map(turn).max()
        };
        assert_eq!(given(10_000, 9), Some(0));
        assert_eq!(given(10_000, 11), Some(5));
        assert_eq!(given(400, 1_000), Some(0));
        assert_eq!(given(600, 1_000), Some(256));
    }

    #[test]
    fn a_few_that_keep_a_core_busy_are_parted() {
        let mut share = Share::default();
        let given = (1..100).map(|turn| share.take_turn(turn * 20_000, turn, &[0, 1].into(), true)).max();
        assert_eq!(given, Some(1));
    }
}
