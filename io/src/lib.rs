//! Reading and writing: the traits, their methods, buffers, and streams in memory. Users take the façade crate `ayi`,
//! which re-exports all of this as `ayi::io`.
//!
//! Reading order: `read_buf` and `append`, the only unsafe code; the traits `async_read`, `async_write`,
//! `async_buf_read` and `async_seek`; `charged`, by which every method gives way to other tasks; then any of the others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod append;
mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod chain;
mod charged;
mod read_buf;
mod read_ext;
mod take;
mod text;
pub mod unix;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use chain::Chain;
pub use read_buf::ReadBuf;
pub use read_ext::AsyncReadExt;
pub use take::Take;
