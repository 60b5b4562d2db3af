//! The server of `examples/http` on a simulated network, with hyper's client: whatever the network does, an answer is the
//! one to its request.

// The simulated kernel takes the places of functions in which AddressSanitizer looks.
#![cfg(not(uncached))]
// The modules of the server, whose own `main` reads the command line and waits for signals.
#![allow(dead_code)]

#[path = "../examples/http/args.rs"]
mod args;
#[path = "../examples/http/body.rs"]
mod body;
#[path = "../examples/http/connection.rs"]
mod connection;
#[path = "../examples/http/input.rs"]
mod input;
#[path = "../examples/http/request.rs"]
mod request;
#[path = "../examples/http/response.rs"]
mod response;
#[path = "../examples/http/routes.rs"]
mod routes;

use args::Limits;
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep, timeout};
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

ayi::sim::kernel!();

/// What the connections share, as in the server's `main`.
struct Server {
    limits: Limits,
    is_stopping: AtomicBool,
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let [header, body, idle, drain, stop] = [10, 30, 60, 0, 15].map(Duration::from_secs);
    let limits = Limits { header, body, idle, drain, stop };
    let server = Arc::new(Server { limits, is_stopping: AtomicBool::new(false) });
    loop {
        let (stream, _) = listener.accept().await?;
        let server = server.clone();
        ayi::spawn(async move { connection::serve(&server, stream).await });
    }
}

type AnyError = Box<dyn std::error::Error>;

async fn connect() -> Result<SendRequest<String>, AnyError> {
    let stream = TcpStream::connect("server:80").await?;
    let (client, connection) = handshake(ayi::hyper::Io(stream)).await?;
    ayi::spawn(async move { drop(connection.await) });
    Ok(client)
}

async fn read(body: Incoming) -> Result<Vec<u8>, AnyError> {
    let (mut body, mut all) = (pin!(body), Vec::new());
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            all.extend_from_slice(&data);
        }
    }
    Ok(all)
}

/// Sends a text and gets it back, or the error of a connection.
async fn echo(client: &mut SendRequest<String>, text: &str) -> Result<(), AnyError> {
    client.ready().await?;
    let request = Request::post("/echo").header("host", "server").body(text.to_owned())?;
    let response = client.send_request(request).await?;
    assert_eq!(response.status(), 200);
    assert_eq!(read(response.into_body()).await?, text.as_bytes());
    Ok(())
}

async fn client(number: u32) {
    let mut connection = None;
    let mut sent = 0;
    while sent < 50 {
        let text = format!("{number}: {}", "tea ".repeat(sent * 40));
        let asked = async {
            let client = match &mut connection {
                Some(client) => client,
                None => connection.insert(connect().await?),
            };
            echo(client, &text).await
        };
        match timeout(Duration::from_secs(2), asked).await {
            Ok(Ok(())) => sent += 1,
            // The connection is of no use any more, and the request may be sent again.
            Ok(Err(_)) | Err(_) => connection = None,
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[ayi::sim_test(seeds = 60)]
fn answers_belong_to_their_requests(sim: &Sim) -> Result<(), Failure> {
    sim.host("server", serve);
    for number in 0..3 {
        sim.client(format!("client-{number}"), move || client(number));
    }
    let faults = Faults::new(["server"]).crashes().kills().pauses().partitions().slow_hosts().resets();
    sim.faults(faults.until(Duration::from_secs(6)).every(Duration::from_secs(1)));
    sim.run()
}
