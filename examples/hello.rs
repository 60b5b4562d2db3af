//! The first server: it greets each client, and hangs up.
//!
//! ```sh
//! cargo run --example hello
//! nc 127.0.0.1 8080
//! ```

use ayi::io::AsyncWriteExt;
use ayi::net::TcpListener;
use std::net::SocketAddr;

#[ayi::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(address_from_args()).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, peer) = listener.accept().await?;
        // Each client has a task of its own, so a slow one keeps nobody waiting. The stream belongs to the task, so the
        // connection ends with it.
        ayi::spawn(async move { stream.write_all(format!("hello, {peer}\n").as_bytes()).await });
    }
}

fn address_from_args() -> SocketAddr {
    let mut args = std::env::args().skip(1);
    let address = args.next().as_deref().unwrap_or("127.0.0.1:8080").parse();
    match (address, args.next()) {
        (Ok(address), None) => address,
        _ => {
            eprintln!("usage: hello [IP:PORT]    (without: 127.0.0.1:8080; port 0: any that is free)");
            std::process::exit(2)
        }
    }
}
