//! The proactor as a lodger of the loop, with its ring of io_uring. It is made when it is first wanted, has one turn in
//! each turn of the loop, and ends with the runtime.
//!
//! The loop always calls it. Without the feature `uring` the calls do nothing: see `none`. So the loop does not depend
//! on the feature.

#[cfg(feature = "uring")]
mod made;
#[cfg(not(feature = "uring"))]
mod none;

#[cfg(feature = "uring")]
pub(crate) use made::{RING_IN_USE, RingPlace};
#[cfg(not(feature = "uring"))]
pub(crate) use none::RingPlace;
