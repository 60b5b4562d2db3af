//! Serving HTTP/1 and HTTP/2: axum's routers, and any other service of `tower` or `hyper`.
//!
//! - [`serve()`] is the whole server; [`Serve`] has its settings.
//! - [`Http`] is what a connection is served with. Use it alone if you accept by yourself, for example to hand
//!   connections to other cores.
//! - [`TimeoutBody`] is for clients that send half of a body.
//! - [`Listener`] is where connections come from: a TCP or a Unix socket, or one of your own.
//!
//! # What is promised
//!
//! - Nothing that one client does, or leaves undone, holds up another: a handshake runs in the connection's task, and
//!   has a time limit.
//! - When the server is told to stop, a request whose head has been read is still answered, unless the time limit is
//!   over.
//! - When [`serve()`] returns by itself, no connection is open.
//! - A client without a request cannot hold up the end: it is told to go, and cut after ten seconds.
//! - An error is told once: [`serve()`] returns it if it ends the server, and the hook of [`Serve::on_error`] gets it
//!   otherwise.
//!
//! Everything stays on the thread of its runtime, so services, bodies and what they hold need not be `Send`. Handlers
//! of axum have to be `Send` nevertheless, because axum asks for it.
//! The server does not set `SO_KEEPALIVE`.
//!
//! In tokio: `axum::serve`, which is much like this, and hyper-util's `GracefulShutdown`.

#[doc(inline)]
pub use ayi_serve::*;
