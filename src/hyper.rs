//! What [hyper](https://docs.rs/hyper) asks of a runtime: an executor and a timer.
//!
//! hyper reads and writes ayi's streams as they are. TCP and Unix streams, their halves, pipes,
//! [`io::duplex`](crate::io::duplex()), files, the pipes of children and the standard streams implement
//! [`hyper::rt::Read`](ayi_io::families::hyper::rt::Read) and `Write`, without a wrapper and without initialising hyper's
//! buffers. [`Io`] is for streams that have ayi's traits alone, for example your own. A stream with the traits of
//! `futures-io`, such as a TLS stream of `futures-rustls`, goes into [`io::FuturesIo`](crate::io).
//!
//! Connections and their tasks stay on one thread, so services and bodies need not be `Send`.
//!
//! In tokio: `hyper_util::rt::{TokioExecutor, TokioTimer, TokioIo}`.

#[doc(inline)]
pub use ayi_hyper::*;
