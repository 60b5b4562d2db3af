//! Reading and writing: the traits, their methods, buffers, and streams in memory. Users take the façade crate `ayi`,
//! which re-exports all of this as `ayi::io`.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]
