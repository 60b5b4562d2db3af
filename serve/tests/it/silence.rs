//! Clients that send nothing, or only half of something, and clients that take nothing: each is cut in time, and what
//! the server holds for it until then is bounded.

use crate::support::*;
use ayi::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use ayi::runtime::{CancellationToken, shutdown_token};
use ayi::serve::{BoxError, Http, TimeoutBody, serve};
use ayi::time::{Instant, sleep, timeout};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response};
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tower::service_fn;

/// Serves `client`, which has sent `sent` and sends nothing more, with an idle timeout of a minute. Returns the error,
/// and after how many seconds it came.
async fn serve_silent(client: &mut DuplexStream, server: DuplexStream, sent: &[u8]) -> (BoxError, u64) {
    send(client, sent).await;
    let start = Instant::now();
    let http = Http::new().header_read_timeout(None).idle_timeout(60 * SECOND);
    let result = http.serve_connection(server, service_fn(hello), &CancellationToken::new()).await;
    (result.expect_err("it is cut"), start.elapsed().as_secs())
}

#[track_caller]
fn expect_timeout(error: &BoxError, text: &str) {
    let error = error.downcast_ref::<io::Error>().expect("it is ours");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains(text), "{error}");
}

// Silence.

#[test]
fn a_client_of_http_2_that_answers_nothing_is_cut_after_it_was_told_to_go() {
    let half_a_head = [&begin(65_535)[..], &get(1)[..12]].concat();
    let settled = begin(65_535);
    let asked = [&settled[..], &get(1)].concat();
    for sent in [PREFACE, &settled, &asked, &half_a_head] {
        run(async || {
            let (mut client, server) = duplex(64 * 1024);
            let (error, seconds) = serve_silent(&mut client, server, sent).await;
            // If the client stops in the middle of a frame, hyper itself notices only when the client closes.
            expect_timeout(&error, "has not left in time");
            assert!((60..=131).contains(&seconds), "{seconds}");
            // There is none before the client's settings have come.
            if sent.len() > PREFACE.len() {
                receive_until(&mut client, GOAWAY).await;
            }
        });
    }
}

#[test]
fn a_head_that_comes_byte_by_byte_is_no_request() {
    let half_of_http_2 = [&begin(65_535)[..], &frame(HEADERS, END_STREAM, 1, &[0x82; 4_000])].concat();
    let half_of_http_1 = [&b"GET / HTTP/1.1\r\nX: "[..], &[b'x'; 4_000]].concat();
    for (sent, begun) in [(half_of_http_2, begin(65_535).len()), (half_of_http_1, 1)] {
        run(async || {
            let (mut client, server) = duplex(64 * 1024);
            send(&mut client, &sent[..begun]).await;
            let http = Http::new().header_read_timeout(None).idle_timeout(60 * SECOND);
            let start = Instant::now();
            let trickling = ayi::spawn(async move {
                for byte in &sent[begun..] {
                    sleep(5 * SECOND).await;
                    if client.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                }
            });
            let _ = http.serve_connection(server, service_fn(hello), &CancellationToken::new()).await;
            assert!(start.elapsed() <= 131 * SECOND, "{:?}", start.elapsed());
            trickling.await.unwrap();
        });
    }
}

#[test]
fn pings_do_not_keep_a_connection_that_asks_for_nothing() {
    run(async || {
        let (mut client, server) = duplex(64 * 1024);
        let http = Http::new().idle_timeout(60 * SECOND);
        let stop = CancellationToken::new();
        let serving = ayi::spawn(async move {
            http.serve_connection(server, service_fn(hello), &stop).await.map_err(|error| error.to_string())
        });
        send(&mut client, &begin(65_535)).await;
        let (mut input, mut output) = split(client);
        ayi::spawn(async move {
            while output.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
                sleep(5 * SECOND).await;
            }
        });
        // The client's pings are answered, but it does not answer ours.
        let reading = ayi::spawn(async move { while receive(&mut input).await.is_some() {} });
        let start = Instant::now();
        let error = serving.await.unwrap().unwrap_err();
        assert!(error.contains("has not left in time"), "{error}");
        assert!(start.elapsed() <= 131 * SECOND, "{:?}", start.elapsed());
        reading.await.unwrap();
    });
}

// Answers that take long at the server.

/// A body that returns `tick` once an hour, three times.
struct Clock {
    sleep: Pin<Box<ayi::time::Sleep>>,
    left: usize,
}

impl Clock {
    fn new() -> Clock {
        Clock { sleep: Box::pin(sleep(3600 * SECOND)), left: 3 }
    }
}

impl Body for Clock {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.sleep = Box::pin(sleep(3600 * SECOND));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"tick")))))
    }
}

#[test]
fn a_response_that_the_server_takes_hours_for_is_waited_for() {
    for is_stopped in [false, true] {
        run(async || {
            let (mut client, server) = duplex(64 * 1024);
            let stop = CancellationToken::new();
            let serving = ayi::spawn({
                let stop = stop.clone();
                let service = service_fn(async |_: Request<Incoming>| {
                    sleep(3600 * SECOND).await;
                    Ok::<_, BoxError>(Response::new(Clock::new()))
                });
                async move { Http::new().serve_connection(server, service, &stop).await.is_ok() }
            });
            send(&mut client, &[begin(65_535), get(1)].concat()).await;
            sleep(SECOND).await;
            if is_stopped {
                stop.cancel();
            }
            // The client answers no ping meanwhile: it is the server's turn.
            for _ in 0..3 {
                assert_eq!(receive_until(&mut client, DATA).await.payload, b"tick");
            }
            while receive(&mut client).await.is_some() {}
            assert!(!serving.await.unwrap(), "it never left");
        });
    }
}

#[test]
fn a_body_that_comes_slowly_is_a_request_that_goes_on() {
    run(async || {
        let (mut client, server) = duplex(64 * 1024);
        let echo = service_fn(async |request: Request<Incoming>| {
            Ok::<_, BoxError>(Response::new(request.into_body()))
        });
        let stop = CancellationToken::new();
        ayi::spawn(async move {
            let _ = Http::new().serve_connection(server, echo, &stop).await;
        });
        send(&mut client, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n").await;
        for _ in 0..100 {
            sleep(30 * SECOND).await;
            send(&mut client, b"x").await;
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(&"x".repeat(100)), "{answer}");
    });
}

#[test]
fn half_of_a_body_ends_with_the_limit_of_its_service() {
    let half_of_http_1 = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let half_of_http_2 = [begin(65_535), post(1), frame(DATA, 0, 1, b"half")].concat();
    for sent in [half_of_http_1, half_of_http_2] {
        for echoes in [true, false] {
            run(async || {
                let (mut client, server) = duplex(64 * 1024);
                send(&mut client, &sent).await;
                let service = service_fn(move |request: Request<Incoming>| async move {
                    let mut body = Box::pin(TimeoutBody::new(request.into_body(), 30 * SECOND));
                    if !echoes {
                        let first = poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
                        assert!(first.is_some_and(|part| part.is_ok()));
                        poll_fn(|cx| body.as_mut().poll_frame(cx)).await.expect("it has no end")?;
                    }
                    Ok::<_, BoxError>(Response::new(body))
                });
                let start = Instant::now();
                let _ = Http::new().serve_connection(server, service, &CancellationToken::new()).await;
                // HTTP/2 continues without the request, and the client is told to go after a while.
                assert!((30..=171).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
                // The client gets a reset, or nothing more.
                let _ = client.read_to_end(&mut Vec::new()).await;
            });
        }
    }
}

// Clients that take nothing.

#[test]
fn a_client_whose_window_stays_closed_is_cut_also_if_it_sends_pings() {
    for has_pings in [false, true] {
        run(async || {
            let (mut client, server) = duplex(64 * 1024);
            let given = Rc::new(Cell::new(0));
            let service = service_fn({
                let given = given.clone();
                // One request is never answered: it protects nobody.
                let calls = Rc::new(Cell::new(0));
                move |_: Request<Incoming>| {
                    let (given, number) = (given.clone(), calls.replace(calls.get() + 1));
                    async move {
                        if number == 0 {
                            pending().await
                        }
                        Ok::<_, BoxError>(Response::new(Endless { given, piece: 1_000 }))
                    }
                }
            });
            let stop = CancellationToken::new();
            let serving = ayi::spawn(async move {
                Http::new()
                    .idle_timeout(60 * SECOND)
                    .serve_connection(server, service, &stop)
                    .await
                    .map_err(|error| error.to_string())
            });
            send(&mut client, &begin(0)).await;
            for n in 0..50 {
                send(&mut client, &get(2 * n + 1)).await;
            }
            let (mut input, mut output) = split(client);
            ayi::spawn(async move { while receive(&mut input).await.is_some() {} });
            ayi::spawn(async move {
                while has_pings && output.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
                    sleep(10 * SECOND).await;
                }
                pending::<()>().await;
            });
            let start = Instant::now();
            let error = serving.await.unwrap().unwrap_err();
            assert!(error.contains("has not read what was sent to it"), "{error}");
            assert!((59..=131).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
            // hyper asks each body for a piece before it looks whether there is a window for it.
            assert!(given.get() <= 49 * 1_000, "{} bytes that nobody asked for", given.get());
        });
    }
}

#[test]
fn what_waits_for_a_client_of_http_2_is_bounded_for_each_connection() {
    run(async || {
        // The client accepts responses, but reads nothing.
        let (mut client, server) = duplex(4 * 1024);
        let (given, calls) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let service = service_fn({
            let (given, calls) = (given.clone(), calls.clone());
            move |_: Request<Incoming>| {
                calls.set(calls.get() + 1);
                let body = Endless { given: given.clone(), piece: 8 * 1024 };
                async { Ok::<_, BoxError>(Response::new(body)) }
            }
        });
        let stop = CancellationToken::new();
        let serving =
            ayi::spawn(async move { Http::new().serve_connection(server, service, &stop).await.is_err() });
        let asking = ayi::spawn(async move {
            let large = (1 << 30) - 1;
            let mut sent = [begin(large), more(0, large)].concat();
            (0..500).for_each(|n| sent.extend(get(2 * n + 1)));
            let _ = client.write_all(&sent).await;
            client
        });
        assert!(serving.await.unwrap(), "it is cut");
        assert!(calls.get() <= 100, "{} requests at a time", calls.get());
        // Each has the limit, the piece that exceeds it, and the one that waits.
        assert!(given.get() <= 100 * (64 + 8 + 8) * 1024, "{} bytes wait for one client", given.get());
        asking.await.unwrap();
    });
}

#[test]
fn a_client_that_takes_a_little_now_and_then_is_kept() {
    run(async || {
        let (mut client, server) = duplex(64 * 1024);
        let given = Rc::new(Cell::new(0));
        let service = service_fn(move |_: Request<Incoming>| {
            let body = Endless { given: given.clone(), piece: 1_000 };
            async { Ok::<_, BoxError>(Response::new(body)) }
        });
        let stop = CancellationToken::new();
        let serving = ayi::spawn(async move {
            let _ = Http::new().idle_timeout(60 * SECOND).serve_connection(server, service, &stop).await;
        });
        send(&mut client, &[begin(100), get(1)].concat()).await;
        for _ in 0..50 {
            receive_until(&mut client, DATA).await;
            sleep(40 * SECOND).await;
            send(&mut client, &more(1, 100)).await;
        }
        assert!(!serving.is_finished());
    });
}

#[test]
fn a_client_that_has_closed_its_half_is_not_waited_for() {
    for sent in [&b""[..], GET, &GET[..10], b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234"] {
        run(async || {
            let (mut client, server) = duplex(64 * 1024);
            send(&mut client, sent).await;
            let (_input, mut output) = split(client);
            output.shutdown().await.unwrap();
            let wait = service_fn(async |request: Request<Incoming>| {
                sleep(SECOND).await;
                Ok::<_, BoxError>(Response::new(request.into_body()))
            });
            let start = Instant::now();
            let _ = Http::new().serve_connection(server, wait, &CancellationToken::new()).await;
            assert!(start.elapsed() <= SECOND, "{:?}", start.elapsed());
        });
    }
}

#[test]
fn requests_that_come_without_a_reader_are_not_all_answered() {
    run(async || {
        let (client, server) = duplex(4 * 1024);
        let calls = Rc::new(Cell::new(0));
        let service = service_fn({
            let calls = calls.clone();
            move |_: Request<Incoming>| {
                calls.set(calls.get() + 1);
                async { Answer::Ok(Response::new("x".repeat(1_000))) }
            }
        });
        let (_input, mut output) = split(client);
        let asking = ayi::spawn(async move { while output.write_all(&GET.repeat(100)).await.is_ok() {} });
        let result = Http::new().serve_connection(server, service, &CancellationToken::new()).await;
        expect_timeout(&result.unwrap_err(), "has not read what was sent to it");
        assert!(calls.get() < 1_000, "{} responses of 1 KB", calls.get());
        asking.await.unwrap();
    });
}

/// A stream that takes writes as TLS does: into a buffer, whatever happens to the connection.
struct Buffered {
    inner: DuplexStream,
    buffer: Vec<u8>,
}

impl Read for Buffered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Read::poll_read(Pin::new(&mut self.inner), cx, buf)
    }
}

impl Write for Buffered {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.buffer.extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.buffer.is_empty() {
            let written = ready!(Write::poll_write(Pin::new(&mut this.inner), cx, &this.buffer))?;
            this.buffer.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Write::poll_shutdown(Pin::new(&mut self.inner), cx)
    }
}

#[test]
fn who_does_not_read_is_cut_also_behind_a_stream_with_a_buffer() {
    run(async || {
        let (mut client, server) = duplex(64);
        send(&mut client, GET).await;
        let server = Buffered { inner: server, buffer: Vec::new() };
        let service = service_fn(async |_: Request<Incoming>| Answer::Ok(Response::new("x".repeat(10_000))));
        let result = Http::new().serve_connection(server, service, &CancellationToken::new()).await;
        expect_timeout(&result.unwrap_err(), "has not read what was sent to it");
    });
}

// The end of the server.

#[test]
fn clients_that_say_nothing_do_not_hold_up_the_end() {
    let half_a_head = [&begin(65_535)[..], &get(1)[..12]].concat();
    let settled = begin(65_535);
    let asked = [&settled[..], &get(1)].concat();
    let half_of_http_1 = &GET[..10];
    let sent: [&[u8]; 8] = [b"", b"PRI * HT", PREFACE, &settled, &asked, &half_a_head, half_of_http_1, GET];
    for idle_timeout in [None, Some(60 * SECOND)] {
        run(async || {
            let (listener, mut clients) = Given::new::<8>();
            let http = Http::new().header_read_timeout(None).idle_timeout(idle_timeout);
            let server = ayi::spawn(serve(listener, service_fn(hello)).with_http(http).into_future());
            for (client, sent) in clients.iter_mut().zip(sent) {
                send(client, sent).await;
            }
            sleep(SECOND).await;
            let start = Instant::now();
            shutdown_token().cancel();
            server.await.unwrap().unwrap();
            assert!(start.elapsed() <= 11 * SECOND, "{:?}", start.elapsed());
            for client in &mut clients {
                rest(client).await;
            }
        });
    }
}

#[test]
fn a_client_that_talks_on_without_asking_does_not_hold_up_the_end() {
    run(async || {
        let (listener, [client]) = Given::new();
        let server = ayi::spawn(serve(listener, service_fn(hello)).into_future());
        let (mut input, mut output) = split(client);
        send(&mut output, &[begin(65_535), get(1)].concat()).await;
        receive_until(&mut input, DATA).await;
        ayi::spawn(async move {
            while output.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
                sleep(SECOND / 2).await;
            }
        });
        ayi::spawn(async move { while receive(&mut input).await.is_some() {} });
        let start = Instant::now();
        shutdown_token().cancel();
        server.await.unwrap().unwrap();
        assert!(start.elapsed() <= 11 * SECOND, "{:?}", start.elapsed());
    });
}

#[test]
fn a_client_whose_window_is_closed_has_its_time_at_the_end_and_no_more() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let http = Http::new().idle_timeout(60 * SECOND);
        let server = ayi::spawn(serve(listener, service_fn(hello)).with_http(http).into_future());
        send(&mut client, &[begin(0), get(1)].concat()).await;
        receive_until(&mut client, HEADERS).await;
        shutdown_token().cancel();
        sleep(45 * SECOND).await;
        // The client takes two bytes, and after that nothing.
        send(&mut client, &more(1, 2)).await;
        assert_eq!(receive_until(&mut client, DATA).await.payload, b"he");
        assert!(!server.is_finished());
        let start = Instant::now();
        timeout(80 * SECOND, server).await.unwrap().unwrap().unwrap();
        assert!(start.elapsed() >= 50 * SECOND, "{:?}", start.elapsed());
    });
}

#[test]
fn who_asks_after_the_server_was_told_to_end_but_before_it_has_heard_gets_its_answer() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let server = ayi::spawn(serve(listener, service_fn(hello)).into_future());
        send(&mut client, &begin(65_535)).await;
        sleep(SECOND).await;
        shutdown_token().cancel();
        sleep(5 * SECOND).await;
        // A slow network: our request comes, and then the answer to the server's ping.
        send(&mut client, &get(1)).await;
        let ping = receive_until(&mut client, PING).await;
        assert_eq!(receive_until(&mut client, DATA).await.payload, b"hello");
        send(&mut client, &frame(PING, ACK, 0, &ping.payload)).await;
        server.await.unwrap().unwrap();
    });
}
