//! The small example servers, seen from outside. `http` has the large one.

use crate::servers::{Server, accept, reset, run, wait_until};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    let cases: [(&str, &[&str]); 20] = [
        ("hello", &["nonsense"]),
        ("hello", &["127.0.0.1:0", "more"]),
        ("echo", &["127.0.0.1:70000"]),
        ("chat", &[""]),
        ("proxy", &[]),
        ("proxy", &["127.0.0.1:0"]),
        ("proxy", &["127.0.0.1:0", "nowhere"]),
        ("http", &["127.0.0.1"]),
        ("http", &["--header-timeout"]),
        ("http", &["--idle-timeout", "soon"]),
        ("http", &["--cores", "0"]),
        ("http", &["--cores", "some"]),
        ("http", &["--drain-delay"]),
        ("http_load", &["127.0.0.1:1", "0", "1"]),
        ("chat_room", &["nonsense"]),
        ("port_scan", &["localhost"]),
        ("port_scan", &["localhost", "9-1"]),
        ("port_scan", &["localhost", "0-70000"]),
        ("tftp", &["127.0.0.1:0"]),
        ("tftp", &["127.0.0.1:0", "/no/such/directory"]),
    ];
    for (example, args) in cases {
        let output = run(example, args);
        assert_eq!(output.status.code(), Some(2), "{example} {args:?}");
        assert!(output.stdout.is_empty(), "{example} {args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.starts_with(&format!("{example}: ")), "{example} {args:?}: {errors}");
        assert!(errors.contains(&format!("\n\nusage: {example} ")), "{example} {args:?}: {errors}");
    }
}

#[test]
fn hello_greets_each_client_and_hangs_up() {
    let server = Server::start("hello", &[]);
    let clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for mut client in clients {
        let mut greeting = String::new();
        client.read_to_string(&mut greeting).unwrap();
        assert_eq!(greeting, format!("hello, {}\n", client.local_addr().unwrap()));
    }
}

#[test]
fn echo_serves_clients_side_by_side() {
    let server = Server::start("echo", &[]);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (i, client) in clients.iter_mut().enumerate() {
            writeln!(client, "{round} of {i}").unwrap();
        }
        for (i, client) in clients.iter_mut().enumerate().rev() {
            assert_eq!(read_exactly(client, 7), format!("{round} of {i}\n").as_bytes());
        }
    }
}

#[test]
fn echo_gives_everything_back_to_a_client_that_has_closed_its_direction() {
    let server = Server::start("echo", &[]);
    let mut client = server.connect();
    // More than the buffers of both sockets hold, so that both directions are busy at once.
    let sent = pattern(16 * 1024 * 1024);
    let (writer, to_send) = (client.try_clone().unwrap(), sent.clone());
    let writing = thread::spawn(move || write_and_end(writer, &to_send));
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent, "{} bytes came back", received.len());
}

#[test]
fn echo_survives_clients_that_vanish() {
    let server = Server::start("echo", &[]);
    let mut other = server.connect();
    other.write_all(b"before").unwrap();
    assert_eq!(read_exactly(&mut other, 6), b"before");
    let files = server.open_files();
    for _ in 0..8 {
        let mut client = server.connect();
        client.write_all(&pattern(100_000)).unwrap();
        read_exactly(&mut client, 1);
        reset(client);
    }
    wait_until("their sockets are closed", || server.open_files() == files);
    other.write_all(b"after").unwrap();
    assert_eq!(read_exactly(&mut other, 5), b"after");
}

#[test]
fn echo_gives_back_what_it_has_read_and_ends_when_it_is_asked_to() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut server = Server::start("echo", &[]);
        let mut idle = server.connect();
        idle.write_all(b"before").unwrap();
        assert_eq!(read_exactly(&mut idle, 6), b"before");
        // It sends, and does not read, until the server can neither get rid of anything nor take more.
        let (mut slow, sent) = (server.connect(), pattern(64 * 1024 * 1024));
        slow.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(slow.write_all(&sent).is_err());

        server.signal(signal);
        assert_eq!(read_all(&mut idle), b"");
        wait_until("nobody is let in any more", || server.refuses_connections());
        let received = read_all(&mut slow);
        assert!(received.len() > 100_000 && sent.starts_with(&received), "{} bytes", received.len());
        drop((idle, slow));
        assert_eq!(server.wait().code(), Some(0));
    }
}

/// A client of the chat that has given its name.
struct Chatter {
    stream: TcpStream,
    lines: io::Lines<BufReader<TcpStream>>,
}

impl Chatter {
    fn join(server: &Server, name: &str) -> Chatter {
        let stream = server.connect();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut chatter = Chatter { stream, lines };
        assert_eq!(chatter.hear(), "your name?");
        chatter.say(name);
        chatter
    }

    fn say(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        self.lines.next().expect("the connection is open").unwrap()
    }
}

/// Makes three clients that have seen each other come, so that the server knows all of them.
fn three_chatters(server: &Server) -> [Chatter; 3] {
    let mut ann = Chatter::join(server, "ann");
    // What ann hears next shows that the server has her name; there is no answer that tells.
    let mut bob = join_beside(server, &mut ann, "bob");
    let cid = join_beside(server, &mut ann, "cid");
    assert_eq!(bob.hear(), "* cid is here");
    [ann, bob, cid]
}

/// Joins until `other` sees it: a client that is not yet in the room does not hear who comes.
fn join_beside(server: &Server, other: &mut Chatter, name: &str) -> Chatter {
    let chatter = Chatter::join(server, name);
    assert_eq!(other.hear(), format!("* {name} is here"));
    chatter
}

#[test]
fn chat_sends_each_line_to_all_others() {
    let server = Server::start("chat", &[]);
    let [mut ann, mut bob, mut cid] = three_chatters(&server);
    ann.say("hello");
    assert_eq!((bob.hear(), cid.hear()), ("ann: hello".into(), "ann: hello".into()));
    bob.say("hi");
    // She hears this, and not her own line.
    assert_eq!((ann.hear(), cid.hear()), ("bob: hi".into(), "bob: hi".into()));
    drop(bob);
    let _ = cid.stream.shutdown(Shutdown::Write);
    let mut seen = [ann.hear(), ann.hear()];
    seen.sort();
    assert_eq!(seen, ["* bob has left", "* cid has left"]);
}

#[test]
fn chat_asks_again_for_a_name_that_is_taken_or_empty() {
    let server = Server::start("chat", &[]);
    let [mut ann, _bob, _cid] = three_chatters(&server);
    let mut late = Chatter::join(&server, "ann");
    assert_eq!(late.hear(), "your name?");
    late.say("  ");
    assert_eq!(late.hear(), "your name?");
    late.say("dan");
    assert_eq!(ann.hear(), "* dan is here");
}

#[test]
fn chat_is_not_disturbed_by_a_client_that_vanishes() {
    let server = Server::start("chat", &[]);
    let files = server.open_files();
    let [mut ann, mut bob, cid] = three_chatters(&server);
    reset(server.connect());
    // Both handles of the socket must go before it is reset.
    drop(cid.lines);
    reset(cid.stream);
    assert_eq!((ann.hear(), bob.hear()), ("* cid has left".into(), "* cid has left".into()));
    ann.say("where is he?");
    assert_eq!(bob.hear(), "ann: where is he?");
    wait_until("his socket is closed", || server.open_files() == files + 2);
}

#[test]
fn chat_sends_away_who_never_reads_and_nobody_else() {
    let server = Server::start("chat", &[]);
    let [mut ann, mut bob, cid] = three_chatters(&server);
    let text = "x".repeat(1000);
    // The system's buffers hold some megabytes, and the outbox little more: 64 MB do not fit.
    for batch in 0..4_000 {
        let lines: Vec<_> = (0..16).map(|i| format!("{batch} {i} {text}")).collect();
        ann.say(&lines.join("\n"));
        for line in lines {
            // He reads all the time, and gets every line at once, whatever cid does.
            let mut heard = bob.hear();
            if heard == "* cid does not listen, and was sent away" {
                assert_eq!(ann.hear(), heard);
                drop(cid);
                heard = bob.hear();
                assert_eq!(heard, format!("ann: {line}"));
                bob.say("gone");
                assert_eq!(ann.hear(), "bob: gone");
                return;
            }
            assert_eq!(heard, format!("ann: {line}"));
        }
    }
    panic!("all of it was kept for a client that does not read");
}

#[test]
fn chat_keeps_who_reads_while_a_burst_of_lines_arrives() {
    let server = Server::start("chat", &[]);
    let [mut ann, mut bob, cid] = three_chatters(&server);
    drop(cid);
    assert_eq!((ann.hear(), bob.hear()), ("* cid has left".into(), "* cid has left".into()));
    let long_name = "n".repeat(40);
    let mut fast = join_beside(&server, &mut ann, &long_name);
    assert_eq!(bob.hear(), format!("* {long_name} is here"));
    // They arrive together. With the name before each, they are more than an outbox holds.
    let burst = 4_000;
    fast.say(&"x\n".repeat(burst));
    for listener in [&mut ann, &mut bob] {
        (0..burst).for_each(|_| assert_eq!(listener.hear(), format!("{long_name}: x")));
    }
}

#[test]
fn chat_passes_a_line_that_never_ends_on_in_pieces() {
    let server = Server::start("chat", &[]);
    let [mut ann, mut bob, _cid] = three_chatters(&server);
    ann.stream.write_all(&[b'x'; 5 * 1024]).unwrap();
    for _ in 0..5 {
        assert_eq!(bob.hear(), format!("ann: {}", "x".repeat(1024)));
    }
}

/// Makes a target in this process, and a proxy before it.
fn proxy() -> (TcpListener, Server) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Server::start("proxy", &[&target.local_addr().unwrap().to_string()]);
    (target, proxy)
}

#[test]
fn proxy_carries_both_directions_at_once() {
    let (target, proxy) = proxy();
    let client = proxy.connect();
    let server = accept(&target);
    // Neither end reads before it has written, so one direction must not wait for the other.
    let bytes = pattern(8 * 1024 * 1024);
    let ends: Vec<_> = [client, server]
        .into_iter()
        .map(|end| {
            let (mut reader, bytes) = (end.try_clone().unwrap(), bytes.clone());
            let writing = thread::spawn(move || write_and_end(end, &bytes));
            let reading = thread::spawn(move || {
                let mut received = Vec::new();
                reader.read_to_end(&mut received).unwrap();
                received
            });
            (writing, reading)
        })
        .collect();
    for (writing, reading) in ends {
        writing.join().unwrap();
        assert!(reading.join().unwrap() == bytes);
    }
}

#[test]
fn proxy_passes_on_that_the_client_has_closed_its_direction() {
    let (target, proxy) = proxy();
    let mut client = proxy.connect();
    let mut server = accept(&target);
    write_and_end(client.try_clone().unwrap(), b"question");
    assert_eq!(read_all(&mut server), b"question");
    server.write_all(b"answer").unwrap();
    drop(server);
    assert_eq!(read_all(&mut client), b"answer");
}

#[test]
fn proxy_passes_on_that_the_target_has_closed_its_direction() {
    let (target, proxy) = proxy();
    let files = proxy.open_files();
    let mut client = proxy.connect();
    let mut server = accept(&target);
    write_and_end(server.try_clone().unwrap(), b"greeting");
    assert_eq!(read_all(&mut client), b"greeting");
    client.write_all(b"thanks").unwrap();
    drop(client);
    assert_eq!(read_all(&mut server), b"thanks");
    wait_until("both sockets are closed", || proxy.open_files() == files);
}

#[test]
fn proxy_hangs_up_on_the_client_whose_target_is_down_and_on_no_other() {
    let (target, proxy) = proxy();
    let mut early = proxy.connect();
    let mut server = accept(&target);
    drop(target);
    assert_eq!(read_all(&mut proxy.connect()), b"");
    early.write_all(b"still there?").unwrap();
    assert_eq!(read_exactly(&mut server, 12), b"still there?");
    server.write_all(b"yes").unwrap();
    assert_eq!(read_exactly(&mut early, 3), b"yes");
}

#[test]
fn proxy_ends_both_directions_if_one_end_vanishes() {
    let (target, proxy) = proxy();
    let files = proxy.open_files();
    for _ in 0..4 {
        let mut client = proxy.connect();
        let mut server = accept(&target);
        client.write_all(b"x").unwrap();
        read_exactly(&mut server, 1);
        reset(client);
        assert_eq!(read_all(&mut server), b"");
        let mut client = proxy.connect();
        reset(accept(&target));
        assert_eq!(read_all(&mut client), b"");
    }
    wait_until("all sockets are closed", || proxy.open_files() == files);
}

#[test]
fn the_port_that_was_asked_for_is_the_one_that_is_taken() {
    let first = Server::start("hello", &[]);
    let SocketAddr::V4(address) = first.address else { panic!("IPv4 was asked for") };
    let second = run("hello", &[&address.to_string()]);
    assert_eq!(second.status.code(), Some(1));
    let expected = format!("Error: cannot listen on {address}: Address already in use (os error 98)\n");
    assert_eq!(String::from_utf8_lossy(&second.stderr), expected);
}

/// Bytes that show when some are missing or out of order.
fn pattern(len: usize) -> Vec<u8> {
    let mut bytes = (0..251).collect::<Vec<u8>>().repeat(len.div_ceil(251));
    bytes.truncate(len);
    bytes
}

fn write_and_end(mut stream: TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
}

fn read_exactly(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}
