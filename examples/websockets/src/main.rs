//! A chat over WebSockets, and the page for it: one server, one port.
//!
//! ```sh
//! cargo run -p websockets    # and open http://127.0.0.1:8080/ twice
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | accepts connections, and stops on Ctrl-C or `SIGTERM` |
//! | `http` | the first request of a connection: it gets the page, or becomes a WebSocket |
//! | `guest` | talks with one client: messages, pings, and why it ends |
//! | `room` | who is here, and what all of them hear |
//! | `page.html` | the client |
//!
//! A client's first message is its name, and each further one is said to all. It hears `name`, a tab, and the text;
//! without a name, the room speaks. A client that does not listen is disconnected. The number of clients is limited
//! (`--max-clients`); further ones wait. `async-tungstenite` knows the protocol of WebSockets, and works on the
//! `futures-io` traits, which ayi's streams have. None of its features that name a runtime is on.

mod guest;
mod http;
mod room;

use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::{shutdown, shutdown_token};
use ayi::signal::termination;
use ayi::sync::Semaphore;
use ayi::time::{Duration, timeout};
use cli::{Context, Failure, Long, Value};
use room::Room;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;

const USAGE: &str = "\
usage: websockets [HOST:PORT] [--ping MILLISECONDS] [--max-clients N]    (without: 127.0.0.1:8080, 20000, 10000)";

/// How long clients have, when the server is to end, to be told.
const LIMIT: Duration = Duration::from_secs(5);
/// How long to wait for a client to read the last of it.
const LINGER: Duration = Duration::from_secs(2);

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let args = Args::read();
    let mut termination = termination()?;
    let cannot = format!("cannot listen on {}", args.address);
    let listener = TcpListener::bind(&*args.address).await.context(cannot)?;
    println!("listening on {}", listener.local_addr()?);
    let room = Rc::new(Room::default());
    ayi::select! {
        result = accept(&listener, &room, &args) => return Ok(result?),
        _ = termination.recv() => {}
    }
    drop(listener);
    let report = shutdown(LIMIT).await;
    if !report.is_clean() {
        eprintln!("{report}");
    }
    Ok(())
}

async fn accept(listener: &TcpListener, room: &Rc<Room>, args: &Args) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(args.max_clients));
    let ping = args.ping;
    loop {
        // When all places are taken, further clients wait in the kernel's queue.
        let accepted = places.clone().acquire_owned_with(listener.accept()).await;
        let (place, accepted) = accepted.expect("nobody closes it");
        let (stream, _) = accepted?;
        let room = room.clone();
        ayi::spawn(async move {
            serve(room, Rc::new(stream), ping).await;
            drop(place);
        });
    }
}

async fn serve(room: Rc<Room>, stream: Rc<TcpStream>, ping: Duration) {
    // Messages are small, and should not wait until the client has confirmed the previous one.
    let _ = stream.set_nodelay(true);
    let first = shutdown_token().run_until_cancelled(http::answer(&stream)).await;
    if let Some(Some(socket)) = first {
        guest::talk(&room, &stream, socket, ping).await;
    }
    part(&stream).await;
}

/// Closes once the client has closed. Closing while there is something unread would make the system reset the
/// connection, and the client could lose what it was sent last.
async fn part(stream: &TcpStream) {
    if stream.shutdown_now(Shutdown::Write).is_err() {
        return;
    }
    let mut rest = [0; 1024];
    let drain = async { while let Ok(1..) = stream.read(&mut rest).await {} };
    let _ = timeout(LINGER, drain).await;
}

struct Args {
    address: String,
    ping: Duration,
    max_clients: usize,
}

impl Args {
    fn read() -> Args {
        cli::read(USAGE, |args| {
            let (mut address, mut ping, mut max_clients) = (None, Duration::from_secs(20), 10_000);
            while let Some(arg) = args.next()? {
                match arg {
                    Long("ping") => ping = Duration::from_millis(cli::positive(args)? as u64),
                    Long("max-clients") => max_clients = cli::positive(args)?,
                    Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                    _ => return Err(arg.unexpected()),
                }
            }
            Ok(Args { address: address.unwrap_or_else(|| "127.0.0.1:8080".into()), ping, max_clients })
        })
    }
}
