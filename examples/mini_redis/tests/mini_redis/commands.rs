//! Every command, by conversations recorded from Redis.

use crate::programs::RedisServer;
use crate::server::{Client, Server, has};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

/// A line, and what is printed of the reply.
type Exchange = (String, String);

fn conversations() -> Vec<Vec<Exchange>> {
    let text = include_str!("conversations.txt");
    let mut all = vec![Vec::<Exchange>::new()];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let current = all.last_mut().unwrap();
        match (line.strip_prefix("> "), current.last_mut()) {
            (Some(said), _) => current.push((said.to_owned(), String::new())),
            (None, Some((_, reply))) if !line.is_empty() => {
                reply.push_str(line);
                reply.push('\n');
            }
            (None, _) => all.push(Vec::new()),
        }
    }
    all.retain(|conversation| !conversation.is_empty());
    assert!(all.len() > 50);
    all
}

/// Shows a reply as redis-cli does. An array has at most nine elements here, none of which is an array.
fn show(reply: &[u8]) -> String {
    let mut shown = String::new();
    let mut rest = reply;
    let mut number = 0;
    while let Some(end) = rest.windows(2).position(|end| end == b"\r\n") {
        let (line, after) = (std::str::from_utf8(&rest[..end]).unwrap(), &rest[end + 2..]);
        rest = after;
        if number > 0 {
            write!(shown, "{number}) ").unwrap();
            number += 1;
        }
        let (kind, text) = line.split_at(1);
        match (kind, text) {
            ("+", text) => shown.push_str(text),
            ("-", text) => write!(shown, "(error) {text}").unwrap(),
            (":", text) => write!(shown, "(integer) {text}").unwrap(),
            ("$", "-1") => shown.push_str("(nil)"),
            ("$", len) => {
                let (content, after) = rest.split_at(len.parse().unwrap());
                write!(shown, "\"{}\"", content.escape_ascii()).unwrap();
                rest = &after[2..];
            }
            ("*", "0") => shown.push_str("(empty array)"),
            ("*", _) => {
                number = 1;
                continue;
            }
            _ => panic!("this is no reply: {line}"),
        }
        shown = shown.trim_end().to_owned() + "\n";
    }
    shown
}

fn hold_conversations(mut client: Client) {
    for conversation in conversations() {
        client.expect("FLUSHALL", "+OK");
        for (said, expected) in conversation {
            client.send(format!("{said}\r\n"));
            assert_eq!(show(&client.reply()), expected, "{said}");
        }
    }
}

#[test]
fn each_command_answers_as_it_should() {
    hold_conversations(Server::start().client());
}

#[test]
fn redis_server_answers_each_command_in_the_same_way() {
    if has("redis-server") {
        let server = RedisServer::start();
        hold_conversations(server.client());
    }
}

#[test]
fn redis_cli_shows_the_same_replies() {
    if !has("redis-cli") {
        return;
    }
    let server = Server::start();
    let (mut script, mut expected) = (String::new(), String::new());
    for conversation in conversations() {
        script.push_str("FLUSHALL\n");
        expected.push_str("OK\n");
        for (said, reply) in conversation {
            writeln!(script, "{said}").unwrap();
            expected.push_str(&reply);
        }
    }
    let mut cli = server.program("redis-cli");
    let mut cli = cli.arg("--no-raw").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = cli.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = cli.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    // redis-cli adds an empty line here and there, after errors.
    let lines = lines.lines().map(str::trim_end).filter(|line| !line.is_empty());
    for (number, (actual, expected)) in lines.zip(expected.lines()).enumerate() {
        assert_eq!(actual, expected, "line {number}");
    }
    assert!(output.status.success());
}

#[test]
fn hello_tells_who_is_there() {
    let server = Server::start();
    let mut client = server.client();
    let hello = client.say("HELLO 2 SETNAME tea");
    assert!(hello.starts_with("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n"), "{hello}");
    assert!(hello.contains("$5\r\nproto\r\n:2\r\n"), "{hello}");
    client.expect("CLIENT GETNAME", "$3\r\ntea");
    client.expect("CLIENT SETINFO lib-name test", "+OK");
    client.expect("HELLO 3", "-NOPROTO unsupported protocol version");
    // Each client has a number of its own, and a name.
    let mut other = server.client();
    assert_ne!(client.say("CLIENT ID"), other.say("CLIENT ID"));
    other.expect("CLIENT GETNAME", "$-1");
}

#[test]
fn info_counts() {
    let server = Server::start();
    let (mut client, other) = (server.client(), server.client());
    client.expect("MSET a 1 b 2", "+OK");
    client.expect("EXPIRE a 100", ":1");
    assert!(client.say("INFO").contains("db0:keys=2,expires=1,avg_ttl=0"));
    assert_eq!(client.info("total_commands_processed"), 4);
    crate::server::wait_until("both are counted", || client.info("connected_clients") == 2);
    drop(other);
    crate::server::wait_until("one has left", || client.info("connected_clients") == 1);
}

#[test]
fn quit_is_the_last_request() {
    let server = Server::start();
    let mut client = server.client();
    client.send("SET k v\r\nQUIT\r\nSET k w\r\n");
    assert_eq!(client.rest(), b"+OK\r\n+OK\r\n");
    server.client().expect("GET k", "$1\r\nv");
}

#[test]
fn a_browser_that_was_tricked_gets_nothing_done() {
    let server = Server::start();
    for head in ["POST / HTTP/1.1\r\n", "OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\n"] {
        let mut client = server.client();
        client.send(format!("{head}\r\nSET k v\r\n"));
        client.rest();
    }
    server.client().expect("EXISTS k", ":0");
}
