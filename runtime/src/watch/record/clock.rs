//! The time of events: the processor's counter where it can be trusted, 11 ns a reading on a virtual machine and less
//! elsewhere, or else the system's clock, 25 ns.
//!
//! On a thread where a simulation decides, it is the simulation's time: a tick is a nanosecond, and 0 its beginning.
//!
//! Invariant: the counter is trusted only if the kernel itself tells the time by it. Then it runs at one speed on all
//! processors, also while they sleep.

use std::sync::OnceLock;
use std::time::{Duration, Instant, UNIX_EPOCH};

#[cfg(feature = "sim")]
pub(super) use crate::watch::simulated;

/// What there is instead of a simulation.
#[cfg(not(feature = "sim"))]
pub(super) mod simulated {
    #[inline]
    pub(crate) fn now() -> Option<u64> {
        None
    }

    #[inline]
    pub(crate) fn begin() -> Option<u64> {
        None
    }
}

/// The moment from which all runtimes of the process count.
struct Base {
    has_counter: bool,
    ticks: u64,
    instant: Instant,
    unix: Duration,
}

static BASE: OnceLock<Base> = OnceLock::new();

fn base() -> &'static Base {
    BASE.get_or_init(|| {
        let has_counter = kernel_trusts_the_counter();
        let instant = Instant::now();
        let ticks = if has_counter { counter() } else { 0 };
        let unix = UNIX_EPOCH.elapsed().unwrap_or_default();
        Base { has_counter, ticks, instant, unix }
    })
}

fn kernel_trusts_the_counter() -> bool {
    let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    cfg!(target_arch = "x86_64") && std::fs::read_to_string(source).is_ok_and(|name| name.trim() == "tsc")
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn counter() -> u64 {
    // SAFETY: every x86-64 processor has the instruction. Linux lets user space use it, unless a program has itself
    // forbidden that by prctl(2), which ends it with a signal.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> u64 {
    unreachable!("the kernel trusts a counter that this processor does not have")
}

/// How the ticks are read. A copy of it is kept where they are read often.
#[derive(Clone, Copy)]
pub(super) struct Ticks {
    has_counter: bool,
    is_simulated: bool,
    base: u64,
}

impl Ticks {
    pub(super) fn new() -> Ticks {
        if simulated::now().is_some() {
            return Ticks { has_counter: false, is_simulated: true, base: 0 };
        }
        let base = base();
        Ticks { has_counter: base.has_counter, is_simulated: false, base: base.ticks }
    }

    #[inline]
    pub(super) fn now(self) -> u64 {
        if self.has_counter { counter().wrapping_sub(self.base) } else { self.slow_now() }
    }

    /// A simulated runtime may be looked at from a thread without a simulation. There it is not known what time it is.
    #[cold]
    fn slow_now(self) -> u64 {
        if self.is_simulated { simulated::now().unwrap_or(0) } else { nanos_since_base() }
    }

    pub(super) fn are_of_the_system(self) -> bool {
        !self.has_counter && !self.is_simulated
    }

    pub(super) fn are_simulated(self) -> bool {
        self.is_simulated
    }
}

#[cold]
fn nanos_since_base() -> u64 {
    base().instant.elapsed().as_nanos() as u64
}

/// Turns ticks into nanoseconds, by what both clocks say now.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    ticks: u64,
    nanos: u64,
}

impl Rate {
    /// Compares the clocks. The base must be some time ago, since a reading is some 20 ns off: if it is not, this waits.
    pub(super) fn now() -> Rate {
        let base = base();
        while base.instant.elapsed() < Duration::from_micros(500) {
            std::hint::spin_loop();
        }
        let nanos = nanos_since_base();
        let ticks = if base.has_counter { counter().wrapping_sub(base.ticks) } else { nanos };
        Rate { ticks: ticks.max(1), nanos }
    }

    /// Simulated time, whose ticks are nanoseconds, at `now`.
    pub(super) fn of_nanos(now: u64) -> Rate {
        Rate { ticks: now.max(1), nanos: now.max(1) }
    }

    pub(super) fn nanos(self, ticks: u64) -> u64 {
        (u128::from(ticks) * u128::from(self.nanos) / u128::from(self.ticks)) as u64
    }

    /// The time at which the clocks were compared.
    pub(super) fn compared_at(self) -> u64 {
        self.nanos
    }
}

/// Returns the base in nanoseconds since 1970.
pub(super) fn base_in_unix_time() -> u64 {
    simulated::begin().unwrap_or_else(|| base().unix.as_nanos() as u64)
}

/// Returns when `instant` was, in nanoseconds since the base; 0 for what was before. In a simulation it is taken to be now:
/// to read the host's clock would be a part of the run.
pub(super) fn nanos_of(instant: crate::core::wait::Instant) -> u64 {
    if let Some(now) = simulated::now() {
        return now;
    }
    let now = crate::core::wait::Clock::REAL.now();
    nanos_since_base().saturating_sub(now.nanos_since(instant))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Rate, Ticks};
    use std::time::{Duration, Instant};

    #[test]
    fn ticks_are_turned_into_the_time_of_the_system() {
        let ticks = Ticks::new();
        let (start, first) = (Instant::now(), ticks.now());
        while start.elapsed() < Duration::from_millis(5) {}
        let (took, last) = (start.elapsed().as_nanos() as u64, ticks.now());
        let rate = Rate::now();
        let counted = rate.nanos(last) - rate.nanos(first);
        // Whoever is interrupted between two readings sees a difference, in one direction.
        assert!(counted + 1_000_000 > took && rate.nanos(last) <= rate.compared_at(), "{counted} of {took}");
    }
}
