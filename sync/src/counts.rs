//! Counting senders.

use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering::{AcqRel, Acquire};

/// Adds one, unless the number is zero, and returns whether it did. So a number that is zero stays zero.
pub(crate) fn add_unless_zero(count: &AtomicUsize) -> bool {
    // Acquire pairs with the AcqRel of the senders that count down.
    let mut now = count.load(Acquire);
    while now != 0 {
        match count.compare_exchange_weak(now, now + 1, AcqRel, Acquire) {
            Ok(_) => return true,
            Err(other) => now = other,
        }
    }
    false
}
