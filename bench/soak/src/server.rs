//! The server under load: an echo with all the limits that a server should have, and a second port for questions.

use ayi::io::{AsyncReadExt, AsyncWriteExt, TimeLimit, TimeoutStream};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::Handle;
use ayi::sync::{OwnedSemaphorePermit, Semaphore};
use ayi::time::Duration;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

/// The limit for the first byte of a client, ...
pub const FIRST_WORD: Duration = Duration::from_secs(2);
/// ... and for the client to take what is sent to it.
pub const WRITE: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(120);
const CONNECTIONS: usize = 19_900;

/// What the server reports about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    pub tasks: u64,
    /// The descriptors that are registered with the reactor.
    pub sources: u64,
    pub timers: u64,
    pub accepted: u64,
    pub ended: u64,
    /// The connections that a time limit has ended.
    pub cut: u64,
}

impl State {
    fn fields(&mut self) -> [&mut u64; 6] {
        let State { tasks, sources, timers, accepted, ended, cut } = self;
        [tasks, sources, timers, accepted, ended, cut]
    }
}

impl FromStr for State {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<State> {
        let mut state = State::default();
        let mut words = line.split_whitespace();
        for field in state.fields() {
            let word = words.next().and_then(|word| word.parse().ok());
            *field = word.ok_or_else(|| io::Error::other(format!("the server says {line:?}")))?;
        }
        Ok(state)
    }
}

#[derive(Default)]
struct Counts {
    accepted: Cell<u64>,
    ended: Cell<u64>,
    cut: Cell<u64>,
}

/// Prints its two addresses, and serves until it is killed.
pub async fn run(part: usize) -> io::Result<()> {
    load::allow_descriptors(crate::descriptors(part))?;
    load::stay_on_first_core()?;
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let door = TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {}", listener.local_addr()?.port(), door.local_addr()?);
    let counts = Rc::new(Counts::default());
    drop(ayi::spawn(answer(door, counts.clone())));
    let free = Arc::new(Semaphore::new(CONNECTIONS / part));
    loop {
        let permit = free.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        counts.accepted.set(counts.accepted.get() + 1);
        drop(ayi::spawn(serve(stream, counts.clone(), permit)));
    }
}

async fn serve(stream: TcpStream, counts: Rc<Counts>, permit: OwnedSemaphorePermit) {
    let result = echo(stream).await;
    let is_cut = result.is_err_and(|error| TimeLimit::of(&error).is_some());
    counts.cut.set(counts.cut.get() + u64::from(is_cut));
    counts.ended.set(counts.ended.get() + 1);
    drop(permit);
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = TimeoutStream::new(stream);
    stream.set_idle_timeout(IDLE);
    stream.set_write_timeout(WRITE);
    stream.set_time_limit(FIRST_WORD);
    let mut buf = [0; 512];
    loop {
        let len = stream.read(&mut buf).await?;
        if len == 0 {
            return Ok(());
        }
        stream.set_time_limit(None);
        stream.write_all(&buf[..len]).await?;
    }
}

/// Answers each byte, which asks for the state of the server.
async fn answer(door: TcpListener, counts: Rc<Counts>) -> io::Result<()> {
    let (mut stream, _) = door.accept().await?;
    while stream.read(&mut [0]).await? > 0 {
        let answer = state(&counts).fields().map(|field| field.to_string()).join(" ") + "\n";
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

fn state(counts: &Counts) -> State {
    let metrics = Handle::current().metrics();
    State {
        tasks: metrics.num_alive_tasks() as u64,
        sources: metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count(),
        timers: metrics.num_timers() as u64,
        accepted: counts.accepted.get(),
        ended: counts.ended.get(),
        cut: counts.cut.get(),
    }
}
