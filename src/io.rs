//! Reading and writing, and waiting for any file descriptor.
//!
//! Names and semantics are those of `tokio::io`, and so is the tree of modules. Each method of the extension traits is
//! charged to the [cooperative budget](crate::task::coop), over streams of any crate.
//!
//! ```
//! # #[ayi::main]
//! # async fn main() -> std::io::Result<()> {
//! use ayi::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
//! let (mut client, server) = duplex(64);
//! client.write_all(b"tea?\nor water?\n").await?;
//! client.shutdown().await?;
//! let mut lines = BufReader::new(server).lines();
//! while let Some(line) = lines.next_line().await? {
//!     println!("{line}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! ayi's own, besides: [`Registration`], which socket types are built on; [`TimeoutStream`], with limits for how long a
//! peer may take; [`WriteBuffer`], output with a bound. With the feature `stdio` there are `stdin`, `stdout` and
//! `stderr`.
//!
//! # Which stream has which traits
//!
//! A "yes" stands for ayi's trait and for that of each other family that has one: `futures-io` and `tokio`, with the
//! features of these names, and `hyper`, with the feature `hyper`. So crates that are written for one of these families
//! take the streams as they are. hyper has no traits for a buffer or a position.
//!
//! | stream | [`AsyncRead`] | [`AsyncWrite`] | [`AsyncBufRead`] | [`AsyncSeek`] |
//! |---|---|---|---|---|
//! | `TcpStream`, `UnixStream`, and references to them | yes | yes | – ¹ | – ² |
//! | `tcp::ReadHalf`, `unix::ReadHalf`, `OwnedReadHalf` | yes | – ³ | – ¹ | – ² |
//! | `tcp::WriteHalf`, `unix::WriteHalf`, `OwnedWriteHalf` | – ³ | yes | – | – ² |
//! | `pipe::Receiver`, and a reference to it | yes | – ³ | – ¹ | – ² |
//! | `pipe::Sender`, and a reference to it | – ³ | yes | – | – ² |
//! | `fs::File` | yes | yes | – ¹ | yes |
//! | `ChildStdin` | – ³ | yes | – | – ² |
//! | `ChildStdout`, `ChildStderr` | yes | – ³ | – ¹ | – ² |
//! | `Stdin` | yes | – ³ | – ¹ | – ² |
//! | `Stdout`, `Stderr` | – ³ | yes | – | – ² |
//! | `DuplexStream`, `SimplexStream` | yes | yes | – ¹ | – ² |
//! | `ReadHalf<S>` | as `S` | – ³ | – ¹ | – ² |
//! | `WriteHalf<S>` | – ³ | as `S` | – | – ² |
//! | `TimeoutStream<S>` | as `S` | as `S` | – ¹ | – ² |
//! | `Take<S>`, `Chain<S, S>` | as `S` | – ³ | as `S` | – ² |
//! | `BufReader<S>`, `BufStream<S>` | as `S` | as `S` | yes | as `S` |
//! | `BufWriter<S>` | as `S` | as `S` | as `S` | as `S` |
//! | `Join<S, S>` | as `S` | as `S` | as `S` | – ² |
//! | `Empty` | yes | yes | yes | yes |
//! | `Repeat` | yes | – ³ | – ¹ | – ² |
//! | `Sink` | – ³ | yes | – | – ² |
//!
//! 1. It has no buffer: put a [`BufReader`] around it.
//! 2. It has no position.
//! 3. It is one direction.
//!
//! A seek of `futures-io` is one step, where ayi's and tokio's are two. `fs::File` and `Empty` have it. A stream around another one
//! would have to remember whether the first step has been made, so those do not. Types of std, such as `&[u8]`,
//! `Vec<u8>` and `Cursor`, have ayi's traits, and of the others what their crates give them: a crate may implement only
//! its own traits for a type of std.
//!
//! A stream of another crate that has only the traits of `futures-io` becomes one of ayi's in `FuturesIo`, with the
//! feature `futures-io`.

pub use ayi_io::*;
#[cfg(feature = "stdio")]
#[doc(inline)]
pub use ayi_process::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
#[doc(inline)]
pub use ayi_runtime::io::{Interest, Ready, Registration};
#[doc(no_inline)]
pub use std::io::{Error, ErrorKind, Result, SeekFrom};
