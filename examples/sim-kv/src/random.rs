//! Random numbers, from the keys that std draws for its hash maps.

use ayi::time::Duration;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

pub fn number() -> u64 {
    RandomState::new().hash_one(0)
}

pub fn duration(range: &Range<Duration>) -> Duration {
    let width = (range.end - range.start).as_nanos() as u64;
    range.start + Duration::from_nanos(number() % width.max(1))
}
