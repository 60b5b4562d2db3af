//! Load for an HTTP server: keep-alive connections, each of which sends `GET /` again as soon as it has the answer.
//!
//! ```sh
//! cargo run --release --features signal --example http
//! cargo run --release --example http_load 127.0.0.1:8080 5000 10
//! ```
//!
//! Every answer is checked. The exit code is 1 if a request was not answered, or differently from the first one.

use ayi::io::AsyncWriteExt;
use ayi::net::TcpStream;
use ayi::time::{Duration, Instant, timeout};
use cli::{Context, Failure, Value, ValueExt};
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

const USAGE: &str = "usage: http_load HOST:PORT CONNECTIONS SECONDS";

/// A request that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Besides the connections: the standard three, epoll, its bell, and some to spare.
const OTHER_FILES: usize = 16;

#[ayi::main]
async fn main() -> Result<ExitCode, Failure> {
    let (address, connections, time) = args();
    let target = cli::resolve(&address)?;
    // They connect one after the other, so that the server's backlog does not overflow.
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        match Client::connect(target).await {
            Ok(client) => clients.push(client),
            Err(error) if error.raw_os_error() == Some(libc::EMFILE) => {
                eprintln!(
                    "too few open files are allowed: run `ulimit -n {}` first",
                    connections + OTHER_FILES
                );
                return Ok(ExitCode::from(2));
            }
            Err(error) => return Err(error).context(format!("cannot connect to {address}")),
        }
    }
    let expected = clients[0].get().await.context(format!("no answer from {address}"))?;
    let expected: Rc<[u8]> = expected.into();
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let start = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| ayi::spawn(client.ask_until(start + time, expected.clone(), latencies.clone())))
        .collect();
    let mut errors = 0;
    for task in tasks {
        if let Err(error) = task.await? {
            errors += 1;
            eprintln!("{error}");
        }
    }
    report(&mut latencies.borrow_mut(), errors, start.elapsed());
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Client {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            request: format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n"),
            answer: vec![0; 1024],
        })
    }

    /// A request that has been sent is waited for, even when time is up, so none gets lost here.
    async fn ask_until(
        mut self,
        end: Instant,
        expected: Rc<[u8]>,
        latencies: Rc<RefCell<Vec<Duration>>>,
    ) -> io::Result<()> {
        let mut now = Instant::now();
        while now < end {
            let is_right = *self.get().await? == *expected;
            if !is_right {
                return Err(io::Error::new(ErrorKind::InvalidData, "another answer than the first time"));
            }
            let before = std::mem::replace(&mut now, Instant::now());
            latencies.borrow_mut().push(now - before);
        }
        Ok(())
    }

    /// Returns the content of the answer.
    async fn get(&mut self) -> io::Result<&[u8]> {
        (&self.stream).write_all(self.request.as_bytes()).await?;
        let mut len = 0;
        loop {
            match timeout(PATIENCE, self.stream.read(&mut self.answer[len..])).await?? {
                0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "no room, or no whole answer")),
                n => len += n,
            }
            if let Some((start, end)) = content(&self.answer[..len])? {
                if len > end {
                    return Err(io::Error::other("more than was asked for"));
                } else if len == end {
                    return Ok(&self.answer[start..end]);
                }
            }
        }
    }
}

/// Returns where the content begins and ends, or `None` if that has not arrived.
fn content(answer: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = response.parse(answer).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let len = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let len = len.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    match (response.code, len) {
        (Some(200), Some(len)) => Ok(Some((start, start + len))),
        (code, _) => Err(io::Error::other(format!("not a plain 200 but {code:?}"))),
    }
}

fn report(latencies: &mut [Duration], errors: usize, time: Duration) {
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = (latencies.len() as f64 * share) as usize;
        latencies.get(place).or(latencies.last()).copied().unwrap_or_default()
    };
    let per_second = latencies.len() as f64 / time.as_secs_f64();
    println!("requests  {} ({per_second:.0}/s)", latencies.len());
    println!("errors    {errors}");
    println!("latency   p50 {:.1?}, p99 {:.1?}, longest {:.1?}", at(0.5), at(0.99), at(1.0));
}

fn args() -> (String, usize, Duration) {
    let (address, connections, time) = cli::read(USAGE, |args| {
        let (mut address, mut connections, mut time) = (None, None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                Value(text) if connections.is_none() => {
                    let parse = |text: &str| text.parse().ok().filter(|number| *number > 0);
                    connections =
                        Some(text.parse_with(|text| parse(text).ok_or("it has to be a number from 1 on"))?);
                }
                Value(text) if time.is_none() => time = Some(text.parse().map(Duration::from_secs)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((address, connections, time))
    });
    let address = cli::needed(USAGE, address, "HOST:PORT");
    (address, cli::needed(USAGE, connections, "CONNECTIONS"), cli::needed(USAGE, time, "SECONDS"))
}
