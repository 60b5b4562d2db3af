//! A TCP proxy: passes on the bytes of each connection, in both directions at once.
//!
//! ```sh
//! cargo run --features signal --example echo
//! cargo run --example proxy 127.0.0.1:7001 localhost:7000
//! nc 127.0.0.1 7001
//! ```

use ayi::io::copy;
use ayi::net::{TcpListener, TcpStream};
use ayi::time::{Duration, timeout};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

/// A target that does not answer at all would otherwise keep its client waiting for two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[ayi::main]
async fn main() -> io::Result<()> {
    let (address, target) = args();
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let target: Rc<str> = target.into();
    loop {
        let (client, peer) = listener.accept().await?;
        let target = target.clone();
        ayi::spawn(async move {
            // Both streams are dropped with this task, so a client whose target is down is hung up on.
            if let Err(error) = proxy(client, &target).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn proxy(client: TcpStream, target: &str) -> io::Result<()> {
    let server = timeout(CONNECT_TIMEOUT, TcpStream::connect(target)).await??;
    // The bytes come from programs that have decided when to send them, so they are passed on as they come.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // A stream reads and writes through a shared reference, and all tasks are on one thread. So an `Rc` lets two of
    // them use it, one for each direction.
    let (client, server) = (Rc::new(client), Rc::new(server));
    let upload = ayi::spawn(pass_on(client.clone(), server.clone()));
    let download = pass_on(server, client).await;
    upload.await?.and(download)
}

/// Copies until `from` ends, and then ends `to` in that direction. The other direction may go on for long.
async fn pass_on(from: Rc<TcpStream>, to: Rc<TcpStream>) -> io::Result<()> {
    let copied = copy(&mut &*from, &mut &*to).await;
    if copied.is_ok() {
        // This fails if the connection has broken. The other direction then meets that too, and reports it.
        let _ = to.shutdown_now(Shutdown::Write);
    } else {
        // One of the two is gone. This wakes the other direction, which may be waiting for the one that is not.
        let _ = from.shutdown_now(Shutdown::Both);
        let _ = to.shutdown_now(Shutdown::Both);
    }
    copied.map(drop)
}

fn args() -> (SocketAddr, String) {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_default().parse();
    match (address, args.next(), args.next()) {
        (Ok(address), Some(target), None) if target.contains(':') => (address, target),
        _ => {
            eprintln!("usage: proxy IP:PORT TARGET:PORT    (port 0 to listen on: any that is free)");
            std::process::exit(2)
        }
    }
}
