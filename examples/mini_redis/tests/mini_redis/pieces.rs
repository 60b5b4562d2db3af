//! Requests in pieces, many at once, large ones, and any bytes.

use crate::server::{Server, request};
use std::io::Write;
use std::net::Shutdown;
use std::thread;

#[test]
fn requests_that_come_together_are_answered_in_order() {
    const COUNT: usize = 100_000;
    let server = Server::start();
    let mut client = server.client();
    let mut stream = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        let all: Vec<_> =
            (0..COUNT).flat_map(|number| format!("ECHO {number}\r\nINCR n\r\n").into_bytes()).collect();
        stream.write_all(&all)
    });
    for number in 0..COUNT {
        let text = number.to_string();
        assert_eq!(client.reply(), format!("${}\r\n{text}\r\n", text.len()).as_bytes());
        assert_eq!(client.reply(), format!(":{}\r\n", number + 1).as_bytes());
    }
    writing.join().unwrap().unwrap();
}

#[test]
fn a_request_may_come_a_byte_at_a_time() {
    let server = Server::start();
    let mut client = server.client();
    let sent =
        [request(&[b"SET", b"key", b"a\r\nb"]), b"get \"key\"\r\n".into(), request(&[b"PING"])].concat();
    for byte in sent {
        client.send([byte]);
    }
    assert_eq!(client.reply(), b"+OK\r\n");
    assert_eq!(client.reply(), b"$4\r\na\r\nb\r\n");
    assert_eq!(client.reply(), b"+PONG\r\n");
}

#[test]
fn keys_and_values_are_any_bytes() {
    let server = Server::start();
    let mut client = server.client();
    let all: Vec<u8> = (0..=255).collect();
    let nasty: [&[u8]; 5] = [&all, b"", b"\r\n", b"$3\r\nfoo\r\n", b"\xff\xfe\x00"];
    for key in nasty {
        for value in nasty {
            assert_eq!(client.ask(&[b"SET", key, value]), b"+OK\r\n");
            let expected = [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat();
            assert_eq!(client.ask(&[b"GET", key]), expected);
        }
    }
    client.expect("DBSIZE", ":5");
}

#[test]
fn a_client_that_has_closed_its_direction_gets_its_replies() {
    let server = Server::start();
    let mut client = server.client();
    let value = vec![b'x'; 1024 * 1024];
    client.send([request(&[b"SET", b"k", &value]), request(&[b"GET", b"k"]).repeat(20)].concat());
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.reply(), b"+OK\r\n");
    let expected = [b"$1048576\r\n", &value[..], b"\r\n"].concat();
    (0..20).for_each(|_| assert!(client.reply() == expected));
    assert!(client.rest().is_empty());
}

#[test]
fn a_thousand_keys_in_one_request() {
    let server = Server::start();
    let mut client = server.client();
    let names: Vec<String> = (0..1_000).map(|number| format!("key {number}")).collect();
    let mut args: Vec<&[u8]> = vec![b"MSET"];
    names.iter().for_each(|name| args.extend([name.as_bytes(), name.as_bytes()]));
    assert_eq!(client.ask(&args), b"+OK\r\n");
    let keys: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    assert_eq!(client.ask(&[&[&b"MGET"[..]], &keys[..]].concat()), request(&keys));
    assert_eq!(client.ask(&[&[&b"DEL"[..]], &keys[..]].concat()), b":1000\r\n");
}
