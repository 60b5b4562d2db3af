//! A long command of one client does not keep the others waiting, and its result is right all the same.

use crate::server::{Client, Server, request};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::thread;

/// Sends a long command, and sends other commands from another client. These are answered before the last reply of the
/// first, which has so many bytes in total. If this machine is busy, the test may come late to see that, so it has some
/// tries. A server that keeps others waiting never succeeds.
#[track_caller]
fn expect_others_first(server: &Server, mut long: impl FnMut() -> (Client, Vec<u8>, usize)) -> Client {
    let mut other = server.client();
    for _ in 0..200 {
        let (mut client, request, replies) = long();
        client.send(request);
        other.expect("PING", "+PONG");
        other.expect("SET other x", "+OK");
        client.stream.set_nonblocking(true).unwrap();
        let seen = client.stream.peek(&mut vec![0; replies]);
        client.stream.set_nonblocking(false).unwrap();
        match seen {
            Ok(len) if len == replies => {}
            Ok(_) => return client,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return client;
            }
        }
    }
    panic!("the others were answered after it");
}

/// Returns a pattern and a text whose comparison takes some hundred million steps.
fn slow() -> (Vec<u8>, Vec<u8>) {
    ([b"*".to_vec(), b"a".repeat(20_000), b"c".to_vec()].concat(), b"a".repeat(40_000))
}

/// Stores so many keys, which are numbers of six digits.
fn fill(client: &mut Client, count: usize) {
    let keys: Vec<String> = (0..count).map(|number| format!("{number:06}")).collect();
    for keys in keys.chunks(50_000) {
        let mut args: Vec<&[u8]> = vec![b"MSET"];
        keys.iter().for_each(|key| args.extend([key.as_bytes(), b"v"]));
        assert_eq!(client.ask(&args), b"+OK\r\n");
    }
}

#[test]
fn a_pattern_that_takes_seconds_holds_up_nobody() {
    let server = Server::start();
    let mut client = server.client();
    let (pattern, text) = slow();
    for number in 0..5 {
        client.ask(&[b"SET", &[&text[..], &[b'0' + number]].concat(), b"v"]);
    }
    expect_others_first(&server, || (server.client(), request(&[b"KEYS", &pattern]), 1));

    // The pattern is a subscriber's: the publisher waits, and no other client does.
    let mut subscriber = server.client();
    subscriber.ask(&[b"PSUBSCRIBE", &pattern]);
    expect_others_first(&server, || (server.client(), request(&[b"PUBLISH", &text, b"x"]), 1));
    server.client().expect("PUBLISH b x", ":0");

    // The pattern is compared with settings, which are short: only the pattern is long.
    let pattern = [b"*[".to_vec(), b"z".repeat(100_000), b"]".to_vec()].concat();
    let mut args: Vec<&[u8]> = vec![b"CONFIG", b"GET"];
    args.extend([&pattern[..]; 100]);
    expect_others_first(&server, || (server.client(), request(&args), 1));
}

#[test]
fn requests_that_come_together_are_not_all_done_together() {
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client, 5_000);
    expect_others_first(&server, || (server.client(), b"KEYS nothing*\r\n".repeat(1_000), 4_000));
    // Requests that contain no command and have no reply.
    let requests = [&b"*0\r\n".repeat(1_000_000)[..], b"PING\r\n"].concat();
    expect_others_first(&server, || (server.client(), requests.clone(), 1));
}

#[test]
fn all_keys_are_gone_at_once_and_are_freed_bit_by_bit() {
    let server = Server::start();
    let mut client = server.client();
    let mut flushing = expect_others_first(&server, || {
        fill(&mut client, 400_000);
        (server.client(), b"FLUSHALL\r\n".to_vec(), 1)
    });
    // What came after it stays.
    let mut other = server.client();
    other.expect("DBSIZE", ":1");
    assert_eq!(flushing.reply(), b"+OK\r\n");
    other.expect("DBSIZE", ":1");
    // The same if nobody waits for its end.
    fill(&mut client, 400_000);
    client.send("FLUSHALL\r\n");
    client.crash();
    crate::server::wait_until("it is empty", || other.say("DBSIZE") == ":0\r\n");
    other.expect("FLUSHALL", "+OK");
    assert_eq!(other.info("used_memory"), 0);
}

#[test]
fn very_many_keys_are_counted_and_removed_one_by_one() {
    const COUNT: usize = 200_000;
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client, COUNT / 2);
    let keys: Vec<String> = (0..COUNT).map(|number| format!("{number:06}")).collect();
    let ask = |command: &[u8]| {
        let mut args = vec![command];
        (0..4).for_each(|_| args.extend(keys.iter().map(|key| key.as_bytes())));
        request(&args)
    };
    let mut counting = expect_others_first(&server, || (server.client(), ask(b"EXISTS"), 1));
    assert_eq!(counting.reply(), b":400000\r\n");
    for (command, reply) in [("DEL", b":100000\r\n" as &[u8]), ("UNLINK", b":0\r\n")] {
        client.send(ask(command.as_bytes()));
        assert_eq!(client.reply(), reply);
    }
    client.expect("KEYS *", "*1\r\n$5\r\nother");
}

#[test]
fn keys_that_stay_are_found_once_while_others_come_and_go() {
    const COUNT: usize = 20_000;
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client, COUNT);
    client.send("KEYS *[0-9]*[0-9]*[0-9]*\r\n");
    let mut other = server.client();
    for number in (1..COUNT).step_by(20) {
        other.expect(&format!("DEL {number:06}"), ":1");
        other.expect(&format!("SET 9{number:06} x"), "+OK");
    }
    let reply = String::from_utf8(client.reply()).unwrap();
    let found: Vec<&str> =
        reply.split("\r\n").filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    let different: BTreeSet<&str> = found.iter().copied().collect();
    assert_eq!(found.len(), different.len(), "a key is found twice");
    for number in (0..COUNT).filter(|number| number % 20 != 1) {
        assert!(different.contains(format!("{number:06}").as_str()), "{number} was there all the time");
    }
    assert!(reply.starts_with(&format!("*{}\r\n", found.len())));
}

#[test]
fn many_subscriptions_begin_and_end_without_holding_up_others() {
    const COUNT: usize = 100_000;
    let server = Server::start();
    let names: Vec<String> = (0..COUNT).map(|number| format!("{number:06}")).collect();
    let mut args: Vec<&[u8]> = vec![b"SUBSCRIBE"];
    args.extend(names.iter().map(|name| name.as_bytes()));
    let mut client = expect_others_first(&server, || (server.client(), request(&args), 1));
    for (index, name) in names.iter().enumerate() {
        let reply = format!("*3\r\n$9\r\nsubscribe\r\n$6\r\n{name}\r\n:{}\r\n", index + 1);
        assert_eq!(client.reply(), reply.as_bytes());
    }
    // It leaves, while messages come.
    client.send("UNSUBSCRIBE\r\n");
    let mut other = server.client();
    let mut published = 0;
    for name in names.iter().rev().step_by(1_000) {
        published += usize::from(other.say(&format!("PUBLISH {name} x")) == ":1\r\n");
    }
    let (mut left, mut messages) = (BTreeSet::new(), 0);
    while left.len() < COUNT {
        let reply = String::from_utf8(client.reply()).unwrap();
        let name = reply.split("\r\n").nth(4).unwrap().to_owned();
        match reply.contains("unsubscribe") {
            true => assert!(left.insert(name)),
            false => {
                messages += 1;
                assert!(!left.contains(&name), "a message after it was confirmed that none comes");
            }
        }
    }
    assert_eq!(messages, published);
    // A client that vanishes with so many leaves them too, and so does one that starts again.
    let mut vanishing = server.client();
    vanishing.send(request(&args));
    (0..COUNT).for_each(|_| drop(vanishing.reply()));
    vanishing.crash();
    crate::server::wait_until("it has left", || other.info("pubsub_channels") == 0);
    client.send(request(&args));
    (0..COUNT).for_each(|_| drop(client.reply()));
    client.send("RESET\r\n");
    assert_eq!(client.reply(), b"+RESET\r\n");
    assert_eq!(other.info("pubsub_channels"), 0);
}

#[test]
fn all_subscribers_hear_in_the_same_order() {
    const MESSAGES: usize = 50;
    let server = Server::start();
    // There are so many that a message is not delivered in one turn.
    let patterns: Vec<Vec<u8>> = (1..=100).map(|len| [b"a".to_vec(), b"*".repeat(len)].concat()).collect();
    let mut args: Vec<&[u8]> = vec![b"PSUBSCRIBE"];
    args.extend(patterns.iter().map(|pattern| &pattern[..]));
    let subscribers: Vec<Client> = (0..60)
        .map(|_| {
            let mut client = server.client();
            client.send(request(&args));
            (0..patterns.len()).for_each(|_| drop(client.reply()));
            client
        })
        .collect();
    let publishers = ["x", "y"].map(|text| {
        let mut client = server.client();
        thread::spawn(move || {
            (0..MESSAGES).for_each(|number| client.expect(&format!("PUBLISH a {text}{number}"), ":6000"))
        })
    });
    let heard = subscribers.into_iter().map(|mut client| {
        thread::spawn(move || -> Vec<Vec<u8>> { (0..2 * MESSAGES * 100).map(|_| client.reply()).collect() })
    });
    let heard: Vec<_> = heard.collect();
    let heard: Vec<_> = heard.into_iter().map(|heard| heard.join().unwrap()).collect();
    assert!(heard.iter().all(|what| *what == heard[0]));
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
}
