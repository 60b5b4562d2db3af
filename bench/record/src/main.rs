//! What the recorder costs: small pieces of work, in a runtime that is recorded if the environment says so.
//!
//! `record WORK N` prints the CPU time of one operation of N, in nanoseconds.

use ayi::io::AsyncWriteExt;
use ayi::net::TcpListener;
use ayi::runtime::{Handle, Runtime};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::task::Poll;
use std::thread;
use std::time::Duration;

const CONNECTIONS: u32 = 16;
const BYTES: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, n] = &arguments[..] else { panic!("record WORK N") };
    let n: u32 = n.parse().expect("N is a number");
    let took = Runtime::new().unwrap().block_on(async {
        match work.as_str() {
            "wake" => wake_oneself(n).await,
            "spawn" => spawn_and_join(n).await,
            "echo" => echo(n).await,
            _ => panic!("WORK is wake, spawn or echo"),
        }
    });
    println!("{}", took.as_nanos() as f64 / f64::from(n));
}

fn cpu() -> Duration {
    Handle::current().metrics().worker_total_busy_duration(0)
}

async fn wake_oneself(n: u32) -> Duration {
    let mut left = n;
    let wakes = poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let start = cpu();
    ayi::spawn(wakes).await.unwrap();
    cpu() - start
}

async fn spawn_and_join(n: u32) -> Duration {
    let start = cpu();
    for _ in 0..n {
        ayi::spawn(async {}).await.unwrap();
    }
    cpu() - start
}

async fn echo(n: u32) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || ask(address, n / CONNECTIONS));
    let mut servers = Vec::new();
    for _ in 0..CONNECTIONS {
        let (mut stream, _) = listener.accept().await.unwrap();
        servers.push(ayi::spawn(async move {
            let mut buf = [0; 1024];
            loop {
                match stream.read(&mut buf).await.unwrap() {
                    0 => break,
                    len => stream.write_all(&buf[..len]).await.unwrap(),
                }
            }
        }));
    }
    let start = cpu();
    for server in servers {
        server.await.unwrap();
    }
    let took = cpu() - start;
    client.join().unwrap();
    took
}

/// A round asks on each connection, and then reads all answers.
fn ask(address: SocketAddr, rounds: u32) {
    let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    streams.iter().for_each(|stream| stream.set_nodelay(true).unwrap());
    let mut buf = [0; BYTES];
    for _ in 0..rounds {
        streams.iter_mut().for_each(|stream| stream.write_all(&[1; BYTES]).unwrap());
        streams.iter_mut().for_each(|stream| stream.read_exact(&mut buf).unwrap());
    }
}
