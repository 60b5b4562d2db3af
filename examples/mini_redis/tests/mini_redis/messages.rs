//! Publishing and subscribing.

use crate::server::{Client, Server, request, wait_until};
use std::thread;

fn message(channel: &str, text: &str) -> Vec<u8> {
    request(&[b"message", channel.as_bytes(), text.as_bytes()])
}

fn subscribe(server: &Server, channel: &str) -> Client {
    let mut client = server.client();
    let expected = format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{channel}\r\n:1", channel.len());
    client.expect(&format!("SUBSCRIBE {channel}"), &expected);
    client
}

#[test]
fn a_message_reaches_those_who_have_subscribed() {
    let server = Server::start();
    let mut publisher = server.client();
    publisher.expect("PUBLISH a nobody", ":0");
    let (mut first, mut second, mut other) =
        (subscribe(&server, "a"), subscribe(&server, "a"), subscribe(&server, "b"));
    publisher.expect("PUBLISH a tea", ":2");
    publisher.expect("PUBLISH b coffee", ":1");
    assert_eq!(first.reply(), message("a", "tea"));
    assert_eq!(second.reply(), message("a", "tea"));
    assert_eq!(other.reply(), message("b", "coffee"));
}

#[test]
fn a_pattern_and_a_channel_are_two_subscriptions() {
    let server = Server::start();
    let mut subscriber = subscribe(&server, "tea");
    subscriber.expect("PSUBSCRIBE t* ?ea", "*3\r\n$10\r\npsubscribe\r\n$2\r\nt*\r\n:2");
    assert_eq!(subscriber.reply(), b"*3\r\n$10\r\npsubscribe\r\n$3\r\n?ea\r\n:3\r\n");
    let mut publisher = server.client();
    publisher.expect("PUBLISH tea hot", ":3");
    publisher.expect("PUBLISH time now", ":1");
    let mut replies: Vec<_> = (0..3).map(|_| subscriber.reply()).collect();
    // The order of the patterns is not specified.
    replies[1..].sort();
    let pattern = |pattern: &[u8]| request(&[b"pmessage", pattern, b"tea", b"hot"]);
    assert_eq!(replies, [message("tea", "hot"), pattern(b"t*"), pattern(b"?ea")]);
    assert_eq!(subscriber.reply(), request(&[b"pmessage", b"t*", b"time", b"now"]));
}

#[test]
fn who_listens_may_do_little_else() {
    let server = Server::start();
    let mut client = subscribe(&server, "a");
    for command in ["GET a", "PUBLISH a b", "ECHO x", "SET a b"] {
        let name = command.split(' ').next().unwrap().to_lowercase();
        let reply = format!(
            "-ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
             this context"
        );
        client.expect(command, &reply);
    }
    client.expect("PING", "*2\r\n$4\r\npong\r\n$0");
    client.expect("PING x", "*2\r\n$4\r\npong\r\n$1\r\nx");
    client.expect("UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0");
    client.expect("GET a", "$-1");
    client.expect("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1");
    client.expect("RESET", "+RESET");
    client.expect("PING", "+PONG");
    server.client().expect("PUBLISH a b", ":0");
}

#[test]
fn subscriptions_end_with_the_connection() {
    let server = Server::start();
    let (left, crashed) = (subscribe(&server, "a"), subscribe(&server, "b"));
    let mut client = server.client();
    assert_eq!(client.info("pubsub_channels"), 2);
    drop(left);
    crashed.crash();
    wait_until("they are gone", || client.info("pubsub_channels") == 0);
    client.expect("PUBLISH a b", ":0");
}

#[test]
fn confirmations_and_messages_keep_their_order() {
    let server = Server::start();
    let mut subscriber = server.client();
    let publishing = thread::spawn({
        let mut publisher = server.client();
        move || {
            while publisher.say("PUBLISH a x") != ":1\r\n" || publisher.say("PUBLISH end x") != ":1\r\n" {}
        }
    });
    // Between its confirmations, it gets messages of what it listens to, and nothing else.
    let mut is_listening = false;
    for round in 0..2_000 {
        let (word, count) = if round % 2 == 0 { ("subscribe", 1) } else { ("unsubscribe", 0) };
        subscriber.send(format!("{word} a\r\n"));
        let confirmation = format!("*3\r\n${}\r\n{word}\r\n$1\r\na\r\n:{count}\r\n", word.len());
        loop {
            let reply = subscriber.reply();
            if reply == confirmation.as_bytes() {
                break;
            }
            assert!(is_listening && reply == message("a", "x"), "{}", reply.escape_ascii());
        }
        is_listening = round % 2 == 0;
    }
    subscriber.send("SUBSCRIBE a end\r\n");
    while subscriber.reply() != message("end", "x") {}
    publishing.join().unwrap();
}

#[test]
fn many_messages_to_many_subscribers_arrive_in_order() {
    const MESSAGES: usize = 2_000;
    let server = Server::start();
    let subscribers: Vec<_> = (0..20).map(|_| subscribe(&server, "a")).collect();
    let reading: Vec<_> = subscribers
        .into_iter()
        .map(|mut subscriber| {
            thread::spawn(move || {
                for number in 0..MESSAGES {
                    assert_eq!(subscriber.reply(), message("a", &number.to_string()));
                }
            })
        })
        .collect();
    let mut publisher = server.client();
    publisher.send((0..MESSAGES).map(|number| format!("PUBLISH a {number}\r\n")).collect::<String>());
    (0..MESSAGES).for_each(|_| assert_eq!(publisher.reply(), b":20\r\n"));
    reading.into_iter().for_each(|reading| reading.join().unwrap());
}
