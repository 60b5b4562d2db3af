//! Bytes that are no request, or not a whole one.

use crate::programs::RedisServer;
use crate::server::{Client, Server, has, request};
use std::io::{Read, Write};
use std::net::Shutdown;

/// Returns what is sent, and everything that comes back before the connection is closed.
fn cases() -> Vec<(Vec<u8>, &'static str)> {
    let long = |head: &str| [head.as_bytes(), &b"1".repeat(70_000)].concat();
    vec![
        // Requests that ask for nothing, followed by one that does.
        (b"*0\r\n*-1\r\n*-7\r\n\r\n \r\nPING\r\n".into(), "+PONG\r\n"),
        // Two bytes after an argument, whatever they are.
        (b"*1\r\n$4\r\nPINGxxPING\r\n".into(), "+PONG\r\n+PONG\r\n"),
        (b"*1\rx$4\rxPINGxx".into(), "+PONG\r\n"),
        (b"*1\r\n$0\r\n\r\n".into(), "-ERR unknown command '', with args beginning with: \r\n"),
        (b"PING \"\\x41\\n\\q\\x4\"\r\n".into(), "$5\r\nA\nqx4\r\n"),
        (b"PING 'a\\'b\\n'\r\n".into(), "$5\r\na'b\\n\r\n"),
        (b"PING a\"b c\"\n".into(), "$4\r\nab c\r\n"),
        (b"PING\n*1\r\n$4\r\nping\r\n".into(), "+PONG\r\n+PONG\r\n"),
        // After these nobody knows where the next one begins.
        (b"*\r\nPING\r\n".into(), "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*a\r\nPING\r\n".into(), "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*+1\r\nPING\r\n".into(), "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*01\r\nPING\r\n".into(), "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*99999999999999999999\r\n".into(), "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\nPING\r\n".into(), "-ERR Protocol error: expected '$', got 'P'\r\n"),
        (b"*1\r\n:4\r\nPING\r\n".into(), "-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*1\r\n\r\n".into(), "-ERR Protocol error: expected '$', got ' '\r\n"),
        (b"*1\r\n$-1\r\n".into(), "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$\r\n".into(), "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$4 \r\nPING\r\n".into(), "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$600000000\r\n".into(), "-ERR Protocol error: invalid bulk length\r\n"),
        (
            b"PING\r\nPING \"a\r\nPING\r\n".into(),
            "+PONG\r\n-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
        (b"PING 'a\r\n".into(), "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"PING \"a\"b\r\n".into(), "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (long("PING "), "-ERR Protocol error: too big inline request\r\n"),
        (long("*"), "-ERR Protocol error: too big mbulk count string\r\n"),
        (long("*1\r\n$"), "-ERR Protocol error: too big bulk count string\r\n"),
        // The end comes too early.
        (b"PING".into(), ""),
        (b"*1\r\n$4\r\nPIN".into(), ""),
        (b"*2\r\n$4\r\nPING\r\n".into(), ""),
    ]
}

fn expect_all(connect: impl Fn() -> Client) {
    for (sent, expected) in cases() {
        let mut client = connect();
        client.send(&sent);
        client.stream.shutdown(Shutdown::Write).unwrap();
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(40)]).into_owned();
        assert_eq!(String::from_utf8(client.rest()).unwrap(), expected, "{shown:?}");
    }
}

#[test]
fn bad_requests_are_refused_as_redis_does() {
    let server = Server::start();
    expect_all(|| server.client());
}

#[test]
fn redis_server_refuses_the_same() {
    if has("redis-server") {
        let server = RedisServer::start();
        expect_all(|| server.client());
    }
}

#[test]
fn a_refusal_reaches_a_client_that_goes_on_sending() {
    let server = Server::start();
    let mut client = server.client();
    client.send("PING\r\n*x\r\n");
    let mut stream = client.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        while stream.write_all(&[b'x'; 1024]).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    assert_eq!(client.reply(), b"+PONG\r\n");
    assert_eq!(client.reply(), b"-ERR Protocol error: invalid multibulk length\r\n");
    // It is not listened to for ever.
    drop(client);
    writing.join().unwrap();
}

/// Requests with bytes changed, lost and added. The server answers or not, and serves the next one.
#[test]
fn random_bytes_do_no_harm() {
    let server = Server::start();
    let mut random = fastrand::Rng::with_seed(7);
    let mut other = server.client();
    for _ in 0..500 {
        let mut bytes = Vec::new();
        for _ in 0..random.usize(1..20) {
            let key = [random.u8(b'a'..b'e')];
            let number = random.i64(-3..30).to_string();
            let words: [&[u8]; 12] = [
                b"SET",
                b"GET",
                b"PX",
                b"APPEND",
                b"PEXPIRE",
                b"INCR",
                b"SUBSCRIBE",
                b"PUBLISH",
                b"KEYS",
                b"*[",
                b"MGET",
                b"PUNSUBSCRIBE",
            ];
            let args: Vec<&[u8]> = (0..random.usize(1..6))
                .map(|_| match random.u8(..3) {
                    0 => &key[..],
                    1 => number.as_bytes(),
                    _ => words[random.usize(..words.len())],
                })
                .collect();
            bytes.extend(request(&args));
        }
        for _ in 0..random.usize(..4) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = random.u8(..),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\r\n*$0123456789\"'"[random.usize(..16)]),
            }
        }
        let mut client = server.client();
        for piece in bytes.chunks(random.usize(1..200)) {
            // The server may have hung up.
            let _ = client.stream.write_all(piece);
        }
        let _ = client.stream.shutdown(Shutdown::Write);
        let _ = client.stream.read_to_end(&mut Vec::new());
        other.expect("PING", "+PONG");
    }
}
