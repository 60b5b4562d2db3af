//! The network between hosts: latency, bandwidth, loss, partitions, and who is where.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
use ayi::sim::{Failure, Sim};
use ayi::time::{Duration, Instant, sleep, timeout};
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

ayi::sim::kernel!();

async fn echo_server() -> io::Result<()> {
    let listener = TcpListener::bind("[::]:7").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        ayi::spawn(async move {
            let mut buf = [0; 10_000];
            loop {
                match stream.read(&mut buf).await? {
                    0 => return io::Result::Ok(()),
                    n => stream.write_all(&buf[..n]).await?,
                }
            }
        });
    }
}

async fn echo(stream: &mut TcpStream, text: &[u8]) -> io::Result<Duration> {
    let start = Instant::now();
    stream.write_all(text).await?;
    let mut buf = vec![0; text.len()];
    stream.read_exact(&mut buf).await?;
    assert_eq!(buf, text);
    Ok(start.elapsed())
}

fn with_client<F: Future<Output = io::Result<()>> + 'static>(
    seed: u64,
    set: impl FnOnce(&Sim),
    client: impl Fn(Sim) -> F + 'static,
) -> Result<Sim, Failure> {
    let sim = Sim::new(seed);
    sim.host("server", echo_server);
    let handle = sim.clone();
    sim.client("client", move || client(handle.clone()));
    set(&sim);
    sim.run()?;
    Ok(sim)
}

#[test]
fn a_round_trip_takes_two_latencies() {
    let latency = Duration::from_millis(10);
    let set = |sim: &Sim| sim.set_latency(latency, latency);
    with_client(1, set, |_| async {
        let start = Instant::now();
        let mut stream = TcpStream::connect("server:7").await?;
        // The lookup of the name takes a while too.
        assert!((20.0..26.0).contains(&(start.elapsed().as_secs_f64() * 1e3)), "{:?}", start.elapsed());
        let took = echo(&mut stream, b"tea").await?;
        assert!((20.0..20.2).contains(&(took.as_secs_f64() * 1e3)), "{took:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn bandwidth_is_shared_by_all_that_goes_one_way() {
    let set = |sim: &Sim| sim.set_bandwidth_between("client", "server", Some(200_000));
    with_client(2, set, |_| async {
        let mut stream = TcpStream::connect("server:7").await?;
        let took = echo(&mut stream, &[7; 100_000]).await?.as_secs_f64();
        assert!((0.5..0.6).contains(&took), "{took} s for half of what goes in a second");
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_is_lost_comes_again_and_in_order() {
    for seed in 0..20 {
        let set = |sim: &Sim| sim.set_loss(0.2);
        let sim = with_client(seed, set, |_| async {
            let mut stream = TcpStream::connect("server:7").await?;
            for n in 0..50_u8 {
                echo(&mut stream, &[n; 100]).await?;
            }
            Ok(())
        });
        assert!(sim.unwrap().elapsed() > Duration::from_secs(1), "retransmissions take time");
    }
}

#[test]
fn a_partition_holds_up_what_then_arrives() {
    with_client(
        3,
        |_| {},
        |sim| async move {
            let mut stream = TcpStream::connect("server:7").await?;
            sim.partition("client", "server");
            sleep(Duration::from_millis(1)).await;
            stream.write_all(b"tea").await?;
            let mut buf = [0; 3];
            assert!(timeout(Duration::from_secs(5), stream.read(&mut buf)).await.is_err());
            sim.heal("server", "client");
            stream.read_exact(&mut buf).await?;
            assert_eq!(&buf, b"tea");
            Ok(())
        },
    )
    .unwrap();
}

#[test]
fn a_connection_is_given_up_after_a_quarter_of_an_hour() {
    let set = |sim: &Sim| sim.set_limit(Duration::from_secs(4_000));
    with_client(4, set, |sim| async move {
        let mut stream = TcpStream::connect("server:7").await?;
        sim.partition_one_way("client", "server");
        sleep(Duration::from_millis(1)).await;
        let start = Instant::now();
        stream.write_all(b"tea").await?;
        assert_eq!(stream.read(&mut [0; 3]).await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!((800.0..1_200.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_connects_to_a_host_without_power_waits_two_minutes() {
    let set = |sim: &Sim| sim.set_limit(Duration::from_secs(4_000));
    with_client(5, set, |sim| async move {
        sim.crash("server");
        sleep(Duration::from_millis(1)).await;
        let start = Instant::now();
        assert_eq!(TcpStream::connect("server:7").await.unwrap_err().kind(), ErrorKind::TimedOut);
        // Both addresses of the name are tried.
        assert!((250.0..260.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
        Ok(())
    })
    .unwrap();
}

#[test]
fn connections_that_break_are_told_at_both_ends() {
    let ends = Rc::new(Cell::new(0));
    let shared = ends.clone();
    let sim = Sim::new(12);
    sim.host("server", move || {
        let ends = shared.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:7").await?;
            let (mut stream, _) = listener.accept().await?;
            assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            ends.set(ends.get() + 1);
            io::Result::Ok(())
        }
    });
    let handle = sim.clone();
    let shared = ends.clone();
    sim.client("client", move || {
        let (sim, ends) = (handle.clone(), shared.clone());
        async move {
            let mut stream = TcpStream::connect("server:7").await?;
            sleep(Duration::from_secs(1)).await;
            sim.reset_connections("server", "client");
            assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            ends.set(ends.get() + 1);
            sleep(Duration::from_secs(1)).await;
            io::Result::Ok(())
        }
    });
    sim.run().unwrap();
    assert_eq!(ends.get(), 2);
}

#[test]
fn nobody_listens_and_nobody_is_there() {
    with_client(
        6,
        |_| {},
        |sim| async move {
            let to = SocketAddr::new(sim.address("server"), 8);
            assert_eq!(TcpStream::connect(to).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
            let to: SocketAddr = "192.0.2.1:7".parse().unwrap();
            assert_eq!(TcpStream::connect(to).await.unwrap_err().kind(), ErrorKind::NetworkUnreachable);
            Ok(())
        },
    )
    .unwrap();
}

#[test]
fn names_are_those_of_hosts() {
    with_client(
        7,
        |_| {},
        |sim| async move {
            let found: Vec<SocketAddr> = lookup_host("server:7").await?.collect();
            assert_eq!(found[0].ip(), sim.address("server"));
            assert_eq!(found[1].to_string(), "[fd00::1]:7");
            assert!(lookup_host("nobody:7").await.is_err());
            let mut stream = TcpStream::connect("[fd00::1]:7").await?;
            echo(&mut stream, b"by IPv6").await?;
            assert_eq!(stream.local_addr()?.ip().to_string(), "fd00::2");
            Ok(())
        },
    )
    .unwrap();
}

/// A full backlog makes clients wait; nobody is refused.
#[test]
fn more_clients_than_the_backlog_holds() {
    let sim = Sim::new(8);
    sim.host("server", || async {
        let socket = ayi::net::TcpSocket::new_v4()?;
        socket.bind("0.0.0.0:7".parse().unwrap())?;
        let listener = socket.listen(4)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            sleep(Duration::from_millis(100)).await;
            stream.write_all(b"x").await?;
        }
        #[allow(unreachable_code)]
        io::Result::Ok(())
    });
    for n in 0..20 {
        sim.client(format!("client-{n}"), || async {
            let mut stream = TcpStream::connect("server:7").await?;
            stream.read_u8().await
        });
    }
    sim.run().unwrap();
    assert!(sim.elapsed() > Duration::from_secs(2));
}

#[test]
fn datagrams_are_lost_doubled_and_out_of_order() {
    let sim = Sim::new(9);
    sim.set_loss(0.1);
    sim.set_duplication(0.1);
    let (seen, disorder) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (shared, shared_disorder) = (seen.clone(), disorder.clone());
    sim.host("receiver", move || {
        let (seen, disorder) = (shared.clone(), shared_disorder.clone());
        async move {
            let socket = UdpSocket::bind("0.0.0.0:53").await?;
            let mut last = 0;
            loop {
                let mut buf = [0; 4];
                socket.recv(&mut buf).await?;
                let number = u32::from_be_bytes(buf);
                seen.set(seen.get() + 1);
                disorder.set(disorder.get() + u32::from(number < last));
                last = number;
            }
            #[allow(unreachable_code)]
            io::Result::Ok(())
        }
    });
    sim.client("sender", || async {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        socket.connect("receiver:53").await?;
        for number in 0..1_000_u32 {
            socket.send(&number.to_be_bytes()).await?;
            sleep(Duration::from_micros(100)).await;
        }
        sleep(Duration::from_secs(1)).await;
        io::Result::Ok(())
    });
    sim.run().unwrap();
    assert!((930..1_040).contains(&seen.get()), "{} of 1,000", seen.get());
    assert!(disorder.get() > 50, "{} out of order", disorder.get());
}

#[test]
fn a_datagram_that_nobody_takes_is_an_error_of_the_next_call() {
    with_client(
        10,
        |_| {},
        |sim| async move {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
            socket.connect((sim.address("server"), 54)).await?;
            socket.send(b"tea").await?;
            let refused = timeout(Duration::from_secs(1), socket.recv(&mut [0; 8])).await.unwrap();
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
            Ok(())
        },
    )
    .unwrap();
}

#[test]
fn a_slow_reader_holds_up_its_writer() {
    let sim = Sim::new(11);
    sim.host("server", || async {
        let listener = TcpListener::bind("0.0.0.0:7").await?;
        let (mut stream, _) = listener.accept().await?;
        sleep(Duration::from_secs(10)).await;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        assert!(all.iter().enumerate().all(|(at, byte)| *byte == (at / 7) as u8));
        stream.write_all(&(all.len() as u32).to_be_bytes()).await?;
        io::Result::Ok(())
    });
    sim.client("client", || async {
        let mut stream = TcpStream::connect("server:7").await?;
        let much: Vec<u8> = (0..2_000_000).map(|at| (at / 7) as u8).collect();
        let start = Instant::now();
        stream.write_all(&much).await?;
        assert!(start.elapsed() > Duration::from_secs(9), "{:?}", start.elapsed());
        AsyncWriteExt::shutdown(&mut stream).await?;
        assert_eq!(stream.read_u32().await?, 2_000_000);
        io::Result::Ok(())
    });
    sim.run().unwrap();
}

/// What waits in many small segments arrives in one go when the reader comes.
#[test]
fn many_small_writes_within_a_host() {
    let sim = Sim::new(13);
    sim.client("alone", || async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        let (mut reader, _) = listener.accept().await?;
        let mut written = 0;
        while stream.try_write(b"x").is_ok() {
            written += 1;
        }
        assert!(written > 200_000, "{written}");
        drop(stream);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await?;
        assert_eq!(all.len(), written);
        io::Result::Ok(())
    });
    sim.run().unwrap();
}
