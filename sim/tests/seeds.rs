//! Tests with many seeds, and what is told of those that fail.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep, timeout};
use std::io;

ayi::sim::kernel!();

async fn one_byte_server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        ayi::spawn(async move { stream.write_all(b"x").await });
    }
}

async fn patient_client() -> io::Result<()> {
    for _ in 0..20 {
        let attempt = async {
            let mut stream = TcpStream::connect("server:9").await?;
            stream.read_u8().await
        };
        while timeout(Duration::from_secs(3), attempt_or(attempt)).await.is_err() {
            sleep(Duration::from_millis(10)).await;
            break;
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

async fn attempt_or(attempt: impl Future<Output = io::Result<u8>>) -> Option<u8> {
    attempt.await.ok()
}

#[ayi::sim_test(seeds = 200)]
fn a_client_outlives_all_faults(sim: &Sim) -> Result<(), Failure> {
    sim.host("server", one_byte_server);
    sim.client("client", patient_client);
    sim.faults(Faults::new(["server"]).crashes().kills().pauses().partitions().slow_hosts());
    sim.run()
}
