//! How the server ends.

use crate::server::{Server, request};
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::thread;

#[test]
fn a_stop_lets_what_has_arrived_be_answered() {
    for signal in ["-TERM", "-INT"] {
        let server = Server::start();
        let address = server.address;
        let (mut idle, mut listening) = (server.client(), server.client());
        idle.expect("PING", "+PONG");
        listening.expect("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1");
        let mut busy = server.client();
        let value = vec![b'x'; 1024 * 1024];
        // This is more than fits on the way: the server is in the middle of it when it learns of the stop.
        busy.ask(&[b"SET", b"k", &value]);
        busy.send(request(&[b"GET", b"k"]).repeat(50));
        busy.reply();
        server.signal(signal);
        (0..49).for_each(|_| assert_eq!(busy.reply().len(), value.len() + 12));
        assert!(busy.rest().is_empty() && idle.rest().is_empty() && listening.rest().is_empty());
        let (status, errors) = server.wait();
        assert!(status.success() && errors.is_empty(), "{status}, {errors}");
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn a_stop_under_load() {
    let server = Server::start();
    let clients: Vec<_> = (0..50).map(|_| server.client()).collect();
    let (address, load) = (server.address, request(&[b"INCR", b"n"]).repeat(16));
    let serving: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let load = load.clone();
            thread::spawn(move || {
                let mut answered = 0;
                // It sends until it is told that the server has ended: by the end of the stream, or because its next
                // request came too late.
                while client.stream.write_all(&load).is_ok() {
                    for _ in 0..16 {
                        match client.try_reply() {
                            Ok(reply) => assert!(reply.starts_with(b":"), "{}", reply.escape_ascii()),
                            Err(_) => return answered,
                        }
                        answered += 1;
                    }
                }
                answered
            })
        })
        .collect();
    let mut other = server.client();
    while !other.say("GET n").contains("\r\n1") {}
    server.signal("-TERM");
    let answered: Vec<usize> = serving.into_iter().map(|client| client.join().unwrap()).collect();
    let (status, errors) = server.wait();
    assert!(status.success() && errors.is_empty(), "{status}, {errors}");
    assert!(answered.iter().sum::<usize>() > 0);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_stop_does_not_wait_for_ever_for_who_does_not_read() {
    let server = Server::start();
    let mut deaf = server.client();
    deaf.ask(&[b"SET", b"k", &vec![b'x'; 8 * 1024 * 1024]]);
    deaf.send("GET k\r\n".repeat(10));
    server.client().expect("PING", "+PONG");
    server.signal("-TERM");
    let (status, errors) = server.wait();
    assert!(status.success() && errors.contains("1 task had not finished"), "{status}, {errors}");
}

#[test]
fn a_second_signal_is_an_end_at_once() {
    let server = Server::start();
    let mut deaf = server.client();
    deaf.ask(&[b"SET", b"k", &vec![b'x'; 8 * 1024 * 1024]]);
    deaf.send("GET k\r\n".repeat(10));
    let mut idle = server.client();
    idle.expect("PING", "+PONG");
    server.signal("-TERM");
    // It has received the first signal when it hangs up.
    assert!(idle.rest().is_empty());
    server.signal("-TERM");
    assert_eq!(server.wait().0.code(), Some(143));
}

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    for args in [
        &["nonsense"][..],
        &["127.0.0.1"],
        &["127.0.0.1:0", "more"],
        &["--max-memory"],
        &["--max-memory", "x"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mini_redis")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() && errors.contains("\n\nusage: mini_redis "), "{args:?}: {errors}");
    }
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let server = Server::start();
    let output =
        Command::new(env!("CARGO_BIN_EXE_mini_redis")).arg(server.address.to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    let expected =
        format!("Error: cannot listen on {}: Address already in use (os error 98)\n", server.address);
    assert_eq!(errors, expected);
}
