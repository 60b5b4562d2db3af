//! Time limits, the end, and what the servers consist of.

#[allow(unsafe_code)]
#[path = "../../../tests/servers/mod.rs"]
mod servers;
mod support;

use servers::http::{Client, GET};
use servers::{Server, wait_until};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use support::{LONG, TempFile, Tls, axum, has, hyper_server, output, url};

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

// Time limits.

#[test]
fn who_is_slow_with_a_head_is_cut_off() {
    let server = axum("300");
    let mut half = Client::new(&server);
    half.send("GET / HTTP/1.1\r\n");
    let mut idle = Client::new(&server);
    idle.ask(get("/")).expect(200, "hello\n");
    let mut slow = Client::new(&server);
    slow.trickle(b"GET / HTTP/1.1\r\nX: ".iter().copied().chain(std::iter::repeat_n(b'x', 50_000)));
    for mut client in [half, idle, slow] {
        let _ = client.stream.read_to_end(&mut Vec::new());
    }
    Client::new(&server).ask(get("/")).expect(200, "hello\n");
}

#[test]
fn a_request_that_takes_too_long_is_given_up() {
    let server = axum("300");
    let mut client = Client::new(&server);
    client.ask(get("/slow/600000")).expect(503, "that took too long\n");
    // The connection works as before.
    client.ask(get("/slow/1")).expect(200, "at last\n");
    if has("curl", "curl") {
        let curl = ["--http2-prior-knowledge", "-w", "%{http_code}", &url(&server, "/slow/600000")];
        assert_eq!(output(support::curl().args(curl)), "that took too long\n503");
    }
}

#[test]
fn a_handshake_that_stalls_holds_up_nobody_and_is_given_up() {
    let tls = Tls::start("stalls", "300");
    let (mut silent, mut half) = (tls.server.connect(), tls.server.connect());
    // The head of a record that says that more follows.
    half.write_all(&[0x16, 3, 1, 2, 0]).unwrap();
    for stream in [&mut silent, &mut half] {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let patient = Tls::start("stalls_for_long", LONG);
    let _silent = patient.server.connect();
    if has("curl", "curl") {
        assert_eq!(output(patient.curl().arg(patient.url("/"))), "hello over HTTP/2.0\n");
    }
}

#[test]
fn who_speaks_plain_http_to_tls_is_told_so_and_goes() {
    let mut tls = Tls::start("plain", LONG);
    let mut client = tls.server.connect();
    client.write_all(GET.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    // It is an alert, if anything, and never a response.
    assert!(answer.first().is_none_or(|byte| *byte == 0x15), "{}", String::from_utf8_lossy(&answer));
    if has("curl", "curl") {
        assert_eq!(output(tls.curl().arg(tls.url("/"))), "hello over HTTP/2.0\n");
    }
    // A person who reads the server's output is told, too.
    let address = client.local_addr().unwrap();
    tls.server.signal(libc::SIGTERM);
    let (_, errors) = tls.server.wait_and_read_errors();
    assert!(errors.starts_with(&format!("handshake with {address}: ")), "{errors}");
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let server = axum(LONG);
    let mut client = Client::new(&server);
    let response = client.ask("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    assert_eq!(response.status, 413);
}

// What handlers are told, and errors in them.

#[test]
fn a_handler_knows_the_clients_address() {
    let server = axum(LONG);
    let mut clients = [Client::new(&server), Client::new(&server)];
    for client in &mut clients {
        let address = client.stream.get_ref().local_addr().unwrap();
        client.ask(get("/peer")).expect(200, &format!("{address}\n"));
    }
}

#[test]
fn state_is_shared_by_connections_without_being_sent() {
    let server = hyper_server();
    for visit in 1..4 {
        Client::new(&server).ask(get("/")).expect(200, &format!("hello, visitor {visit}\n"));
    }
}

// The end.

/// Sends a request that the server has begun to answer: it has asked for the body.
fn begin(server: &Server, target: &str) -> Client {
    let mut client = Client::new(server);
    client.send(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    ));
    let mut line = String::new();
    client.stream.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    line.clear();
    client.stream.read_line(&mut line).unwrap();
    assert_eq!(line, "\r\n");
    client
}

#[test]
fn at_the_end_requests_are_answered_and_idle_connections_closed() {
    let mut server = axum(LONG);
    let mut silent = Client::new(&server);
    let mut idle = Client::new(&server);
    idle.ask(get("/")).expect(200, "hello\n");
    let mut busy = begin(&server, "/length");
    server.signal(libc::SIGTERM);
    silent.expect_end();
    idle.expect_end();
    wait_until("it accepts no more", || server.refuses_connections());
    let response = busy.ask("12345");
    response.expect(200, "5\n");
    assert!(response.is_last());
    busy.expect_end();
    assert!(server.wait().success());
}

#[test]
fn plain_hyper_ends_in_the_same_way() {
    let mut server = hyper_server();
    let mut idle = Client::new(&server);
    idle.ask(get("/")).expect(200, "hello, visitor 1\n");
    // The echo has begun: chunks come back.
    let mut busy = Client::new(&server);
    busy.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_eq!(busy.response_to_head().status, 200);
    server.signal(libc::SIGTERM);
    idle.expect_end();
    busy.send("0\r\n\r\n");
    let mut rest = String::new();
    busy.stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "3\r\nabc\r\n0\r\n\r\n");
    assert!(server.wait().success());
}

#[test]
fn at_the_end_a_stream_over_tls_is_finished() {
    if !has("curl", "curl") {
        return;
    }
    for (option, name) in [("--http2", "end_2"), ("--http1.1", "end_1")] {
        let mut tls = Tls::start(name, LONG);
        let file = TempFile::new(name, 6_000_003);
        let data = format!("@{}", file.path().display());
        let mut command = tls.curl();
        // It is slow, so that most of it is still to come when the first of it has been answered.
        command.args([option, "--limit-rate", "6M", "--data-binary", &data, &tls.url("/echo")]);
        let mut curl = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(curl.stdout.take().unwrap());
        assert!(!stdout.fill_buf().unwrap().is_empty());
        tls.server.signal(libc::SIGTERM);
        wait_until("it accepts no more", || tls.server.refuses_connections());
        let mut answer = Vec::new();
        stdout.read_to_end(&mut answer).unwrap();
        assert!(answer == fs::read(file.path()).unwrap(), "{option}: {} bytes", answer.len());
        assert!(curl.wait().unwrap().success());
        assert!(tls.server.wait().success());
    }
}

#[test]
fn at_the_end_under_load_no_response_is_cut() {
    let mut server = axum(LONG);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(&server);
                    let mut answered = 0;
                    loop {
                        client.try_send(get("/zeros/100000"));
                        // A connection may end before the server has seen the request, but not in a response.
                        if client.stream.fill_buf().is_ok_and(|bytes| !bytes.is_empty()) {
                            assert_eq!(client.response().body.len(), 100_000);
                            answered += 1;
                        } else {
                            return answered;
                        }
                        if answered == 20 {
                            server.signal(libc::SIGTERM);
                        }
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| assert!(client.join().unwrap() > 0));
    });
    assert!(server.wait().success());
}

// What the servers consist of.

#[test]
fn there_is_no_thread_but_ayis_own() {
    let tls = Tls::start("threads", LONG);
    if has("h2load", "nghttp2-client") {
        output(Command::new("h2load").args(["-n", "500", "-c", "5", "-m", "10", &tls.url("/")]));
    }
    for (server, name) in [(axum(LONG), "axum"), (hyper_server(), "hyper_server")] {
        Client::new(&server).ask(get("/"));
        expect_one_thread(&server, name);
    }
    expect_one_thread(&tls.server, "tls");
}

fn expect_one_thread(server: &Server, name: &str) {
    let threads = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let names: Vec<_> =
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap()).collect();
    assert_eq!(names, [format!("{name}\n")]);
}
