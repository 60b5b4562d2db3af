//! A short look out for a wake, before the thread sleeps.
//!
//! To sleep and to be woken from another core takes a thread some 10 µs, and the other thread pays for the wake as well.
//! Two threads that pass messages through a full channel would sleep in turn: each fills or empties the channel while
//! the other one is still waking up. So whoever has reason to expect a wake from another thread says so by
//! [`expect_wake`], and the thread looks out for it for about as long as the sleep would cost.
//!
//! If the wake does not come in that time, the thread sleeps all the same, and does not look out before the next sleeps
//! of this kind: one at first, and twice as many and one more after each further failure. So a wrong guess costs next to
//! nothing, for example where the other thread waits for the same core. A wake that comes in time starts this anew.
//!
//! Looking out decides nothing: the thread goes on to sleep as it always does, which includes the last look into the
//! inbox that no wake can slip past.
//!
//! tokio has nothing like this for its tasks, but std's channels and locks spin before they sleep.

use crate::core::sync::thread_local;
use std::cell::Cell;
use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// How long to look out.
const LIMIT: Duration = Duration::from_micros(10);

/// The looks in vain after which the number of sleeps without a look no longer grows.
const MOST_IN_VAIN: u32 = 7;

thread_local! {
    static IS_EXPECTED: Cell<bool> = const { Cell::new(false) };
    static PAST: Cell<Past> = const { Cell::new(Past { in_vain: 0, to_skip: 0 }) };
}

/// How looking out went on this thread.
#[derive(Clone, Copy)]
struct Past {
    /// The looks in vain since the last wake that came in time.
    in_vain: u32,
    /// The next sleeps before which the thread does not look out.
    to_skip: u32,
}

/// Tells this thread that another thread will probably wake it within microseconds. This concerns its next sleep only.
#[doc(hidden)]
#[inline]
pub fn expect_wake() {
    IS_EXPECTED.set(true);
}

/// The thread is about to sleep: looks out until `has_come` returns true, if a wake is expected.
#[inline]
pub(crate) fn look_out(has_come: impl Fn() -> bool) {
    if IS_EXPECTED.replace(false) {
        look(has_come);
    }
}

#[cold]
fn look(has_come: impl Fn() -> bool) {
    let Past { in_vain, to_skip } = PAST.get();
    if to_skip > 0 {
        return PAST.set(Past { in_vain, to_skip: to_skip - 1 });
    }
    let start = Instant::now();
    while !has_come() {
        if start.elapsed() >= LIMIT {
            let in_vain = (in_vain + 1).min(MOST_IN_VAIN);
            return PAST.set(Past { in_vain, to_skip: (1 << in_vain) - 1 });
        }
        (0..8).for_each(|_| spin_loop());
    }
    PAST.set(Past { in_vain: 0, to_skip: 0 });
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MOST_IN_VAIN, expect_wake, look_out};
    use std::cell::Cell;

    /// Whether the thread looks out before a sleep, for a wake that has come or not.
    fn looks_out(has_come: bool) -> bool {
        let has_looked = Cell::new(false);
        look_out(|| {
            has_looked.set(true);
            has_come
        });
        has_looked.get()
    }

    /// How many sleeps go by before it looks out, in vain.
    fn skipped() -> u32 {
        let mut skipped = 0;
        loop {
            expect_wake();
            if looks_out(false) {
                return skipped;
            }
            skipped += 1;
        }
    }

    #[test]
    fn only_a_wake_that_is_expected_is_looked_out_for_and_only_once() {
        assert!(!looks_out(true));
        expect_wake();
        assert!(looks_out(true));
        assert!(!looks_out(true));
    }

    #[test]
    fn each_look_in_vain_makes_the_next_ones_rarer_until_a_wake_comes_in_time() {
        let rarer: Vec<_> = (0..=MOST_IN_VAIN + 1).map(|_| skipped()).collect();
        assert_eq!(rarer, [0, 1, 3, 7, 15, 31, 63, 127, 127]);
        (0..127).for_each(|_| expect_and_skip());
        expect_wake();
        assert!(looks_out(true));
        assert_eq!([skipped(), skipped()], [0, 1]);
    }

    fn expect_and_skip() {
        expect_wake();
        assert!(!looks_out(true));
    }
}
