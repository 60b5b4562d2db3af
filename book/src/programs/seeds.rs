//! A shop that loses its power, under two seeds: what happens follows from the seed, and from nothing else.

use crate::Said;
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::{Faults, Sim};
use ayi::time::{Duration, sleep, timeout};
use std::io;

async fn shop() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        ayi::spawn(async move { stream.write_all(b"tea").await });
    }
}

async fn order() -> io::Result<String> {
    let mut text = String::new();
    TcpStream::connect("shop:80").await?.read_to_string(&mut text).await?;
    Ok(text)
}

async fn guest() -> io::Result<()> {
    for _ in 0..5 {
        // Until it is there, since the shop may be closed.
        while !matches!(timeout(Duration::from_secs(1), order()).await, Ok(Ok(tea)) if tea == "tea") {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

fn simulate(seed: u64) -> io::Result<(u64, Vec<u8>)> {
    let sim = Sim::new(seed);
    sim.record();
    sim.host("shop", shop);
    sim.client("guest", guest);
    sim.faults(Faults::new(["shop"]).crashes());
    sim.run().map_err(|failure| io::Error::other(failure.to_string()))?;
    Ok((sim.hash(), sim.recording()))
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    let (first, recording) = simulate(7)?;
    let (again, other) = (simulate(7)?.0, simulate(8)?.0);
    said.say(format!("seed 7, twice: {}", if first == again { "the same run" } else { "two runs" }));
    said.say(format!("seed 8: {}", if first == other { "the same run" } else { "another run" }));
    Ok(recording)
}
