//! HTTP/1 and HTTP/2 on the [`ayi`](https://docs.rs/ayi) runtime, for axum's routers and any other service of `tower` or
//! `hyper`. Users take the façade crate `ayi`, which has all of this as `ayi::serve`.
//!
//! ```text
//!   Listener ──▶ handshake (TLS, if there is one) ──▶ Http::serve_connection ──▶ your Service, for each request
//!   └─ serve(): a task per connection, until it is told to stop; then waits for them
//! ```
//!
//! Invariants, which `ayi::serve` promises to its users:
//! 1. Nothing that one client does, or leaves undone, holds up another: a handshake runs in the connection's task, and
//!    has a time limit.
//! 2. When the server is told to stop, a request whose head has been read is still answered, unless the time limit is
//!    over.
//! 3. When [`serve`] returns by itself, no connection is open.
//! 4. A client without a request cannot hold up the end: it is told to go, and cut after ten seconds.
//! 5. An error is told once: [`serve`] returns it if it ends the server, and the hook gets it otherwise.

#![forbid(unsafe_code)]

mod connect_info;
mod error;
mod http;
mod limits;
mod listener;
mod open;
mod serve;
mod timeout_body;
mod tracked;
mod watched;
mod work;

pub use error::{ServeError, Stage};
pub use http::Http;
pub use listener::Listener;
pub use serve::{Serve, serve};
pub use timeout_body::TimeoutBody;

/// An error of a connection, or of the body of a response.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
