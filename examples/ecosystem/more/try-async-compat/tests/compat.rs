//! tokio's sockets and timers in smol's executor: async-compat enters a runtime of its own around each poll.

use async_compat::Compat;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

#[test]
fn sockets_and_timers_of_tokio_wait_in_another_executor() {
    smol::block_on(async {
        let listener = Compat::new(TcpListener::bind("127.0.0.1:0")).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = smol::spawn(Compat::new(async move {
            for _ in 0..20 {
                let (mut stream, _) = listener.accept().await.unwrap();
                smol::spawn(Compat::new(async move {
                    let mut line = [0; 3];
                    while stream.read_exact(&mut line).await.is_ok() {
                        sleep(Duration::from_millis(1)).await;
                        stream.write_all(&line).await.unwrap();
                    }
                }))
                .detach();
            }
        }));
        let ask = || async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for _ in 0..20 {
                stream.write_all(b"tea").await.unwrap();
                let mut answer = [0; 3];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(&answer, b"tea");
            }
        };
        let clients: Vec<_> = (0..20).map(|_| smol::spawn(Compat::new(ask()))).collect();
        for client in clients {
            client.await;
        }
        server.await;
    });
}

#[test]
fn what_waits_in_vain_is_limited_and_given_up() {
    smol::block_on(Compat::new(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let begin = Instant::now();
        let limit = Duration::from_millis(20);
        assert!(timeout(limit, socket.recv(&mut [0; 8])).await.is_err());
        assert!(begin.elapsed() >= limit);
        let own = socket.local_addr().unwrap();
        socket.send_to(b"tea", own).await.unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 3);
    }));
}

#[test]
fn a_task_that_tokio_spawns_runs_in_the_runtime_that_is_entered() {
    let total = smol::block_on(Compat::new(async {
        let tasks: Vec<_> = (0..10).map(|i| tokio::spawn(async move { i })).collect();
        let mut total = 0;
        for task in tasks {
            total += task.await.unwrap();
        }
        total
    }));
    assert_eq!(total, 45);
}
