//! The server of `examples/http` without its `main`: its modules are the example's files, which expect to find each
//! other and [`Server`] at the root of a crate.

#[path = "../../../examples/http/args.rs"]
#[allow(dead_code, reason = "there is no command line here")]
mod args;
#[path = "../../../examples/http/body.rs"]
mod body;
#[path = "../../../examples/http/connection.rs"]
mod connection;
#[path = "../../../examples/http/input.rs"]
mod input;
#[path = "../../../examples/http/request.rs"]
mod request;
#[path = "../../../examples/http/response.rs"]
mod response;
#[path = "../../../examples/http/routes.rs"]
mod routes;

use args::Limits;
use ayi::net::TcpStream;
use ayi::time::Duration;
use std::sync::atomic::AtomicBool;

/// The same as in the example's `main`.
struct Server {
    limits: Limits,
    is_stopping: AtomicBool,
}

/// Serves one client, with the limits that the example has by default.
pub async fn serve(stream: TcpStream) {
    let [header, body, idle, drain, stop] = [10, 30, 60, 0, 15].map(Duration::from_secs);
    let limits = Limits { header, body, idle, drain, stop };
    let server = Server { limits, is_stopping: AtomicBool::new(false) };
    connection::serve(&server, stream).await;
}
