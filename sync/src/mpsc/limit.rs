//! What limits the number of messages: permits, or nothing.

use crate::permits::Permits;

pub(super) trait Limit {
    /// Whether a message needs a permit.
    const HAS_PERMITS: bool;

    /// Gives `n` permits back.
    fn give_back(&self, n: usize);

    /// Gives out no more permits.
    fn close(&self);

    fn is_closed(&self) -> bool;

    /// Whether no permit is out.
    fn is_idle(&self) -> bool;
}

/// A number of permits.
pub(super) struct Bounded {
    pub(super) permits: Permits,
    pub(super) max: usize,
}

impl Limit for Bounded {
    const HAS_PERMITS: bool = true;

    #[inline]
    fn give_back(&self, n: usize) {
        self.permits.release(n);
    }

    fn close(&self) {
        self.permits.close();
    }

    fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    fn is_idle(&self) -> bool {
        self.permits.available() == self.max
    }
}

/// No limit.
pub(super) struct Unbounded;

impl Limit for Unbounded {
    const HAS_PERMITS: bool = false;

    #[inline]
    fn give_back(&self, _: usize) {}

    fn close(&self) {}

    fn is_closed(&self) -> bool {
        false
    }

    fn is_idle(&self) -> bool {
        true
    }
}
