//! The chat, by clients that follow the protocol, and by some that do not.

mod support;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use std::io::{Read, Write};
use support::{Guest, Server};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn two_guests_hear_each_other() {
    let server = Server::start(&[]);
    let mut ann = Guest::new(&server, "Ann");
    let mut bob = Guest::nameless(&server);
    bob.say(" 鲍勃 ");
    assert_eq!(bob.hear(), "\there: Ann");
    assert_eq!(bob.hear(), "\t鲍勃 has come");
    assert_eq!(ann.hear(), "\t鲍勃 has come");
    for n in 0..100 {
        ann.say(&format!("{n}?"));
        assert_eq!(ann.hear(), format!("Ann\t{n}?"));
        assert_eq!(bob.hear(), format!("Ann\t{n}?"));
        bob.say(&format!("{n}!\tand more\n"));
        assert_eq!(ann.hear(), format!("鲍勃\t{n}!\tand more"));
        assert_eq!(bob.hear(), format!("鲍勃\t{n}!\tand more"));
    }
    // The server answers the frame that closes, and closes first.
    bob.socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "bye".into() })).unwrap();
    assert_eq!(bob.expect_close(), (1000, String::from("bye")));
    assert_eq!(ann.hear(), "\t鲍勃 has left");
    // The name is free again.
    Guest::new(&server, "鲍勃");
}

#[test]
fn fifty_guests_speak_at_once_and_hear_all_in_the_same_order() {
    let server = Server::start(&[]);
    let mut guests: Vec<_> = (0..50).map(|n| Guest::new(&server, &format!("guest {n}"))).collect();
    // The last one has been told of itself.
    for guest in &mut guests[..49] {
        guest.expect("\tguest 49 has come");
    }
    for (n, guest) in guests.iter_mut().enumerate() {
        guest.say(&n.to_string());
    }
    let heard: Vec<Vec<_>> = guests.iter_mut().map(|guest| (0..50).map(|_| guest.hear()).collect()).collect();
    assert!(heard.iter().all(|what| *what == heard[0]));
    let mut sorted = heard[0].clone();
    sorted.sort();
    let mut expected: Vec<_> = (0..50).map(|n| format!("guest {n}\t{n}")).collect();
    expected.sort();
    assert_eq!(sorted, expected);
}

#[test]
fn names_that_will_not_do_are_refused() {
    let server = Server::start(&[]);
    let _ann = Guest::new(&server, "Ann");
    for name in ["Ann", "", " ", "a\tb", "a name of more than 24 characters"] {
        let mut guest = Guest::nameless(&server);
        guest.say(name);
        let (code, reason) = guest.expect_close();
        assert_eq!(code, 1008);
        assert!(reason.contains("name"), "{reason}");
    }
}

#[test]
fn a_message_in_fragments_is_one_message() {
    let server = Server::start(&[]);
    let mut ann = Guest::new(&server, "Ann");
    let text = "tea ".repeat(2_000) + "龙井";
    let parts: Vec<_> = text.as_bytes().chunks(700).collect();
    for (n, part) in parts.iter().enumerate() {
        let opcode = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
        let frame = Frame::message(part.to_vec(), opcode, n + 1 == parts.len());
        ann.socket.send(Message::Frame(frame)).unwrap();
        // Control frames may come between.
        ann.socket.send(Message::Ping(vec![n as u8].into())).unwrap();
    }
    let mut pongs = 0;
    loop {
        match ann.socket.read().unwrap() {
            Message::Pong(_) => pongs += 1,
            Message::Text(heard) => break assert_eq!(heard, format!("Ann\t{text}")),
            other => panic!("{other:?}"),
        }
    }
    assert!(pongs > 0);
}

#[test]
fn a_message_may_be_large_but_not_too_large() {
    let server = Server::start(&[]);
    let mut ann = Guest::new(&server, "Ann");
    let largest = "x".repeat(16 * 1024);
    ann.say(&largest);
    assert_eq!(ann.hear(), format!("Ann\t{largest}"));
    ann.say(&(largest + "x"));
    assert_eq!(ann.expect_close().0, 1009);

    let mut bob = Guest::new(&server, "Bob");
    for n in 0..17 {
        let opcode = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
        bob.socket.send(Message::Frame(Frame::message(vec![b'x'; 1024], opcode, false))).unwrap();
    }
    assert_eq!(bob.expect_close().0, 1009);

    // The length alone is enough: 2⁶³ − 1 bytes are not waited for, and no room is made for them.
    let mut eve = Guest::new(&server, "Eve");
    eve.send_raw(&[&[0x81, 0xFF, 0x7F][..], &[0xFF; 7], &[0; 4]].concat());
    assert_eq!(eve.expect_close().0, 1009);
}

#[test]
fn what_is_not_the_protocol_is_answered_with_the_right_code() {
    let server = Server::start(&[]);
    let mut ann = Guest::new(&server, "Ann");
    // Each has a mask of zeros, except for the first.
    let cases: [(&str, &[u8], u16); 12] = [
        ("without a mask", &[0x81, 0x01, b'x'], 1002),
        ("a bit that is reserved", &[0xC1, 0x80, 0, 0, 0, 0], 1002),
        ("a kind of data that is reserved", &[0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a kind of control that is reserved", &[0x8B, 0x80, 0, 0, 0, 0], 1002),
        ("the rest of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("a message within another", &[0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], 1002),
        ("a ping in fragments", &[0x09, 0x80, 0, 0, 0, 0], 1002),
        ("a close with half a code", &[0x88, 0x81, 0, 0, 0, 0, 3], 1002),
        ("a close with a code for nobody", &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1002),
        ("bytes", &[0x82, 0x80, 0, 0, 0, 0], 1003),
        ("text that is none", &[0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007),
        ("half a letter", &[0x01, 0x81, 0, 0, 0, 0, 0xC3, 0x80, 0x80, 0, 0, 0, 0], 1007),
    ];
    for (what, bytes, code) in cases {
        let mut guest = Guest::new(&server, "somebody");
        guest.send_raw(bytes);
        assert_eq!(guest.expect_close().0, code, "{what}");
        // The name is free again.
        ann.expect("\tsomebody has left");
    }
    let mut guest = Guest::new(&server, "a long ping");
    guest.send_raw(&[&[0x89, 0xFE, 0, 126, 0, 0, 0, 0][..], &[b'x'; 126]].concat());
    assert_eq!(guest.expect_close().0, 1002);
    // No other guest is affected.
    ann.say("still here");
    ann.expect("Ann\tstill here");
}

#[test]
fn a_client_that_vanishes_has_left() {
    let server = Server::start(&[]);
    let mut ann = Guest::new(&server, "Ann");
    for n in 0..10 {
        let mut bob = Guest::new(&server, "Bob");
        if n % 2 == 0 {
            // In the middle of a frame.
            bob.send_raw(&[0x81, 0x85, 0, 0, 0, 0, b'x']);
        }
        drop(bob);
        ann.expect("\tBob has left");
    }
}

#[test]
fn a_client_that_does_not_answer_pings_is_dropped() {
    let server = Server::start(&["--ping", "1000"]);
    let mut ann = Guest::new(&server, "Ann");
    // It does not read, so it does not answer.
    let _mute = Guest::new(&server, "mute");
    ann.expect("\tmute has left");
    // Ann, who reads, has answered.
    ann.say("quiet now");
    ann.expect("Ann\tquiet now");
}

#[test]
fn a_client_that_does_not_read_is_dropped_before_it_costs_memory() {
    let server = Server::start(&[]);
    let mut ann = Guest::new(&server, "Ann");
    let slow = Guest::new(&server, "slow");
    ann.expect("\tslow has come");
    let before = server.memory();
    let text = "x".repeat(16 * 1024);
    // This is far more than the outbox and the system's buffers can hold.
    let mut said = 0;
    while said < 10_000 {
        ann.say(&text);
        said += 1;
        let heard = ann.hear();
        if heard == "\tslow does not listen, and was sent away" {
            break;
        }
    }
    assert!(said < 10_000);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB for {said} messages");
    ann.expect(&format!("Ann\t{text}"));
    ann.say("on we go");
    ann.expect("Ann\ton we go");
    drop(slow);
}

#[test]
fn a_client_that_sends_pings_and_does_not_read_is_dropped_before_it_costs_memory() {
    for has_name in [true, false] {
        let server = Server::start(&["--ping", "1000"]);
        let before = server.memory();
        let mut eve = if has_name { Guest::new(&server, "Eve") } else { Guest::nameless(&server) };
        // As many as go into one write, each with 125 bytes.
        let pings = [&[0x89, 0xFD, 0, 0, 0, 0][..], &[b'x'; 125]].concat().repeat(500);
        // It writes until the server has closed. A client that waited for an answer would not get here.
        while eve.socket.get_mut().write_all(&pings).is_ok() {}
        let grown = server.largest_memory().saturating_sub(before);
        assert!(grown < 16 * 1024, "{grown} KiB");
        let mut ann = Guest::new(&server, "Ann");
        ann.say("still here");
        ann.expect("Ann\tstill here");
    }
}

#[test]
fn a_client_that_closes_and_does_not_read_is_dropped() {
    let server = Server::start(&["--ping", "1000"]);
    let mut ann = Guest::new(&server, "Ann");
    let mut eve = Guest::new(&server, "Eve");
    // It sends a close, and then more, and no end of the stream.
    eve.send_raw(&[0x88, 0x80, 0, 0, 0, 0, 0x89, 0x80, 0, 0, 0, 0]);
    ann.expect("\tEve has left");
    let mut bob = Guest::new(&server, "Bob");
    // A message that begins, and never ends.
    bob.send_raw(&[0x01, 0x81, 0, 0, 0, 0, b'x']);
    ann.expect("\tBob has come");
    ann.expect("\tBob has left");
}

#[test]
fn who_is_one_too_many_waits_until_another_has_left() {
    let server = Server::start(&["--max-clients", "2"]);
    let mut ann = Guest::new(&server, "Ann");
    let bob = Guest::new(&server, "Bob");
    ann.expect("\tBob has come");
    let mut third = server.connect();
    third.write_all(format!("{HANDSHAKE}\r\n").as_bytes()).unwrap();
    third.set_nonblocking(true).unwrap();
    // The server continues, and leaves it alone.
    for n in 0..20 {
        ann.say(&n.to_string());
        ann.expect(&format!("Ann\t{n}"));
    }
    assert_eq!(third.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    third.set_nonblocking(false).unwrap();
    drop(bob);
    let mut answer = [0; 12];
    third.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[test]
fn a_list_of_many_names_is_not_longer_than_a_message() {
    let server = Server::start(&["--ping", "600000"]);
    let name = |n: usize| format!("{n:03} {}", "梅".repeat(20));
    let _guests: Vec<_> = (0..150).map(|n| Guest::new(&server, &name(n))).collect();
    let mut ann = Guest::nameless(&server);
    ann.say("Ann");
    let list = ann.hear();
    assert!(list.starts_with(&format!("\there: {}, {}", name(0), name(1))), "{list}");
    let shown = list.matches("梅".repeat(20).as_str()).count();
    assert!(list.len() < 5_000 && list.ends_with(&format!(" and {} others", 150 - shown)), "{list}");
    ann.expect("\tAnn has come");
}

#[test]
fn sigterm_says_goodbye_to_all_and_ends_well() {
    let mut server = Server::start(&[]);
    let mut guests: Vec<_> = (0..10).map(|n| Guest::new(&server, &format!("guest {n}"))).collect();
    let mut nameless = Guest::nameless(&server);
    // One has asked for nothing yet, one never answers, and one is in the middle of a frame.
    let mut silent = server.connect();
    let mute = Guest::new(&server, "mute");
    guests[0].send_raw(&[0x81, 0x85, 0, 0, 0, 0, b'x']);
    guests[1].expect("\tmute has come");
    server.terminate();
    for guest in &mut guests {
        assert_eq!(guest.expect_close(), (1001, String::from("the server ends")));
    }
    assert_eq!(nameless.expect_close().0, 1001);
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert!(server.wait().success());
    drop(mute);
}

#[test]
fn http_gets_the_page_and_clear_refusals() {
    let server = Server::start(&[]);
    let page = server.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("new WebSocket"), "{page}");
    assert_eq!(page.split_once("\r\n\r\n").unwrap().1, include_str!("../src/page.html"));
    let cases = [
        ("GET /else HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /chat HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("what is this?\r\n\r\n", "400 Bad Request"),
        ("GET /chat HTTP/1.1\r\nHost: x\r\n\r\n", "426 Upgrade Required"),
        (&format!("{}\r\n", HANDSHAKE.replace("13", "8")), "426 Upgrade Required"),
        (&format!("{HANDSHAKE}Origin: http://elsewhere\r\n\r\n"), "403 Forbidden"),
        (
            &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(10_000)),
            "431 Request Header Fields Too Large",
        ),
    ];
    for (request, status) in cases {
        let answer = server.ask(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{status}\n")), "{answer}");
    }
}

#[test]
fn a_field_that_decides_something_stands_once_and_is_text() {
    let server = Server::start(&[]);
    let ask = |request: &[u8]| {
        let mut stream = server.connect();
        stream.write_all(request).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[9..]).into_owned()
    };
    let good = format!("{HANDSHAKE}\r\n");
    assert_eq!(ask(good.as_bytes()), "101");
    let others: [(&[u8], &str); 23] = [
        (b"Origin: http://x", "101"),
        (b"Origin: https://X", "101"),
        (b"Content-Length: 0", "101"),
        (b"Origin: http://elsewhere", "403"),
        (b"Origin: null", "403"),
        (b"Origin:", "403"),
        (b"Origin: x", "403"),
        (b"Origin: file://x", "403"),
        (b"Origin: http://x.elsewhere", "403"),
        (b"Origin: http://x, http://x", "403"),
        (b"Origin: http://\xe9lsewhere", "400"),
        (b"Origin: http://\xc3\xa9lsewhere", "400"),
        (b"Origin: http://x\r\nOrigin: http://elsewhere", "400"),
        (b"Origin: http://elsewhere\r\nOrigin: http://x", "400"),
        (b"Origin: http://x\r\norigin: http://x", "400"),
        (b"Host: elsewhere", "400"),
        (b"Host: x", "400"),
        (b"Upgrade: h2c", "400"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "400"),
        (b"Sec-WebSocket-Version: 8", "400"),
        (b"Content-Length: 9", "400"),
        (b"Transfer-Encoding: chunked", "400"),
        (b"Content-Length: 0\r\nContent-Length: 9", "400"),
    ];
    for (field, status) in others {
        let request = [HANDSHAKE.as_bytes(), field, b"\r\n\r\n"].concat();
        assert_eq!(ask(&request), status, "{}", field.escape_ascii());
    }
    for (field, instead, status) in [
        ("Host: x\r\n", "", "400"),
        ("Host: x", "Host: \u{e9}", "400"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", "400"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "\u{e9}", "400"),
        ("Upgrade: websocket", "Upgrade: websock\u{e9}t", "400"),
        ("Upgrade: websocket", "Upgrade: h2c", "426"),
        ("Version: 13", "Version: \u{e9}", "400"),
        ("Connection: keep-alive, Upgrade", "Connection: keep-alive", "426"),
        ("HTTP/1.1", "HTTP/1.0", "400"),
        ("GET /chat", "GET http://elsewhere/chat", "400"),
        ("GET /chat", "GET http://x/chat", "101"),
    ] {
        assert_eq!(ask(good.replace(field, instead).as_bytes()), status, "{instead}");
    }
}

#[test]
fn a_handshake_may_come_in_pieces_and_with_the_first_frame_behind_it() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    let request = format!("{HANDSHAKE}Origin: http://x\r\n\r\n");
    let frame = [0x81, 0x83, 0, 0, 0, 0, b'A', b'n', b'n'];
    let (all, last) = request.as_bytes().split_at(request.len() - 1);
    for byte in all {
        stream.write_all(&[*byte]).unwrap();
    }
    stream.write_all(&[last, &frame].concat()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x0D\tAnn has come") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    // The example of RFC 6455, 1.3.
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
}
