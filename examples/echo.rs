//! An echo server: it sends back what a client sends. One task per connection.
//!
//! ```sh
//! cargo run --features signal --example echo
//! nc 127.0.0.1 7000
//! ```
//!
//! On SIGTERM or Ctrl-C it sends back what it has read, and ends.

use ayi::io::AsyncWriteExt;
use ayi::net::{TcpListener, TcpStream};
use ayi::time::{Duration, timeout};
use ayi::{runtime, signal};
use cli::{Context, Failure};
use std::io;
use std::net::Shutdown;

const USAGE: &str = "usage: echo [HOST:PORT]    (without: 127.0.0.1:7000; port 0: any that is free)";

/// The time at the end for all clients to take what belongs to them, ...
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// ... and for one to close the connection, when it has been sent everything.
const LINGER: Duration = Duration::from_secs(2);

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let address = cli::address(USAGE, "127.0.0.1:7000");
    // It listens from here on: a signal that comes before we wait for it is kept.
    let mut termination = signal::termination()?;
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
    println!("listening on {}", listener.local_addr()?);
    ayi::select! {
        error = accept(listener) => return Ok(error?),
        _ = termination.recv() => {}
    }
    // `accept` was dropped, and the listener with it. Now the connections are told to end, and waited for.
    let report = runtime::shutdown(STOP_TIMEOUT).await;
    if !report.is_clean() {
        eprintln!("{report}");
    }
    Ok(())
}

async fn accept(listener: TcpListener) -> io::Result<()> {
    loop {
        // If there is no room for another connection, `accept` waits until there is. An error of `accept` concerns the
        // listener itself, so the server ends.
        let (stream, peer) = listener.accept().await?;
        ayi::spawn(async move {
            // An error, for example because the client has vanished, ends this task and concerns no other.
            if let Err(error) = echo(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    // Small answers leave at once, instead of waiting for the client to confirm the previous one.
    stream.set_nodelay(true)?;
    let stopping = runtime::shutdown_token();
    let mut buffer = [0; 8 * 1024];
    // Only a read is ever broken off, never a write.
    while let Some(read) = stopping.run_until_cancelled(stream.read(&mut buffer)).await {
        let n = read?;
        // The client sends no more, but may still read: `nc -N` does so. It has been sent everything, and dropping the
        // stream closes the connection.
        if n == 0 {
            return Ok(());
        }
        // While a client does not read, this waits. Nothing more is read from it then, and TCP makes it wait too. So it
        // can make us hold no more than one buffer.
        stream.write_all(&buffer[..n]).await?;
    }
    // Closing with unread bytes would reset the connection, and what is on its way to the client would be lost.
    stream.shutdown_now(Shutdown::Write)?;
    let _ = timeout(LINGER, async { while let Ok(1..) = stream.read(&mut buffer).await {} }).await;
    Ok(())
}
