//! The server, in memory, while time stands still: what takes minutes is over at once.

use crate::support::{self, Answer, GET, Given, SECOND, hello, run};
use ayi::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, TimeoutStream, duplex};
use ayi::runtime::{CancellationToken, shutdown_token};
use ayi::serve::{Http, Listener, serve};
use ayi::time::{Instant, sleep, timeout};
use hyper::body::Incoming;
use hyper::rt::Write;
use hyper::{Request, Response};
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use tower::service_fn;

/// Asks, and reads up to `end`.
async fn ask(client: &mut DuplexStream, end: &str) -> String {
    client.write_all(GET).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with(end) {
        let mut byte = [0];
        client.read_exact(&mut byte).await.unwrap();
        answer.push(byte[0] as char);
    }
    answer
}

/// Returns what comes until the server has closed the connection.
async fn rest(client: &mut DuplexStream) -> String {
    String::from_utf8(support::rest(client).await).unwrap()
}

// How long a connection may idle.

#[test]
fn an_idle_connection_is_closed_whether_it_has_asked_or_not() {
    run(async || {
        let (listener, [mut silent, mut idle, mut half]) = Given::new();
        let http = Http::new().header_read_timeout(None).idle_timeout(60 * SECOND);
        ayi::spawn(serve(listener, service_fn(hello)).with_http(http).into_future());
        let start = Instant::now();
        ask(&mut idle, "hello").await;
        half.write_all(b"PRI * HTTP/2").await.unwrap();
        for client in [&mut silent, &mut idle, &mut half] {
            assert_eq!(rest(client).await, "");
        }
        assert!((60..=121).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    });
}

#[test]
fn a_connection_that_is_used_now_and_then_is_kept() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        ayi::spawn(serve(listener, service_fn(hello)).into_future());
        for _ in 0..20 {
            ask(&mut client, "hello").await;
            sleep(25 * SECOND).await;
        }
    });
}

#[test]
fn who_waits_long_for_an_answer_gets_it() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let slow = service_fn(async |request| {
            sleep(3600 * SECOND).await;
            hello(request).await
        });
        ayi::spawn(serve(listener, slow).into_future());
        ask(&mut client, "hello").await;
    });
}

#[test]
fn who_does_not_read_is_cut_off() {
    run(async || {
        let (mut client, server) = duplex(64);
        client.write_all(GET).await.unwrap();
        let large = service_fn(async |_: Request<Incoming>| Answer::Ok(Response::new("x".repeat(1 << 20))));
        let error = Http::new().serve_connection(server, large, &CancellationToken::new()).await.unwrap_err();
        assert!(error.to_string().contains("has not read what was sent to it"), "{error}");
    });
}

#[test]
fn an_idle_connection_of_http_2_is_told_to_go() {
    run(async || {
        let (listener, [client]) = Given::new();
        ayi::spawn(serve(listener, service_fn(hello)).into_future());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(ayi::hyper::Executor, client).await.unwrap();
        let connection = ayi::spawn(connection);
        let response = sender.send_request(Request::new(String::new())).await.unwrap();
        assert_eq!(response.status(), 200);
        drop(response);
        connection.await.unwrap().unwrap();
    });
}

// The handshake.

#[test]
fn a_handshake_that_fails_or_never_ends_concerns_one_connection() {
    run(async || {
        let (listener, [mut failing, mut stalling, mut good]) = Given::new();
        let turn = Cell::new(0);
        let server = serve(listener, service_fn(hello)).with_handshake(move |stream: DuplexStream| {
            let number = turn.replace(turn.get() + 1);
            async move {
                match number {
                    0 => Err(io::Error::other("no")),
                    1 => pending().await,
                    _ => Ok(stream),
                }
            }
        });
        ayi::spawn(server.handshake_timeout(5 * SECOND).into_future());
        let start = Instant::now();
        assert_eq!(rest(&mut failing).await, "");
        ask(&mut good, "hello").await;
        assert!(start.elapsed() < SECOND);
        assert_eq!(rest(&mut stalling).await, "");
        assert_eq!(start.elapsed().as_secs(), 5);
    });
}

#[test]
fn a_handshake_is_not_waited_for_at_the_end() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let begun = CancellationToken::new();
        let server = serve(listener, service_fn(hello)).with_handshake({
            let begun = begun.clone();
            move |_| {
                begun.cancel();
                pending::<io::Result<DuplexStream>>()
            }
        });
        let server = ayi::spawn(server.into_future());
        begun.cancelled().await;
        shutdown_token().cancel();
        let start = Instant::now();
        server.await.unwrap().unwrap();
        assert_eq!(rest(&mut client).await, "");
        assert!(start.elapsed() < SECOND);
    });
}

// What a service is told, and what it may do.

#[test]
fn a_service_may_keep_what_cannot_be_sent_and_knows_its_peer() {
    run(async || {
        let (listener, mut clients) = Given::new::<3>();
        let visits = Rc::new(Cell::new(0));
        let service = service_fn(move |request: Request<Incoming>| {
            visits.set(visits.get() + 1);
            let peer: &usize = request.extensions().get().unwrap();
            ready(Answer::Ok(Response::new(format!("visit {} of {peer}!", visits.get()))))
        });
        ayi::spawn(serve(listener, service).with_connect_info(|peer| *peer).into_future());
        for (client, text) in clients.iter_mut().zip(["visit 1 of 0!", "visit 2 of 1!", "visit 3 of 2!"]) {
            assert!(ask(client, "!").await.ends_with(text));
        }
    });
}

#[test]
fn a_connection_that_is_upgraded_outlives_the_server() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let service = service_fn(async |mut request: Request<Incoming>| {
            ayi::spawn(async move {
                let mut upgraded = hyper::upgrade::on(&mut request).await.unwrap();
                sleep(3600 * SECOND).await;
                let written = poll_fn(|cx| Pin::new(&mut upgraded).poll_write(cx, b"tea")).await;
                assert_eq!(written.unwrap(), 3);
            });
            let head =
                Response::builder().status(101).header("upgrade", "tea").header("connection", "upgrade");
            Answer::Ok(head.body(String::new())?)
        });
        let server = ayi::spawn(serve(listener, service).into_future());
        let request = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\n";
        client.write_all(request).await.unwrap();
        client.read_exact(&mut [0; 13]).await.unwrap(); // "HTTP/1.1 101 "
        shutdown_token().cancel();
        server.await.unwrap().unwrap();
        assert!(rest(&mut client).await.ends_with("\r\n\r\ntea"));
    });
}

#[test]
fn a_service_that_panics_ends_its_connection_alone() {
    run(async || {
        let (listener, [mut first, mut second]) = Given::new();
        let turn = Rc::new(Cell::new(0));
        let service = service_fn(move |request| {
            assert_ne!(turn.replace(turn.get() + 1), 0, "the first one fails");
            hello(request)
        });
        ayi::spawn(serve(listener, service).into_future());
        first.write_all(GET).await.unwrap();
        assert_eq!(rest(&mut first).await, "");
        ask(&mut second, "hello").await;
    });
}

// The end.

#[test]
fn it_ends_with_the_runtime_or_by_its_own_signal() {
    for stop in [None, Some(CancellationToken::new())] {
        run(async || {
            let (listener, [mut idle, mut silent]) = Given::new();
            let stop = stop.unwrap_or_else(shutdown_token);
            let signal = stop.clone().cancelled_owned();
            let server =
                ayi::spawn(serve(listener, service_fn(hello)).with_graceful_shutdown(signal).into_future());
            ask(&mut idle, "hello").await;
            let start = Instant::now();
            stop.cancel();
            server.await.unwrap().unwrap();
            assert_eq!(rest(&mut idle).await + &rest(&mut silent).await, "");
            assert!(start.elapsed() < SECOND);
        });
    }
}

#[test]
fn what_is_not_answered_in_time_is_cut_and_told() {
    run(async || {
        let (listener, mut clients) = Given::new::<2>();
        let begun = Rc::new(Cell::new(0));
        let never = service_fn({
            let begun = begun.clone();
            move |_: Request<Incoming>| {
                begun.set(begun.get() + 1);
                pending::<Answer>()
            }
        });
        let stop = CancellationToken::new();
        let server = serve(listener, never)
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .shutdown_timeout(15 * SECOND);
        let server = ayi::spawn(server.into_future());
        for client in &mut clients {
            client.write_all(GET).await.unwrap();
        }
        while begun.get() < 2 {
            sleep(SECOND).await;
        }
        let start = Instant::now();
        stop.cancel();
        let error = server.await.unwrap().unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, 15));
        assert!(error.to_string().contains("closed: 2;"), "{error}");
        for client in &mut clients {
            assert_eq!(rest(client).await, "");
        }
    });
}

#[test]
fn a_server_that_is_dropped_leaves_connections_that_end_with_the_runtime() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let server = ayi::spawn(serve(listener, service_fn(hello)).into_future());
        ask(&mut client, "hello").await;
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        ask(&mut client, "hello").await;
        shutdown_token().cancel();
        assert_eq!(rest(&mut client).await, "");
    });
}

#[test]
fn an_error_of_the_listener_is_the_servers() {
    struct Broken;
    impl Listener for Broken {
        type Io = DuplexStream;
        type Addr = ();

        async fn accept(&mut self) -> io::Result<(DuplexStream, ())> {
            Err(io::Error::other("broken"))
        }
    }
    run(async || {
        assert_eq!(serve(Broken, service_fn(hello)).await.unwrap_err().to_string(), "broken");
    });
}

// The limit of connections.

#[test]
fn at_the_limit_the_next_one_is_accepted_when_another_has_left() {
    run(async || {
        let (listener, [mut one, mut other, mut next, mut last]) = Given::new();
        let server = ayi::spawn(serve(listener, service_fn(hello)).max_connections(2).into_future());
        ask(&mut one, "hello").await;
        ask(&mut other, "hello").await;
        let waits = timeout(SECOND, ask(&mut next, "hello")).await;
        assert!(waits.is_err(), "{waits:?}");
        drop(one);
        let mut answer = [0; 12];
        next.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        // A connection that waits does not keep the server from ending.
        assert!(timeout(SECOND, ask(&mut last, "hello")).await.is_err());
        shutdown_token().cancel();
        server.await.unwrap().unwrap();
    });
}

// How long a connection may last.

#[test]
fn a_connection_that_is_used_for_ever_ends_with_its_lifetime() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let server = serve(listener, service_fn(hello)).with_handshake(async |stream| {
            let mut stream = TimeoutStream::new(stream);
            stream.set_lifetime(3600 * SECOND);
            Ok(stream)
        });
        ayi::spawn(server.into_future());
        let start = Instant::now();
        while start.elapsed() < 3590 * SECOND {
            ask(&mut client, "hello").await;
            sleep(10 * SECOND).await;
        }
        assert_eq!((rest(&mut client).await.as_str(), start.elapsed()), ("", 3600 * SECOND));
    });
}
