//! Many sockets and pipes at once.

use crate::{name, simulated};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::unix::pipe::pipe;
use ayi::net::{UnixDatagram, UnixListener, UnixStream};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Fifty clients of one server, each of which also has a pipe and datagrams to itself.
async fn many_at_once(order: Rc<RefCell<Vec<usize>>>) {
    let name = name("many");
    let listener = UnixListener::bind(&name).unwrap();
    let accepted = Rc::new(Cell::new(0));
    let count = accepted.clone();
    let server = ayi::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.set(count.get() + 1);
            ayi::spawn(async move {
                let mut buf = [0; 1_000];
                loop {
                    match stream.read(&mut buf).await.unwrap() {
                        0 => return,
                        n => stream.write_all(&buf[..n]).await.unwrap(),
                    }
                }
            });
        }
    });
    let clients: Vec<_> = (0..50_usize)
        .map(|n| {
            let (name, order) = (name.clone(), order.clone());
            ayi::spawn(async move {
                let (mut read, mut write) = UnixStream::connect(name).await.unwrap().into_split();
                let (mut sender, mut receiver) = pipe().unwrap();
                let (a, b) = UnixDatagram::pair().unwrap();
                let data: Vec<u8> = (0..100_000).map(|at| (at * n % 251) as u8).collect();
                let expected = data.clone();
                let writer = ayi::spawn(async move { write.write_all(&data).await.map(|()| write) });
                let forwarder = ayi::spawn(async move {
                    let mut buf = [0; 3_000];
                    let mut left = 100_000;
                    while left > 0 {
                        let n = read.read(&mut buf).await.unwrap();
                        sender.write_all(&buf[..n]).await.unwrap();
                        a.send(&buf[..n]).await.unwrap();
                        left -= n;
                    }
                });
                let by_datagrams = ayi::spawn(async move {
                    let mut got = Vec::new();
                    while got.len() < 100_000 {
                        let mut buf = [0; 3_000];
                        let n = b.recv(&mut buf).await.unwrap();
                        got.extend_from_slice(&buf[..n]);
                    }
                    got
                });
                let mut got = Vec::new();
                receiver.read_to_end(&mut got).await.unwrap();
                assert!(got == expected && by_datagrams.await.unwrap() == expected);
                forwarder.await.unwrap();
                drop(writer.await.unwrap().unwrap());
                order.borrow_mut().push(n);
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(accepted.get(), 50);
    server.abort();
}

#[test]
fn many_at_once_are_served_and_a_seed_repeats_itself() {
    let run = |seed| {
        let order = Rc::new(RefCell::new(Vec::new()));
        let seen = order.clone();
        let hash = simulated(seed, move || many_at_once(order.clone()));
        (hash, seen.take())
    };
    let (first, again, other) = (run(1), run(1), run(2));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    assert_ne!(first.1, other.1, "their order is another one");
    ayi::runtime::Runtime::new().unwrap().block_on(many_at_once(Rc::default()));
}
