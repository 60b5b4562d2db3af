//! What is made of whole runtimes.

pub(crate) mod cores;
#[cfg(feature = "record")]
pub(crate) mod dump;
pub(crate) mod shutdown;
