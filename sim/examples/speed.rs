//! How much faster than real time a simulation runs: three servers, links of 1 ms, and 100 clients on hosts of their own,
//! each of which sends ten requests a second to each server.
//!
//! ```text
//! cargo run --release -p ayi-sim --example speed
//! ```

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::Sim;
use ayi::time::{Duration, Instant, interval};
use std::io;

ayi::sim::kernel!();

const CLIENTS: usize = 100;
const SIMULATED: Duration = Duration::from_secs(60);

async fn server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        ayi::spawn(async move {
            let mut buf = [0; 64];
            while let Ok(1..) = stream.read(&mut buf).await {
                stream.write_all(&buf).await?;
            }
            io::Result::Ok(())
        });
    }
}

async fn client() -> io::Result<()> {
    let mut streams = Vec::new();
    for server in ["server-1:7", "server-2:7", "server-3:7"] {
        streams.push(TcpStream::connect(server).await?);
    }
    let mut ticks = interval(Duration::from_millis(100));
    let start = Instant::now();
    while start.elapsed() < SIMULATED {
        ticks.tick().await;
        for stream in &mut streams {
            stream.write_all(&[7; 64]).await?;
            stream.read_exact(&mut [0; 64]).await?;
        }
    }
    Ok(())
}

fn main() {
    let start = std::time::Instant::now();
    let sim = Sim::new(1);
    sim.set_latency(Duration::from_millis(1), Duration::from_millis(1));
    for n in 1..=3 {
        sim.host(format!("server-{n}"), server);
    }
    for n in 0..CLIENTS {
        sim.client(format!("client-{n}"), client);
    }
    sim.run().unwrap();
    let took = start.elapsed();
    let times = sim.elapsed().as_secs_f64() / took.as_secs_f64();
    let each = took.as_nanos() as f64 / sim.events() as f64;
    println!(
        "{:.1} s of simulated time in {:.2} s: {times:.0} times faster than real time; {} calls and events, {each:.0} ns each; \
         hash {:016x}",
        sim.elapsed().as_secs_f64(),
        took.as_secs_f64(),
        sim.events(),
        sim.hash()
    );
}
