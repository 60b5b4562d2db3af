//! Reading and writing: the traits, their methods, buffers, and streams in memory. Users take the façade crate `ayi`,
//! which re-exports all of this as `ayi::io`.
//!
//! Reading order: `read_buf` and `append`, which have the unsafe code; the traits `async_read`, `async_write`,
//! `async_buf_read` and `async_seek`; `charged`, by which every method gives way to other tasks; then any of the
//! others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod append;
mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod buf_read_ext;
mod buf_reader;
mod buf_stream;
mod buf_writer;
mod chain;
mod charged;
mod copy;
mod duplex;
mod endless;
#[doc(hidden)]
pub mod families;
#[cfg(feature = "futures-io")]
mod futures_io;
mod join;
mod read_buf;
mod read_ext;
mod seek_ext;
mod split;
mod take;
mod text;
mod timeout_stream;
pub mod unix;
mod write_buffer;
mod write_ext;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use buf_read_ext::{AsyncBufReadExt, Lines, Split};
pub use buf_reader::BufReader;
pub use buf_stream::BufStream;
pub use buf_writer::BufWriter;
pub use chain::Chain;
pub use copy::{copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf};
pub use duplex::{DuplexStream, SimplexStream, duplex, simplex};
pub use endless::{Empty, Repeat, Sink, empty, repeat, sink};
#[cfg(feature = "futures-io")]
pub use futures_io::FuturesIo;
pub use join::{Join, join};
pub use read_buf::ReadBuf;
pub use read_ext::AsyncReadExt;
pub use seek_ext::AsyncSeekExt;
pub use split::{ReadHalf, WriteHalf, split};
pub use take::Take;
pub use timeout_stream::{TimeLimit, TimeoutStream};
pub use write_buffer::WriteBuffer;
pub use write_ext::AsyncWriteExt;
