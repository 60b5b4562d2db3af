//! Echo on every core, and the two ways to get connections there.
//!
//! ```text
//!   without:      each core listens          the kernel deals, by a hash of the addresses: costs nothing, is blind
//!   --balanced:   one core accepts           and hands each connection to the core that has the fewest
//! ```
//!
//! ```sh
//! cargo run --release --features signal --example cores -- --balanced
//! nc 127.0.0.1 7000
//! ```
//!
//! Wherever a connection begins, it moves to a core that has nothing to do while its own is busy. When the server ends, on
//! Ctrl-C or `SIGTERM`, each core says how many connections began there.

use ayi::io::AsyncWriteExt;
use ayi::net::{TcpListener, TcpSocket, TcpStream};
use ayi::runtime::{Builder, Core, Handle, shutdown, shutdown_token};
use ayi::signal::termination;
use ayi::time::Duration;
use cli::{Context, Failure, Long, Value};
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

const USAGE: &str = "\
usage: cores [HOST:PORT] [--cores N] [--balanced]    (without: 127.0.0.1:7000, all cores)
  --cores N     how many threads, each with a runtime
  --balanced    one core accepts, and hands each connection to the core that has the fewest";

/// How long clients have, when the server is to end, to take what was sent to them.
const LIMIT: Duration = Duration::from_secs(5);

thread_local! {
    /// A core is a thread, so each core has its own, and it is no atomic.
    static BEGUN: Cell<usize> = const { Cell::new(0) };
}

fn main() -> Result<(), Failure> {
    let args = Args::read();
    let cores = match args.cores {
        Some(cores) => cores,
        None => available_parallelism()?.get(),
    };
    // This comes before any core begins: either all listen or none does, and no signal is missed that comes after we
    // have said so.
    let cannot = || format!("cannot listen on {}", args.address);
    let first = listen(cli::resolve(&args.address)?).context(cannot())?;
    let address = first.local_addr()?;
    let mut parts = vec![(Some(first), termination()?)];
    for _ in 1..cores {
        let listener = if args.is_balanced { None } else { Some(listen(address).context(cannot())?) };
        parts.push((listener, termination()?));
    }
    println!("listening on {address}");

    let parts = Mutex::new(parts);
    Builder::new_current_thread().cores(cores).try_run(async |core| {
        let part = parts.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (listener, mut termination) = part.expect("there is one for each core");
        ayi::select! {
            result = accept(&core, listener, args.is_balanced) => return result,
            _ = termination.recv() => {}
        }
        let report = shutdown(LIMIT).await;
        if !report.is_clean() {
            eprintln!("core {}: {report}", core.index());
        }
        println!("core {}: {} connections", core.index(), BEGUN.get());
        Ok(())
    })?;
    Ok(())
}

/// Another socket with the same address gets its share of the connections, if it has this option too.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept(core: &Core, listener: Option<TcpListener>, is_balanced: bool) -> io::Result<()> {
    // If one core accepts for all, the others wait for tasks.
    let Some(listener) = listener else { return pending().await };
    loop {
        let (stream, _) = listener.accept().await?;
        // However it is spawned, its task is mobile: it goes to a core that has nothing to do while this one is busy.
        match is_balanced {
            true => drop(core.spawn_balanced(serve(stream))),
            false => drop(Handle::current().spawn(serve(stream))),
        }
    }
}

async fn serve(stream: TcpStream) {
    BEGUN.set(BEGUN.get() + 1);
    // An error, for example because the client has vanished, concerns no other connection.
    let _ = shutdown_token().run_until_cancelled(echo(stream)).await;
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

struct Args {
    address: String,
    cores: Option<usize>,
    is_balanced: bool,
}

impl Args {
    fn read() -> Args {
        cli::read(USAGE, |args| {
            let (mut address, mut cores, mut is_balanced) = (None, None, false);
            while let Some(arg) = args.next()? {
                match arg {
                    Long("balanced") => is_balanced = true,
                    Long("cores") => cores = Some(cli::positive(args)?),
                    Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                    _ => return Err(arg.unexpected()),
                }
            }
            Ok(Args { address: address.unwrap_or_else(|| "127.0.0.1:7000".into()), cores, is_balanced })
        })
    }
}
