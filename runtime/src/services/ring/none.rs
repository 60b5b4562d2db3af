//! Without the feature `uring` there is no proactor.

use crate::core::task::Scheduler;

pub(crate) struct RingPlace;

impl RingPlace {
    pub(crate) fn new(_: &'static Scheduler, _is_wanted: bool) -> RingPlace {
        RingPlace
    }

    #[inline(always)]
    pub(crate) fn wants_turn(&self) -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn is_busy(&self) -> bool {
        false
    }

    pub(crate) fn has_operations(&self) -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn take_turn(&self) {}

    pub(crate) fn renew(&self) {}

    pub(crate) fn set_lent(&self, _is_lent: bool) {}

    pub(crate) fn shut_down(&self, _runtime: u64) {}
}
