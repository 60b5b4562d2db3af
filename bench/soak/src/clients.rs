//! What the clients do.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::TcpStream;
use ayi::task::JoinSet;
use ayi::time::{Duration, Instant, sleep_until, timeout};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The limit for anything that has to happen. A server that is late by so much does not work.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the server is. One address has 28,000 ports for clients, which stay taken for a while, so there are many
/// addresses.
pub struct Target {
    port: u16,
    count: Cell<u64>,
}

impl Target {
    pub fn new(port: u16) -> Target {
        Target { port, count: Cell::new(0) }
    }

    pub async fn connect(&self) -> io::Result<Client> {
        let number = self.count.get();
        self.count.set(number + 1);
        let address = (Ipv4Addr::new(127, 0, 0, 1 + (number % 200) as u8), self.port);
        let stream = soon("connect", TcpStream::connect(address)).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, number, questions: 0 })
    }

    /// Returns how many connections there have been.
    pub fn count(&self) -> u64 {
        self.count.get()
    }
}

pub struct Client {
    pub stream: TcpStream,
    number: u64,
    questions: u64,
}

impl Client {
    /// Asks, and checks the answer, which no other client gets.
    pub async fn ask(&mut self) -> io::Result<()> {
        self.questions += 1;
        let mut question = [0; 16];
        question[..8].copy_from_slice(&self.number.to_le_bytes());
        question[8..].copy_from_slice(&self.questions.to_le_bytes());
        let mut answer = [0; 16];
        soon("an answer", async {
            self.stream.write_all(&question).await?;
            self.stream.read_exact(&mut answer).await
        })
        .await?;
        if answer != question {
            return Err(io::Error::other(format!("asked {question:?}, answered {answer:?}")));
        }
        Ok(())
    }

    /// Waits until the server has ended it.
    pub async fn await_end(self) -> io::Result<()> {
        soon("the server to end a connection", async {
            let mut rest = vec![0; 64 * 1024];
            loop {
                match self.stream.read(&mut rest).await {
                    Ok(0) => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                    result => result.map(drop)?,
                }
            }
        })
        .await
    }
}

pub async fn soon<T>(what: &str, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("waited {PATIENCE:?} for {what}"));
    timeout(PATIENCE, future).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// Runs `each` for so many numbers, `at_once` of them at a time.
pub async fn in_parallel<T: 'static>(
    number: usize,
    at_once: usize,
    each: impl AsyncFn() -> io::Result<T> + 'static,
) -> io::Result<Vec<T>> {
    let (each, mut running, mut done) = (Rc::new(each), JoinSet::new(), Vec::with_capacity(number));
    for _ in 0..number {
        if running.len() >= at_once {
            done.extend(next(&mut running).await?);
        }
        let each = each.clone();
        running.spawn(async move { each().await });
    }
    while let Some(result) = next(&mut running).await? {
        done.push(result);
    }
    Ok(done)
}

async fn next<T: 'static>(running: &mut JoinSet<io::Result<T>>) -> io::Result<Option<T>> {
    running.join_next().await.map(|joined| joined.map_err(io::Error::other)?).transpose()
}

/// Clients that ask all the time, each at its own beat, whatever else happens.
pub struct Workers {
    /// In µs, from when the question was due: a client that asks late has waited, too.
    times: Rc<RefCell<Histogram<u32>>>,
    running: JoinSet<io::Result<()>>,
    is_over: Rc<Cell<bool>>,
}

impl Workers {
    pub async fn start(target: &Target, number: u32, beat: Duration) -> io::Result<Workers> {
        let times = Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that are right");
        let (times, is_over) = (Rc::new(RefCell::new(times)), Rc::new(Cell::new(false)));
        let mut running = JoinSet::new();
        let start = Instant::now();
        for n in 0..number {
            let mut client = target.connect().await?;
            client.ask().await?;
            let (times, is_over) = (times.clone(), is_over.clone());
            let mut due = start + beat * n / number;
            running.spawn(async move {
                while !is_over.get() {
                    // What passed while the others connected.
                    while due < start {
                        due += beat;
                    }
                    sleep_until(due).await;
                    client.ask().await?;
                    let late = due.elapsed().as_micros() as u64;
                    times.borrow_mut().saturating_record(late.max(1));
                    due += beat;
                }
                Ok(())
            });
        }
        Ok(Workers { times, running, is_over })
    }

    /// Returns how long the answers took since the last call.
    pub fn look(&mut self) -> io::Result<Histogram<u32>> {
        if let Some(ended) = self.running.try_join_next() {
            ended.map_err(io::Error::other)??;
            return Err(io::Error::other("a worker has ended before its time"));
        }
        let mut times = self.times.borrow_mut();
        let looked = times.clone();
        times.reset();
        Ok(looked)
    }

    pub async fn stop(mut self) -> io::Result<()> {
        self.is_over.set(true);
        while next(&mut self.running).await?.is_some() {}
        Ok(())
    }
}
