//! What is made of whole runtimes.

pub(crate) mod cores;
pub(crate) mod shutdown;
