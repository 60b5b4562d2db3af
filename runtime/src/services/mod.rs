//! What a runtime does besides running tasks: it lives in the loop as a lodger, or on threads of its own.

pub(crate) mod afar;
pub(crate) mod afar_timer;
pub(crate) mod background;
pub(crate) mod blocked_on;
pub(crate) mod blocking;
pub(crate) mod blocks;
pub(crate) mod cancellation;
pub(crate) mod coop;
pub(crate) mod crew;
pub(crate) mod crowd;
pub(crate) mod departures;
pub(crate) mod drives;
pub(crate) mod elsewhere;
pub(crate) mod everywhere;
#[cfg(faults)]
pub mod faults;
pub(crate) mod guests;
pub(crate) mod here;
pub(crate) mod home;
pub(crate) mod kinds;
pub(crate) mod lending;
pub(crate) mod moves;
pub(crate) mod near;
pub(crate) mod nested;
pub(crate) mod next;
pub(crate) mod origin;
#[cfg(any(feature = "uring", all(test, loom)))]
pub(crate) mod parcel;
pub(crate) mod places;
#[cfg(feature = "uring")]
pub(crate) mod proactor;
#[cfg(not(loom))]
pub(crate) mod process;
pub(crate) mod punctual;
pub(crate) mod ring;
pub(crate) mod shared;
pub(crate) mod sharing;
#[cfg(feature = "sim")]
pub mod simulation;
pub(crate) mod soon;
pub(crate) mod sources;
pub(crate) mod stay;
#[cfg(feature = "uring")]
pub mod uring;
