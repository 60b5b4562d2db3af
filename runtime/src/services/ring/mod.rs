//! What lodges in the loop: the proactor, with its ring of io_uring. It is made when it is first wanted, it has its turn
//! once in each of the loop's, and it ends with the runtime.
//!
//! The loop calls it in any case. Without the feature `uring` there is nobody, and the calls do nothing: `none`. So the
//! loop does not ask for the feature.

#[cfg(feature = "uring")]
mod made;
#[cfg(not(feature = "uring"))]
mod none;

#[cfg(feature = "uring")]
pub(crate) use made::settle;
#[cfg(feature = "uring")]
pub(crate) use made::{RING_IN_USE, RingPlace};
#[cfg(not(feature = "uring"))]
pub(crate) use none::RingPlace;
