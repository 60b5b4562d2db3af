//! Reading and writing: the traits, their methods, buffers, and streams in memory. Users take the façade crate `ayi`,
//! which re-exports all of this as `ayi::io`.
//!
//! Reading order: `read_buf`, which has the unsafe code; the traits `async_read`, `async_write`, `async_buf_read` and
//! `async_seek`; then any of the others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod read_buf;
pub mod unix;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use read_buf::ReadBuf;
