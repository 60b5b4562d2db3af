//! What clients cannot make grow, and many clients.

use crate::server::{Client, PATIENCE, Server, request, wait_until};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

#[test]
fn a_subscriber_that_does_not_read_is_cut_off() {
    let server = Server::start();
    let mut publisher = server.client();
    let confirmation = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1";
    let (mut slow, mut quick) = (server.client(), server.client());
    slow.expect("SUBSCRIBE a", confirmation);
    quick.expect("SUBSCRIBE a", confirmation);
    let (sender, read) = channel();
    let reading =
        thread::spawn(move || while quick.reply().ends_with(b"x\r\n") && sender.send(()).is_ok() {});
    let (text, before) = (vec![b'x'; MIB / 4], server.memory());
    let mut published = 0;
    // The kernel takes some, and then there is a limit.
    while publisher.ask(&[b"PUBLISH", b"a", &text]) == b":2\r\n" {
        published += 1;
        assert!(published < 1_000, "it has taken 250 MiB for a subscriber that does not read");
        // The other one reads, and must not be cut off because this machine is busy.
        read.recv_timeout(PATIENCE).unwrap();
    }
    let after = server.memory();
    assert!(after < before + 100 * 1024, "it has grown from {before} to {after} KiB");
    assert_eq!(publisher.ask(&[b"PUBLISH", b"a", b"end"]), b":1\r\n");
    reading.join().unwrap();
    // It gets what the kernel has, and then the end, possibly in the middle of a message.
    let mut rest = Vec::new();
    let _ = slow.stream.read_to_end(&mut rest);
    assert!(rest.len() < published * text.len());
    wait_until("its memory is free", || server.memory() < before + 50 * 1024);
}

/// Sends until it has to wait for long: everything between the two is full then.
fn send_until_full(client: &mut Client, requests: &[u8]) -> usize {
    client.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut sent = 0;
    loop {
        match client.stream.write(&requests[sent % requests.len()..]) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 256 * MIB, "the server reads without end from who does not read");
    }
    client.stream.set_write_timeout(Some(PATIENCE)).unwrap();
    sent
}

#[test]
fn a_client_that_does_not_read_its_replies_waits() {
    let server = Server::start();
    let mut client = server.client();
    let value = vec![b'x'; MIB];
    client.ask(&[b"SET", b"k", &value]);
    let before = server.memory();
    let requests = b"GET k\r\n".repeat(10_000);
    let sent = send_until_full(&mut client, &requests);
    server.client().expect("PING", "+PONG");
    let after = server.memory();
    assert!(after < before + 20 * 1024, "it has grown from {before} to {after} KiB");
    // Now it reads, and nothing is lost. It does not read everything: there are some 10,000 answers.
    let expected = [b"$1048576\r\n", &value[..], b"\r\n"].concat();
    assert!(sent / 7 > 100);
    (0..100).for_each(|_| assert!(client.reply() == expected));
    client.crash();
}

#[test]
fn who_asks_for_too_much_at_once_is_let_go() {
    let server = Server::start();
    let mut client = server.client();
    client.ask(&[b"SET", b"k", &vec![b'x'; 8 * MIB]]);
    let before = server.memory();
    for request in [request(&[&[&b"MGET"[..]], &[&b"k"[..]; 100][..]].concat()), b"GET k\r\n".repeat(8)] {
        let mut greedy = server.client();
        let is_one = request.starts_with(b"*");
        greedy.send(request);
        if is_one {
            assert!(greedy.rest().is_empty());
        } else {
            // One at a time is fine, however many.
            (0..8).for_each(|_| assert_eq!(greedy.reply().len(), 8 * MIB + 12));
        }
    }
    client.expect("PING", "+PONG");
    wait_until("its memory is free", || server.memory() < before + 20 * 1024);
}

#[test]
fn an_argument_has_a_limit() {
    let server = Server::start();
    let mut client = server.client();
    let largest = vec![b'x'; 8 * MIB];
    assert_eq!(client.ask(&[b"SET", b"k", &largest]), b"+OK\r\n");
    client.expect("STRLEN k", ":8388608");
    client.expect("APPEND k x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    assert!(client.ask(&[b"GET", b"k"])[10..] == [&largest[..], b"\r\n"].concat());
    client.send("*2\r\n$3\r\nGET\r\n$8388609\r\n");
    assert_eq!(client.rest(), b"-ERR Protocol error: invalid bulk length\r\n");
    // A request has a limit as well.
    let mut client = server.client();
    client.send(&request(&[b"MSET", b"a", &largest, b"b", &largest])[..8 * MIB + 100]);
    assert_eq!(client.rest(), b"-ERR Protocol error: too big request\r\n");
    let mut client = server.client();
    client.send("*1048577\r\n");
    assert_eq!(client.rest(), b"-ERR Protocol error: invalid multibulk length\r\n");
}

#[test]
fn announcing_much_takes_no_memory() {
    let server = Server::start();
    let before = server.memory();
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let mut client = server.client();
            client.send("*1048576\r\n$8388608\r\nx");
            client
        })
        .collect();
    server.client().expect("PING", "+PONG");
    let after = server.memory();
    assert!(after < before + 10 * 1024, "it has grown from {before} to {after} KiB");
    drop(clients);
}

#[test]
fn a_full_store_refuses_what_adds_to_it() {
    let server = Server::with(&["--max-memory", "4"]);
    let mut client = server.client();
    let value = vec![b'x'; 100_000];
    let mut count = 0;
    let refusal = loop {
        let reply = client.ask(&[b"SET", format!("{count}").as_bytes(), &value]);
        if reply != b"+OK\r\n" {
            break reply;
        }
        count += 1;
        assert!(count < 100);
    };
    assert_eq!(refusal, b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    client.expect("INCR n", "-OOM command not allowed when used memory > 'maxmemory'.");
    client.expect("EXISTS 0", ":1");
    client.expect("DEL 0 1", ":2");
    client.expect("INCR n", ":1");
}

#[test]
fn a_thousand_connections_at_once() {
    let server = Server::start();
    let mut clients: Vec<Client> = (0..1_000).map(|_| server.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("SET {number} {number}\r\nGET {number}\r\n"));
    }
    for (number, client) in clients.iter_mut().enumerate().rev() {
        assert_eq!(client.reply(), b"+OK\r\n");
        let text = number.to_string();
        assert_eq!(client.reply(), format!("${}\r\n{text}\r\n", text.len()).as_bytes());
    }
    assert_eq!(clients[0].info("connected_clients"), 1_000);
    let files = server.open_files();
    clients.truncate(1);
    wait_until("their sockets are closed", || server.open_files() == files - 999);
}

#[test]
fn more_clients_than_descriptors_wait_for_their_turn() {
    const DESCRIPTORS: usize = 48;
    let server = Server::with_descriptors(DESCRIPTORS);
    let mut clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| client.send("PING\r\n"));
    assert_eq!(clients[0].reply(), b"+PONG\r\n");
    wait_until("there are no descriptors left", || server.open_files_below(DESCRIPTORS) == DESCRIPTORS);
    // It is full, and has nothing to do. A busy machine gives it less time, so this cannot fail by chance.
    let before = server.cpu_ticks();
    thread::sleep(Duration::from_millis(300));
    let used = server.cpu_ticks() - before;
    assert!(used < 15, "it has used {used} ticks of 10 ms for nothing");
    // As some leave, others are served.
    let mut waiting = clients.split_off(40);
    drop(clients);
    let mut last = waiting.pop().unwrap();
    drop(waiting);
    assert_eq!(last.reply(), b"+PONG\r\n");
}

#[test]
fn clients_beyond_the_limit_are_told_and_closed_until_one_leaves() {
    let server = Server::with(&["--maxclients", "2"]);
    let (mut one, mut other) = (server.client(), server.client());
    one.expect("PING", "+PONG");
    other.expect("PING", "+PONG");
    for _ in 0..3 {
        assert_eq!(server.client().rest(), b"-ERR max number of clients reached\r\n");
    }
    drop(other);
    wait_until("its place is free", || one.info("connected_clients") == 1);
    server.client().expect("PING", "+PONG");
}

#[test]
fn clients_that_say_nothing_are_closed_but_not_those_that_listen() {
    // This is longer than this machine needs for what follows, even if it is busy: the publisher is silent meanwhile.
    let server = Server::with(&["--timeout", "5"]);
    let mut publisher = server.client();
    publisher.expect("PING", "+PONG");
    let files = server.open_files();
    let mut listens = server.client();
    listens.expect("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1");
    let mut silent = server.client();
    let mut half = server.client();
    half.send("*2\r\n$4\r\nECHO\r\n$100\r\nabc");
    // It asks for more than fits, and reads nothing of it.
    let mut deaf = server.client();
    deaf.ask(&[b"SET", b"k", &vec![b'x'; MIB]]);
    send_until_full(&mut deaf, &b"GET k\r\n".repeat(10_000));
    // A client that talks now and then stays.
    wait_until("the others are closed", || {
        publisher.expect("PING", "+PONG");
        server.open_files() == files + 1
    });
    assert!(silent.rest().is_empty() && half.rest().is_empty());
    assert_eq!(publisher.ask(&[b"PUBLISH", b"a", b"tea"]), b":1\r\n");
    assert!(listens.reply().ends_with(b"tea\r\n"));
    // When it no longer listens, it is a client like others.
    listens.send("UNSUBSCRIBE\r\n");
    listens.reply();
    assert!(listens.rest().is_empty());
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let server = Server::start();
    let mut other = server.client();
    other.expect("SET k v", "+OK");
    let files = server.open_files();
    for number in 0..200 {
        let mut client = server.client();
        match number % 4 {
            0 => client.send("GET k\r\n"),
            1 => client.send("*2\r\n$3\r\nGET\r\n$100\r\nabc"),
            2 => client.send("SUBSCRIBE a b c\r\n"),
            _ => {}
        }
        client.crash();
    }
    wait_until("their sockets are closed", || server.open_files() == files);
    assert_eq!(other.info("pubsub_channels"), 0);
    // This one may never be accepted.
    drop(TcpStream::connect(server.address));
    other.expect("GET k", "$1\r\nv");
}
