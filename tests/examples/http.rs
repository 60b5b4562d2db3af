//! The HTTP server of `examples/http`, seen from outside. `http_stop` tests its end.

use crate::servers::http::{Client, GET};
use crate::servers::{Server, accept, raise_open_files, reset, run, wait_until};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::thread;

fn start(options: &[&str]) -> Server {
    Server::start("http", options)
}

fn post(body: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Checks that the server still works.
#[track_caller]
fn expect_service(server: &Server) {
    Client::new(server).ask(GET).expect(200, "hello\n");
}

// What it serves.

#[test]
fn each_route_answers_and_the_connection_stays() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    client.ask(GET).expect(200, "hello\n");
    client.ask("GET /?q=1 HTTP/1.1\r\nHost: x\r\n\r\n").expect(200, "hello\n");
    client.ask("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n").expect(200, "hello\n");
    let time = client.ask("GET /time HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(String::from_utf8_lossy(&time.body).trim(), time.header("date").unwrap());
    client.ask("GET /sleep/1 HTTP/1.1\r\nHost: x\r\n\r\n").expect(200, "good morning\n");
    client.ask(post("what?")).expect(200, "what?");
    client.ask(post("")).expect(200, "");
    client.ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").expect(404, "404 Not Found");
    client.ask("GET /sleep/long HTTP/1.1\r\nHost: x\r\n\r\n").expect(404, "404 Not Found");
    let get_only = client.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!((get_only.status, get_only.header("allow")), (405, Some("GET, HEAD")));
    let post_only = client.ask("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((post_only.status, post_only.header("allow")), (405, Some("POST")));
    client.ask("BREW / HTTP/1.1\r\nHost: x\r\n\r\n").expect(405, "405 Method Not Allowed");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    client.expect_end();
}

#[test]
fn head_gets_the_headers_alone() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    for (target, status, len) in [("/", 200, "6"), ("/time", 200, "31"), ("/nothing", 404, "13")] {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let response = client.response_to_head();
        assert_eq!((response.status, response.header("content-length")), (status, Some(len)));
    }
    // If one of them had a body, it would be in the way here.
    client.ask(GET).expect(200, "hello\n");
}

#[test]
fn the_connection_ends_when_the_client_wants_it() {
    let server = start(&[]);
    for request in [
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, CLOSE\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut client = Client::new(&server);
        // Nothing is answered after it.
        let response = client.ask(format!("{request}{GET}"));
        response.expect(200, "hello\n");
        assert!(response.is_last());
        client.expect_end();
    }
}

#[test]
fn http_1_0_keeps_the_connection_if_it_asks_to() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    for _ in 0..2 {
        let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!((response.status, response.header("connection")), (200, Some("keep-alive")));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_together() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    client.ask(GET).expect(200, "hello\n");
    client.send(GET.repeat(16));
    // One write arrives as one piece, which one read returns.
    let mut all = [0; 64 * 1024];
    let n = client.stream.get_mut().read(&mut all).unwrap();
    assert_eq!(String::from_utf8_lossy(&all[..n]).matches("HTTP/1.1 200 OK\r\n").count(), 16);

    let requests: String = (0..16).map(|i| post(&format!("number {i}"))).collect();
    client.send(requests);
    (0..16).for_each(|i| client.response().expect(200, &format!("number {i}")));

    // A request before a piece of a request has been answered when the rest of the piece arrives.
    client.ask(format!("{GET}POST /echo HTTP/1.1\r\nHo")).expect(200, "hello\n");
    client.ask("st: x\r\nContent-Length: 2\r\n\r\nhi").expect(200, "hi");

    // An answer that is ready does not wait for a slow one, and the slow one keeps its place.
    client.send(format!("{GET}GET /sleep/50 HTTP/1.1\r\nHost: x\r\n\r\n{GET}"));
    client.response().expect(200, "hello\n");
    client.response().expect(200, "good morning\n");
    client.response().expect(200, "hello\n");
}

#[test]
fn many_large_pipelined_requests_are_answered_while_they_arrive() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    let body = "0123456789abcdef".repeat(4096);
    let (mut writer, request) = (client.stream.get_ref().try_clone().unwrap(), post(&body));
    let writing = thread::spawn(move || (0..100).for_each(|_| writer.write_all(request.as_bytes()).unwrap()));
    (0..100).for_each(|_| client.response().expect(200, &body));
    writing.join().unwrap();
}

#[test]
fn requests_that_arrive_byte_by_byte_are_understood() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    let chunked =
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n";
    for (request, answer) in [(GET, "hello\n"), (post("bytes").as_str(), "bytes"), (chunked, "abc")] {
        request.bytes().for_each(|byte| client.send([byte]));
        client.response().expect(200, answer);
    }
}

#[test]
fn chunked_bodies_are_put_together() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n";
    for (chunks, body) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n6;why=not\r\n world\r\n0\r\n\r\n", "hello world"),
        ("A\r\n0123456789\r\n000\r\nTrailer: ignored\r\nAnother: one\r\n\r\n", "0123456789"),
    ] {
        // The next request shows that exactly this body was taken.
        client.send(format!("{head}{chunks}{GET}"));
        client.response().expect(200, body);
        client.response().expect(200, "hello\n");
    }
}

#[test]
fn who_expects_100_continue_gets_it_before_sending_the_body() {
    let server = start(&[]);
    let mut client = Client::new(&server);
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    for _ in 0..2 {
        client.send(head);
        assert_eq!(client.response_to_head().status, 100);
        client.ask("body").expect(200, "body");
        // A client that does not wait for it does not need it.
        client.ask(format!("{head}body")).expect(200, "body");
    }
    // Once is enough, in however many pieces the body comes.
    client.send(head.replace("Length: 4", "Length: 100"));
    assert_eq!(client.response_to_head().status, 100);
    (0..100).for_each(|_| client.send("x"));
    client.response().expect(200, &"x".repeat(100));
    let too_large = head.replace("Length: 4", "Length: 4000000");
    assert_eq!(client.ask(too_large).status, 413);
    client.expect_end();
}

#[test]
fn responses_carry_the_date() {
    let server = start(&[]);
    let now = || {
        let mut date = Command::new("date");
        let date = date.args(["-u", "+%a, %d %b %Y %H:%M:%S GMT"]).env("LC_ALL", "C").output().unwrap();
        String::from_utf8(date.stdout).unwrap().trim().to_owned()
    };
    // This is repeated until no second begins in between.
    wait_until("both know the same date", || {
        let before = now();
        let response = Client::new(&server).ask(GET);
        before == now() && response.header("date") == Some(&before)
    });
}

// What it refuses.

/// Sends `request`, followed by one that must not be answered. The server says why and hangs up, but not before the
/// client has had a chance to send everything.
#[track_caller]
fn expect_refusal(server: &Server, request: impl AsRef<[u8]>, status: u16) {
    let mut client = Client::new(server);
    client.send([request.as_ref(), GET.as_bytes()].concat());
    let response = client.response();
    let shown = String::from_utf8_lossy(&request.as_ref()[..request.as_ref().len().min(200)]).into_owned();
    assert_eq!((response.status, response.is_last()), (status, true), "{shown:?}");
    client.expect_end();
}

#[test]
fn malformed_requests_are_refused() {
    let server = start(&[]);
    for request in [
        "what?\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    ] {
        expect_refusal(&server, request, 400);
    }
    expect_service(&server);
}

#[test]
fn requests_whose_end_is_doubtful_are_refused() {
    let server = start(&[]);
    for (headers, status) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5, 6", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: -5", 400),
        ("Content-Length: 0x5", 400),
        ("Content-Length:", 400),
        ("Content-Length : 5", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: xchunked", 501),
    ] {
        expect_refusal(
            &server,
            format!("POST /echo HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n0\r\n\r\n"),
            status,
        );
    }
    let old = "POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    expect_refusal(&server, old, 400);
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    // To a reader that lets the mistake pass, these are complete.
    for chunks in [
        "x\r\n\r\n",
        "\r\n\r\n",
        ";a\r\n\r\n",
        "-0\r\n\r\n",
        "0x0\r\n\r\n",
        "5\r\nhelloxx0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
    ] {
        expect_refusal(&server, format!("{head}{chunks}"), 400);
    }
    expect_service(&server);
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let server = start(&[]);
    let with = |header: String| format!("GET / HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n");
    let limit = 16 * 1024;
    let fitting = "X: ".to_owned() + &"x".repeat(limit - with("X: ".into()).len());
    assert_eq!(with(fitting.clone()).len(), limit);
    Client::new(&server).ask(with(fitting.clone())).expect(200, "hello\n");
    expect_refusal(&server, with(fitting + "x"), 431);
    // The server refuses while the client is still writing. It lets the client finish, and so read the refusal.
    expect_refusal(&server, with("X: ".to_owned() + &"x".repeat(8_000_000)), 431);
    expect_refusal(&server, with("X: y\r\n".repeat(200) + "X: y"), 431);
    let trailers = "T: v\r\n".repeat(100);
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect_refusal(&server, format!("{head}0\r\n{trailers}\r\n"), 431);
    expect_refusal(&server, format!("{head}5;{}", "x".repeat(100_000)), 400);
}

#[test]
fn bodies_that_are_too_large_are_refused() {
    let server = start(&[]);
    let limit = 1024 * 1024;
    let body = "x".repeat(limit);
    let mut client = Client::new(&server);
    client.ask(post(&body)).expect(200, &body);
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.ask(format!("{chunked}{limit:x}\r\n{body}\r\n0\r\n\r\n")).expect(200, &body);
    expect_refusal(&server, post(&(body.clone() + "x")), 413);
    expect_refusal(&server, format!("{chunked}{limit:x}\r\n{body}\r\n1\r\nx\r\n0\r\n\r\n"), 413);
    expect_refusal(&server, format!("{chunked}FFFFFFFFFFFFFFFF\r\n"), 413);
    let digits = "9".repeat(40);
    expect_refusal(
        &server,
        format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {digits}\r\n\r\n"),
        413,
    );
}

// Time limits.

#[test]
fn a_client_that_sends_no_whole_head_in_time_is_refused() {
    let server = start(&["--header-timeout", "100"]);
    let silent = Client::new(&server);
    let mut half = Client::new(&server);
    half.send("GET / HTTP/1.1\r\n");
    let mut slow = Client::new(&server);
    slow.trickle(b"GET / HTTP/1.1\r\n".iter().copied().chain(std::iter::repeat_n(b'X', 5_000)));
    // The limit holds for each request, not just for the first.
    let mut later = Client::new(&server);
    later.send(format!("{GET}GET"));
    later.response().expect(200, "hello\n");
    for mut client in [silent, half, slow, later] {
        let response = client.response();
        assert_eq!((response.status, response.is_last()), (408, true));
        client.expect_end();
    }
}

#[test]
fn a_client_that_sends_no_whole_body_in_time_is_refused() {
    let server = start(&["--body-timeout", "100"]);
    let mut half = Client::new(&server);
    half.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    let mut slow = Client::new(&server);
    slow.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n");
    slow.trickle(std::iter::repeat_n(b'x', 8_000));
    let mut chunks = Client::new(&server);
    chunks.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunks.trickle(b"1\r\nx\r\n".iter().copied().cycle());
    for mut client in [half, slow, chunks] {
        let response = client.response();
        assert_eq!((response.status, response.is_last()), (408, true));
        client.expect_end();
    }
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = start(&["--idle-timeout", "50"]);
    let mut client = Client::new(&server);
    client.ask(GET).expect(200, "hello\n");
    client.expect_end();
}

#[test]
fn a_client_that_does_not_read_its_answers_is_given_up() {
    let server = start(&["--body-timeout", "200"]);
    let files = server.open_files();
    let client = Client::new(&server);
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let request = post(&"x".repeat(1024 * 1024));
    // It writes until the server hangs up, because it cannot get rid of its answers.
    while writer.write_all(request.as_bytes()).is_ok() {}
    wait_until("its socket is closed", || server.open_files() == files);
    expect_service(&server);
}

// Clients that vanish.

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let server = start(&[]);
    let mut other = Client::new(&server);
    other.ask(GET).expect(200, "hello\n");
    let files = server.open_files();
    for request in [
        "",
        "GET / HT",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
        "GET /sleep/50 HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut client = Client::new(&server);
        // When the first is answered, the server has what comes after it too.
        client.send(format!("{GET}{request}"));
        client.response().expect(200, "hello\n");
        reset(client.stream.into_inner());
    }
    wait_until("their sockets are closed", || server.open_files() == files);
    other.ask(GET).expect(200, "hello\n");
}

// Many connections.

#[test]
fn without_free_descriptors_it_waits_quietly_and_loses_nobody() {
    let limit = 40;
    let server = Server::start_with_open_files(limit, "http");
    let files = server.open_files_below(limit);
    let fitting = limit - files;
    let mut clients: Vec<_> = (0..2 * fitting).map(|_| Client::new(&server)).collect();
    clients.iter_mut().for_each(|client| client.send(GET));
    let mut waiting = clients.split_off(fitting);
    clients.iter_mut().for_each(|client| client.response().expect(200, "hello\n"));
    assert_eq!(server.open_files_below(limit), limit);

    // One second, by the server's own clock. Spinning would take most of its hundred ticks.
    let before = server.cpu_ticks();
    clients[0].ask("GET /sleep/1000 HTTP/1.1\r\nHost: x\r\n\r\n").expect(200, "good morning\n");
    let ticks = server.cpu_ticks() - before;
    assert!(ticks < 20, "it was busy for {ticks} ticks while it had nothing to do");

    drop(clients);
    waiting.iter_mut().for_each(|client| client.response().expect(200, "hello\n"));
    drop(waiting);
    wait_until("their sockets are closed", || server.open_files_below(limit) == files);
    expect_service(&server);
}

#[test]
fn two_thousand_connections_lose_no_request_and_leave_nothing_behind() {
    // This process has a descriptor for each of them, like the server.
    let connections = raise_open_files().saturating_sub(200).min(2_000);
    let server = start(&[]);
    let files = server.open_files();
    let mut clients: Vec<_> = (0..connections).map(|_| Client::new(&server)).collect();
    for round in 0..3 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(post(&format!("{round} of {i}")));
        }
        for (i, client) in clients.iter_mut().enumerate() {
            client.response().expect(200, &format!("{round} of {i}"));
        }
    }
    assert_eq!(server.open_files(), files + connections);
    drop(clients);
    wait_until("their sockets are closed", || server.open_files() == files);
}

#[test]
fn http_load_counts_and_finds_no_fault_with_the_server() {
    let server = start(&[]);
    let output = run("http_load", &[&server.address.to_string(), "20", "1"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(printed.contains("errors    0\n") && !printed.contains("requests  0"), "{printed}");
}

#[test]
fn http_load_reports_requests_that_are_lost_or_answered_otherwise() {
    let answer =
        |len: usize, content: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{content}");
    let right = answer(2, "ok");
    // Each case has what comes second, and whether the connection works again after that. If not, it ends.
    let cases = [
        (answer(3, "ok"), false),
        (String::new(), false),
        (answer(2, "no"), true),
        (right.replace("200 OK", "500 No"), true),
    ];
    for (second, goes_on) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let running = thread::spawn(move || run("http_load", &[&address, "1", "1"]));
        let mut stream = accept(&listener);
        let more = std::iter::repeat_n(&right, if goes_on { usize::MAX } else { 0 });
        for answer in [&right, &second].into_iter().chain(more) {
            if !matches!(stream.read(&mut [0; 1024]), Ok(1..)) || stream.write_all(answer.as_bytes()).is_err()
            {
                break;
            }
        }
        drop(stream);
        let output = running.join().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains("errors    1\n"), "{printed}");
    }
}
