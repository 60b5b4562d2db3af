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
use cli::{Context, Failure, Value};
use std::io;
use std::net::Shutdown;
use std::rc::Rc;

const USAGE: &str = "usage: proxy HOST:PORT TARGET:PORT    (port 0 to listen on: any that is free)";

/// A target that does not answer at all would otherwise keep its client waiting for two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let (address, target) = args();
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
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

async fn proxy(client: TcpStream, target: &str) -> Result<(), Failure> {
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(target)).await;
    let server =
        connected.unwrap_or_else(|late| Err(late.into())).context(format!("cannot connect to {target}"))?;
    // The bytes come from programs that have decided when to send them, so they are passed on as they come.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // A stream reads and writes through a shared reference, and all tasks are on one thread. So an `Rc` lets two of
    // them use it, one for each direction.
    let (client, server) = (Rc::new(client), Rc::new(server));
    let upload = ayi::spawn(pass_on(client.clone(), server.clone()));
    let download = pass_on(server, client).await;
    Ok(upload.await?.and(download)?)
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

/// Returns where to listen, and whom to connect to.
fn args() -> (String, String) {
    let (address, target) = cli::read(USAGE, |args| {
        let (mut address, mut target) = (None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                Value(text) if target.is_none() => target = Some(cli::host_port(&text)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((address, target))
    });
    (cli::needed(USAGE, address, "HOST:PORT"), cli::needed(USAGE, target, "TARGET:PORT"))
}
