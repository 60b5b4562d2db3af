//! What has been counted of a runtime, at some moment.

use crate::core::counters::{COUNTS, Count, Counters};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters as they were at some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures([u64; COUNTS]);

impl Default for Figures {
    fn default() -> Figures {
        Figures([0; COUNTS])
    }
}

impl Figures {
    pub(crate) fn get(&self, count: Count) -> u64 {
        self.0[count as usize]
    }
}

impl std::iter::Sum for Figures {
    fn sum<I: Iterator<Item = Figures>>(all: I) -> Figures {
        let add = |sum: Figures, other: Figures| {
            Figures(std::array::from_fn(|count| sum.0[count] + other.0[count]))
        };
        all.fold(Figures::default(), add)
    }
}

impl Default for Counters {
    fn default() -> Counters {
        Counters([const { AtomicU64::new(0) }; COUNTS])
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Figures {
        // Relaxed: see `add`.
        Figures(std::array::from_fn(|count| self.0[count].load(Relaxed)))
    }
}
