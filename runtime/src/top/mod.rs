//! What is made of whole runtimes.

pub(crate) mod cores;
#[cfg(feature = "record")]
pub(crate) mod dump;
#[cfg(feature = "live")]
pub(crate) mod dumps;
pub(crate) mod shutdown;
