//! A server with a request that is slow now and then, to be looked at: the page "Seeing a run" finds out why.
//!
//! ```text
//! cargo build --release --features record --example slow_request
//! cargo run --release -p ayi-lens -- run -- target/release/examples/slow_request
//! ```
//!
//! Client and server are in one runtime. Eight clients ask for a word at a time, and say at the end how long their
//! slowest question took.

use ayi::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use ayi::net::{TcpListener, TcpStream};
use ayi::task;
use ayi::time::{Duration, Instant, sleep};
use std::io;
use std::net::SocketAddr;

const USAGE: &str = "usage: slow_request    (see the page \"Seeing a run\")";

const CLIENTS: usize = 8;
const QUESTIONS: usize = 500;

#[ayi::main]
async fn main() -> io::Result<()> {
    cli::nothing(USAGE);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    task::Builder::new().name("accept").spawn(serve(listener))?;
    task::Builder::new().name("statistics").spawn(count_words())?;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(task::Builder::new().name(&format!("client {number}")).spawn(ask(address))?);
    }
    let mut slowest = Duration::ZERO;
    for client in clients {
        slowest = slowest.max(client.await??);
    }
    println!("the slowest of {} questions took {slowest:.1?}", CLIENTS * QUESTIONS);
    Ok(())
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        task::Builder::new().name(&format!("connection of {peer}")).spawn(answer(stream))?;
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        writer.write_all(format!("{}\n", line.to_uppercase()).as_bytes()).await?;
    }
    Ok(())
}

/// It computes without giving way. That is the fault that is to be found.
async fn count_words() {
    loop {
        sleep(Duration::from_millis(10)).await;
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(5) {}
    }
}

async fn ask(address: SocketAddr) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(address).await?;
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    let mut slowest = Duration::ZERO;
    for _ in 0..QUESTIONS {
        let begin = Instant::now();
        writer.write_all(b"water\n").await?;
        assert_eq!(lines.next_line().await?.as_deref(), Some("WATER"));
        slowest = slowest.max(begin.elapsed());
    }
    Ok(slowest)
}
