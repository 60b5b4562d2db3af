//! Programs on simulated hosts.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::Sim;
use ayi::time::{Duration, Instant, sleep};
use std::io;

ayi::sim::kernel!();

async fn echo_server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        ayi::spawn(async move {
            let mut buf = [0; 1_000];
            loop {
                let n = stream.read(&mut buf).await?;
                if n == 0 {
                    return io::Result::Ok(());
                }
                stream.write_all(&buf[..n]).await?;
            }
        });
    }
}

fn echo(seed: u64) -> u64 {
    let sim = Sim::new(seed);
    sim.host("server", echo_server);
    for n in 0..3 {
        sim.client(format!("client-{n}"), move || async move {
            sleep(Duration::from_millis(1)).await;
            let mut stream = TcpStream::connect("server:7").await?;
            let start = Instant::now();
            for _ in 0..10 {
                stream.write_all(b"tea").await?;
                let mut buf = [0; 3];
                stream.read_exact(&mut buf).await?;
                assert_eq!(&buf, b"tea");
            }
            assert!(start.elapsed() > Duration::from_millis(2), "{:?}", start.elapsed());
            io::Result::Ok(())
        });
    }
    sim.run().unwrap();
    eprintln!("{:?} {} {:016x}", sim.elapsed(), sim.events(), sim.hash());
    sim.hash()
}

#[test]
fn clients_talk_to_a_server_by_its_name() {
    let first = std::thread::spawn(|| echo(1)).join().unwrap();
    let second = std::thread::spawn(|| echo(1)).join().unwrap();
    let other = std::thread::spawn(|| echo(2)).join().unwrap();
    assert_eq!(first, second);
    assert_ne!(first, other);
}
