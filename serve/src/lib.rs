//! Serves HTTP/1 and HTTP/2 on ayi: axum's routers, and any other service of `tower` or `hyper`. (Feature `serve` of
//! `ayi`.)
//!
//! ```text
//!   Listener ──▶ handshake (TLS, if there is one) ──▶ Http::serve_connection ──▶ your Service, for each request
//!   └─ serve(): a task per connection, until it is told to stop; then waits for them
//! ```
//!
//! - [`serve`] is the whole server; [`Serve`] has its settings.
//! - [`Http`] is what a connection is served with. It is used alone where you accept by yourself, say to hand
//!   connections to other cores.
//! - [`TimeoutBody`] is for clients that send half of a body.
//! - [`Listener`] is where connections come from: a TCP or a Unix socket, or what you make of them.
//!
//! Invariants:
//! 1. Nothing that one client does, or leaves undone, holds up another: a handshake runs in the connection's task, and
//!    has a time limit.
//! 2. A request whose head has been read is answered, when the server is told to stop, unless the limit of time is over.
//! 3. When [`serve`] returns by itself, no connection is open.
//! 4. A client that has nothing under way cannot hold up the end: it is told to go, and cut after ten seconds.
//! 5. An error is told once: by what [`serve`] returns if it ends the server, and else to the hook.
//!
//! Everything stays on the thread of its runtime, so services, bodies and what they hold need not be `Send`. (axum's
//! handlers must be all the same: it asks for that itself.)
//!
//! Left out: `SO_KEEPALIVE`. Errors of connections concern the client that made them; [`Serve::on_error`] is told.
//! In tokio: `axum::serve`, which is much like this, and hyper-util's `GracefulShutdown`.

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

/// What may go wrong with a connection, and with the body of a response.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
