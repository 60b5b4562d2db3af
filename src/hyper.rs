//! What [hyper](https://docs.rs/hyper) asks of a runtime: an executor and a timer.
//!
//! hyper reads and writes ayi's streams as they are. TCP and Unix streams, their halves, pipes,
//! [`io::duplex`](crate::io::duplex()), files, the pipes of children and the standard streams implement
//! [`hyper::rt::Read`] and [`hyper::rt::Write`], without a wrapper and without initialising hyper's
//! buffers. [`FuturesIo`] is for the streams of other crates, for example a TLS stream.
//!
//! Connections and their tasks stay on one thread, so services and bodies need not be `Send`.
//!
//! In tokio: `hyper_util::rt::{TokioExecutor, TokioTimer, TokioIo}`.

#[doc(inline)]
pub use ayi_hyper::*;
