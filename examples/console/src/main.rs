//! A program to look at with tokio-console: tasks with names, one that wakes itself, one that never gives way, timers,
//! a connection, and calls that block. See README.md.

use ayi::io::AsyncWriteExt;
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::Runtime;
use ayi::task::{self, yield_now};
use ayi::time::{Duration, interval, sleep, timeout};
use std::io;
use std::net::SocketAddr;
use std::thread;

fn main() -> io::Result<()> {
    cli::nothing(
        "usage: console    (look at it with tokio-console; TOKIO_CONSOLE_BIND says where it listens)",
    );
    // It serves its clients on a thread of its own, with a runtime of tokio's. `TOKIO_CONSOLE_BIND` says where.
    console_subscriber::init();
    // It would stop all others here, so it has a runtime of its own.
    thread::spawn(|| Runtime::new().unwrap().block_on(never_gives_way()));
    Runtime::new()?.block_on(run())
}

async fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let tasks = [
        task::Builder::new().name("ticks").spawn(ticks())?,
        task::Builder::new().name("wakes itself").spawn(wakes_itself())?,
        task::Builder::new().name("server").spawn(serve(listener))?,
        task::Builder::new().name("client").spawn(ask(addr))?,
        task::Builder::new().name("waits for calls").spawn(blocks())?,
    ];
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn ticks() -> io::Result<()> {
    let mut ticks = interval(Duration::from_millis(200));
    loop {
        ticks.tick().await;
    }
}

/// It wakes itself more often than others wake it: the console warns.
async fn wakes_itself() -> io::Result<()> {
    loop {
        for _ in 0..100 {
            yield_now().await;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// The console warns about it after a second.
async fn never_gives_way() {
    let task = task::Builder::new().name("never gives way").spawn(async {
        loop {
            thread::sleep(Duration::from_millis(100));
        }
    });
    task.unwrap().await.unwrap()
}

/// Echoes what clients send.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, peer) = listener.accept().await?;
        let echo = async move {
            let mut buf = [0; 64];
            loop {
                match stream.read(&mut buf).await? {
                    0 => return io::Result::Ok(()),
                    n => stream.write_all(&buf[..n]).await?,
                }
            }
        };
        drop(task::Builder::new().name(&format!("echo to {peer}")).spawn(echo)?);
    }
}

async fn ask(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    let mut buf = [0; 64];
    loop {
        stream.write_all(b"tea?").await?;
        timeout(Duration::from_secs(5), stream.read(&mut buf)).await??;
        sleep(Duration::from_millis(300)).await;
    }
}

async fn blocks() -> io::Result<()> {
    loop {
        let call = || thread::sleep(Duration::from_millis(500));
        task::Builder::new().name("blocks").spawn_blocking(call)?.await?;
    }
}
