//! An echo server: what a client sends, it gets back. One task per connection.
//!
//! ```sh
//! cargo run --example echo
//! nc 127.0.0.1 7000
//! ```

use ayi::io::AsyncWriteExt;
use ayi::net::{TcpListener, TcpStream};
use std::io;
use std::net::SocketAddr;

#[ayi::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(address_from_args()).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        // Where there is no room for another connection, `accept` waits until there is. What it returns as an
        // error concerns the listener itself, so the server ends.
        let (stream, peer) = listener.accept().await?;
        ayi::spawn(async move {
            // An error, say because the client has vanished, ends this task and concerns no other.
            if let Err(error) = echo(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    // Small answers leave at once, instead of waiting for the client to confirm the one before.
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8 * 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        // The client sends no more, but may still read: `nc -N` does so. It has been sent all, and dropping the
        // stream closes the connection.
        if n == 0 {
            return Ok(());
        }
        // While a client does not read, this waits; then nothing more is read from it, and TCP makes it wait
        // too. So it can make us hold no more than one buffer.
        stream.write_all(&buffer[..n]).await?;
    }
}

fn address_from_args() -> SocketAddr {
    let mut args = std::env::args().skip(1);
    let address = args.next().as_deref().unwrap_or("127.0.0.1:7000").parse();
    match (address, args.next()) {
        (Ok(address), None) => address,
        _ => {
            eprintln!("usage: echo [IP:PORT]    (without: 127.0.0.1:7000; port 0: any that is free)");
            std::process::exit(2)
        }
    }
}
