//! Clients that send requests without end, and count.

use ayi::io::AsyncWriteExt;
use ayi::net::TcpStream;
use ayi::task::JoinSet;
use ayi::time::{Duration, Instant, sleep, timeout};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause after a failure, so that there are not thousands of them.
const BREATH: Duration = Duration::from_millis(100);
/// The server takes 10 ms for the first. So something is always going on in each of them.
const REQUESTS: [(&str, &[u8]); 2] = [("/sleep/10", b"good morning\n"), ("/", b"hello\n")];

pub struct Load {
    tally: Rc<Tally>,
    clients: JoinSet<()>,
}

#[derive(Default)]
struct Tally {
    is_over: Cell<bool>,
    latencies: RefCell<Vec<Duration>>,
    failed: Cell<usize>,
}

impl Load {
    /// Starts the clients. Every fourth makes a new connection for each request; the others keep theirs.
    pub fn start(clients: usize, address: SocketAddr) -> Load {
        let mut load = Load { tally: Rc::default(), clients: JoinSet::new() };
        for number in 0..clients {
            let client = Client { address, keeps_alive: number % 4 != 3, connection: None };
            load.clients.spawn(client.run(load.tally.clone()));
        }
        load
    }

    pub fn failed(&self) -> usize {
        self.tally.failed.get()
    }

    /// Stops. Each client gets the answer that it waits for. Returns how long each request took, the shortest first.
    pub async fn stop(&mut self) -> Vec<Duration> {
        self.tally.is_over.set(true);
        while self.clients.join_next().await.is_some() {}
        let mut latencies = self.tally.latencies.take();
        latencies.sort_unstable();
        latencies
    }
}

struct Client {
    address: SocketAddr,
    keeps_alive: bool,
    connection: Option<TcpStream>,
}

impl Client {
    async fn run(mut self, tally: Rc<Tally>) {
        for (target, content) in REQUESTS.into_iter().cycle() {
            if tally.is_over.get() {
                break;
            }
            let start = Instant::now();
            let asked = timeout(PATIENCE, self.ask(target, content)).await;
            match asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(()) => tally.latencies.borrow_mut().push(start.elapsed()),
                // There is no second attempt: through the load balancer, none may be needed.
                Err(error) => {
                    eprintln!("a request has failed: {error}");
                    tally.failed.set(tally.failed.get() + 1);
                    sleep(BREATH).await;
                }
            }
        }
    }

    async fn ask(&mut self, target: &str, content: &[u8]) -> io::Result<()> {
        let stream = match self.connection.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).await?,
        };
        let connection = if self.keeps_alive { "" } else { "Connection: close\r\n" };
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{connection}\r\n", self.address);
        (&stream).write_all(request.as_bytes()).await?;
        let is_last = read_answer(&stream, content).await?;
        self.connection = Some(stream).filter(|_| self.keeps_alive && !is_last);
        Ok(())
    }
}

/// Reads an answer that has to be 200, with this content. Returns whether it is the last of the connection.
async fn read_answer(stream: &TcpStream, content: &[u8]) -> io::Result<bool> {
    let (mut bytes, mut len) = ([0; 1024], 0);
    loop {
        match stream.read(&mut bytes[len..]).await? {
            0 => {
                return Err(io::Error::other(format!(
                    "{:?}, and no more",
                    String::from_utf8_lossy(&bytes[..len])
                )));
            }
            n => len += n,
        }
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&bytes[..len]).map_err(io::Error::other)? {
            httparse::Status::Complete(start) if len - start >= content.len() => {
                if response.code != Some(200) || bytes[start..len] != *content {
                    return Err(io::Error::other(format!("{:?}", String::from_utf8_lossy(&bytes[..len]))));
                }
                let mut headers = response.headers.iter();
                return Ok(headers.any(|header| {
                    header.name.eq_ignore_ascii_case("connection") && header.value == b"close"
                }));
            }
            _ => {}
        }
    }
}
