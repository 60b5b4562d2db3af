//! The proactor as the loop sees it.
//!
//! Nothing is borrowed while a waker runs or resources are dropped.

use crate::core::counters::Count;
use crate::core::foreign;
use crate::core::task::Scheduler;
use crate::services::parcel::settle;
use crate::services::proactor::Proactor;
use std::cell::{Cell, RefCell, RefMut};
#[cfg(feature = "record")]
use std::task::Waker;
use std::time::Duration;

/// How long the end of a runtime waits for the kernel to be done with operations that it has cancelled. A disk that
/// does not answer may keep one for longer; then its buffers are leaked.
const GRACE: Duration = Duration::from_secs(2);

/// The environment variable that turns io_uring off if it is `0`.
const SWITCH: &str = "AYI_IO_URING";

/// A runtime's place for the proactor.
pub(crate) struct RingPlace {
    scheduler: &'static Scheduler,
    ring: RefCell<Ring>,
    /// Whether the ring has been made.
    is_made: Cell<bool>,
    /// Another thread runs the worker for a while, and the ring stays with its own.
    is_lent: Cell<bool>,
}

enum Ring {
    /// There has been no operation so far.
    Unused {
        is_wanted: bool,
    },
    Made(Box<Proactor>),
    /// The system, the builder or the environment has refused the ring, for as long as the runtime lives.
    Refused,
}

impl RingPlace {
    pub(crate) fn new(scheduler: &'static Scheduler, is_wanted: bool) -> RingPlace {
        RingPlace {
            scheduler,
            ring: RefCell::new(Ring::Unused { is_wanted }),
            is_made: Cell::new(false),
            is_lent: Cell::new(false),
        }
    }

    /// Shows the wakers of all who wait for an operation. `f` must not run foreign code.
    #[cfg(feature = "record")]
    pub(crate) fn each_waker(&self, f: impl FnMut(&Waker)) {
        if let Ring::Made(proactor) = &*self.ring.borrow() {
            proactor.each_waker(f);
        }
    }

    /// Returns the proactor, and makes it if there is none yet. Returns `None` if the ring is refused.
    pub(crate) fn proactor(&self) -> Option<RefMut<'_, Proactor>> {
        if self.is_lent.get() {
            return None;
        }
        let mut ring = self.ring.borrow_mut();
        if let Ring::Unused { is_wanted } = *ring {
            *ring = if is_wanted { self.make_ring() } else { Ring::Refused };
            let state = if let Ring::Made(_) = *ring { RING_IN_USE } else { RING_REFUSED };
            self.is_made.set(state == RING_IN_USE);
            self.scheduler.counters.set(Count::Ring, state);
        }
        made(ring)
    }

    #[cold]
    fn make_ring(&self) -> Ring {
        if std::env::var_os(SWITCH).is_some_and(|value| value == "0") {
            return Ring::Refused;
        }
        let made = Proactor::new(self.scheduler.bell.raw());
        made.map_or(Ring::Refused, |proactor| Ring::Made(Box::new(proactor)))
    }

    /// Returns the proactor, if it has been made. This is called several times a turn, even in programs without files.
    #[inline]
    pub(crate) fn made_proactor(&self) -> Option<RefMut<'_, Proactor>> {
        if self.is_made.get() && !self.is_lent.get() { made(self.ring.borrow_mut()) } else { None }
    }

    /// Returns whether [`take_turn`](Self::take_turn) has anything to do.
    #[inline]
    pub(crate) fn wants_turn(&self) -> bool {
        self.made_proactor().is_some_and(|mut proactor| proactor.wants_to_enter())
    }

    /// Returns whether operations run, whose results may wake tasks.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.made_proactor().is_some_and(|proactor| proactor.is_busy())
    }

    /// Returns whether there is an operation whose result has not been taken.
    pub(crate) fn has_operations(&self) -> bool {
        self.made_proactor().is_some_and(|proactor| proactor.has_operations())
    }

    /// Submits what tasks have asked for since the last time, and wakes the tasks whose operations are completed. It
    /// does nothing if there is no such operation.
    #[inline]
    pub(crate) fn take_turn(&self) {
        if self.wants_turn() {
            self.enter_now();
        }
    }

    #[inline(never)]
    fn enter_now(&self) {
        let Some(mut proactor) = self.made_proactor() else { return };
        let entered = proactor.enter();
        let mut others = std::mem::take(&mut proactor.others);
        let mut abandoned = std::mem::take(&mut proactor.abandoned);
        drop(proactor);
        entered.expect("io_uring_enter fails only if something has closed the runtime's descriptors");
        // Wakers and resources are foreign code.
        others.drain(..).for_each(foreign::wake);
        abandoned.drain(..).for_each(settle);
        // The vectors are put back, to keep their memory. Nobody has entered the ring meanwhile.
        if let Some(mut proactor) = self.made_proactor() {
            (proactor.others, proactor.abandoned) = (others, abandoned);
        }
    }

    /// The runtime has come to another thread, and its ring is that of the one before. It has no operations. The next one
    /// makes a new ring.
    pub(crate) fn renew(&self) {
        if self.is_made.replace(false) {
            self.ring.replace(Ring::Unused { is_wanted: true });
        }
    }

    pub(crate) fn set_lent(&self, is_lent: bool) {
        self.is_lent.set(is_lent);
    }

    pub(crate) fn shut_down(&self, runtime: u64) {
        self.is_made.set(false);
        let ring = self.ring.replace(Ring::Refused);
        let Ring::Made(mut proactor) = ring else { return };
        proactor.shut_down(runtime, GRACE);
        let others = std::mem::take(&mut proactor.others);
        let abandoned = std::mem::take(&mut proactor.abandoned);
        drop(proactor);
        others.into_iter().for_each(foreign::wake);
        abandoned.into_iter().for_each(settle);
    }
}

/// The values of [`Count::Ring`]. It is 0 if nobody has wanted the ring.
pub(crate) const RING_IN_USE: u64 = 1;
pub(crate) const RING_REFUSED: u64 = 2;

fn made(ring: RefMut<'_, Ring>) -> Option<RefMut<'_, Proactor>> {
    RefMut::filter_map(ring, |ring| match ring {
        Ring::Made(proactor) => Some(&mut **proactor),
        _ => None,
    })
    .ok()
}
