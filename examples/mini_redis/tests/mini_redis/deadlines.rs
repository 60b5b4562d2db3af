//! Keys that expire.

use crate::server::{Server, wait_until};

#[test]
fn a_key_is_gone_when_its_time_is_over() {
    let server = Server::start();
    let mut client = server.client();
    for set in ["SET k v PX 30", "PSETEX k 30 v", "SET k v\r\nPEXPIRE k 30"] {
        client.send(format!("{set}\r\n"));
        (0..set.lines().count()).for_each(|_| drop(client.reply()));
        wait_until("it is gone", || client.say("GET k") == "$-1\r\n");
        for (line, reply) in
            [("EXISTS k", ":0"), ("TTL k", ":-2"), ("TYPE k", "+none"), ("STRLEN k", ":0"), ("DEL k", ":0")]
        {
            client.expect(line, reply);
        }
        client.expect("KEYS *", "*0");
    }
}

#[test]
fn what_is_due_and_not_removed_is_not_there() {
    let server = Server::start();
    let mut client = server.client();
    for (line, reply) in
        [("INCR k", ":1"), ("APPEND k x", ":1"), ("SETNX k x", ":1"), ("SET k x KEEPTTL", "+OK")]
    {
        // These come together, and are less than a turn, so the task that removes keys has no turn in between. The
        // deadline, which is at the end of this millisecond, may come before or after that, so it takes some tries to
        // meet it.
        let request =
            format!("SET k 7 PX 1\r\n{}EXISTS k\r\nDBSIZE\r\n{line}\r\nPTTL k\r\n", "PING\r\n".repeat(1_000));
        wait_until("it is due, and not removed", || {
            client.send(&request);
            (0..1_001).for_each(|_| drop(client.reply()));
            let replies: Vec<u8> = (0..4).flat_map(|_| client.reply()).collect();
            client.send("DEL k\r\n");
            client.reply();
            let replies = String::from_utf8(replies).unwrap();
            let Some(rest) = replies.strip_prefix(":0\r\n:1\r\n") else { return false };
            assert_eq!(rest, format!("{reply}\r\n:-1\r\n"), "{line}");
            true
        });
    }
}

#[test]
fn keys_are_removed_though_nobody_asks_for_them() {
    let server = Server::start();
    let mut client = server.client();
    let count = 20_000;
    let sets: String =
        (0..count).map(|number| format!("SET {number} v PX {}\r\n", 1 + number % 100)).collect();
    let stream = client.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut &stream, sets.as_bytes()));
    (0..count).for_each(|_| assert_eq!(client.reply(), b"+OK\r\n"));
    writing.join().unwrap().unwrap();
    // DBSIZE counts what is due and not removed.
    wait_until("all are removed", || client.say("DBSIZE") == ":0\r\n");
}

#[test]
fn an_earlier_deadline_is_not_slept_over() {
    let server = Server::start();
    let mut client = server.client();
    client.expect("SET late v EX 1000", "+OK");
    client.expect("SET early v PX 20", "+OK");
    wait_until("the early one is removed", || client.say("DBSIZE") == ":1\r\n");
    client.expect("PEXPIRE late 20", ":1");
    wait_until("the other one is", || client.say("DBSIZE") == ":0\r\n");
}

#[test]
fn a_deadline_that_was_taken_back_does_not_come() {
    let server = Server::start();
    let mut client = server.client();
    for undo in ["PERSIST k", "SET k w", "EXPIRE k 1000", "GETSET k w"] {
        client.expect("SET k v PX 20", "+OK");
        client.say(undo);
        // A second key tells when the first one's time would have been over.
        client.expect("SET clock v PX 20", "+OK");
        wait_until("time has passed", || client.say("EXISTS clock") == ":0\r\n");
        client.expect("EXISTS k", ":1");
    }
}

#[test]
fn deadlines_that_change_without_end_take_no_memory() {
    let server = Server::start();
    let mut client = server.client();
    client.expect("SET k v EX 1000", "+OK");
    let expires: String = (0..30_000).map(|number| format!("EXPIRE k {}\r\n", 1_000 + number)).collect();
    let mut round = || {
        let (stream, expires) = (client.stream.try_clone().unwrap(), expires.clone());
        let writing = std::thread::spawn(move || std::io::Write::write_all(&mut &stream, expires.as_bytes()));
        (0..30_000).for_each(|_| assert_eq!(client.reply(), b":1\r\n"));
        writing.join().unwrap().unwrap();
    };
    round();
    let before = server.memory();
    (0..3).for_each(|_| round());
    let after = server.memory();
    assert!(after < before + 1024, "it has grown from {before} to {after} KiB");
}
