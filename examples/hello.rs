//! The first server: it greets each client, and hangs up.
//!
//! ```sh
//! cargo run --example hello
//! nc 127.0.0.1 8080
//! ```

use ayi::io::AsyncWriteExt;
use ayi::net::TcpListener;
use cli::{Context, Failure};

const USAGE: &str = "usage: hello [HOST:PORT]    (without: 127.0.0.1:8080; port 0: any that is free)";

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let address = cli::address(USAGE, "127.0.0.1:8080");
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, peer) = listener.accept().await?;
        // Each client has a task of its own, so a slow one keeps nobody waiting. The stream belongs to the task, so the
        // connection ends with it.
        ayi::spawn(async move { stream.write_all(format!("hello, {peer}\n").as_bytes()).await });
    }
}
