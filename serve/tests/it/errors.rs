//! What the hook for errors is told, and what it is not told.

use crate::support::*;
use ayi::io::{AsyncReadExt, DuplexStream};
use ayi::runtime::{CancellationToken, shutdown_token};
use ayi::serve::{BoxError, Http, Listener, Stage, serve};
use ayi::time::sleep;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Request, Response};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tower::service_fn;

/// What a hook was told: the client, the stage, and the text.
type Error = (Option<usize>, Stage, String);

/// Everything that a hook has been told.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<Error>>>);

impl Told {
    fn hook(&self) -> impl Fn(&ayi::serve::ServeError<'_, usize>) + 'static {
        let told = self.clone();
        move |error| told.0.borrow_mut().push((error.peer.copied(), error.stage, error.to_string()))
    }

    #[track_caller]
    fn expect(&self, peer: Option<usize>, stage: Stage, text: &str) {
        let mut told = self.0.borrow_mut();
        let found =
            told.iter().position(|(who, when, what)| (*who, *when) == (peer, stage) && what.contains(text));
        let Some(found) = found else {
            panic!("nobody was told of {peer:?} {stage:?} {text}, but of {told:?}")
        };
        told.remove(found);
    }

    #[track_caller]
    fn expect_no_more(&self) {
        assert!(self.0.borrow().is_empty(), "{:?}", self.0.borrow());
    }
}

#[test]
fn a_handshake_that_fails_or_takes_too_long_is_told() {
    run(async || {
        let (listener, [mut failing, mut stalling]) = Given::new();
        let told = Told::default();
        let turn = Cell::new(0);
        let server = serve(listener, service_fn(hello)).on_error(told.hook()).with_handshake(
            move |stream: DuplexStream| {
                let number = turn.replace(turn.get() + 1);
                async move {
                    match number {
                        0 => Err(io::Error::other("no common cipher")),
                        _ => {
                            sleep(3600 * SECOND).await;
                            Ok(stream)
                        }
                    }
                }
            },
        );
        ayi::spawn(server.handshake_timeout(5 * SECOND).into_future());
        rest(&mut failing).await;
        rest(&mut stalling).await;
        sleep(SECOND).await;
        told.expect(Some(0), Stage::Handshake, "handshake with 0: no common cipher");
        told.expect(Some(1), Stage::Handshake, "not done within 5s");
        told.expect_no_more();
    });
}

#[test]
fn what_ends_a_connection_is_told_with_its_cause() {
    run(async || {
        let (listener, [mut garbage, silent, mut good, mut gone]) = Given::new();
        let told = Told::default();
        let service = service_fn(async |request: Request<Incoming>| match request.uri().path() {
            "/fails" => Err(BoxError::from("the database is down")),
            _ => hello(request).await,
        });
        ayi::spawn(serve(listener, service).on_error(told.hook()).into_future());
        let mut silent = silent;
        send(&mut garbage, b"\0\0\0\0\r\n\r\n").await;
        send(&mut silent, &begin(65_535)).await;
        send(&mut good, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        send(&mut gone, b"GET /fails HTTP/1.1\r\nHost: x\r\n\r\n").await;
        for client in [&mut garbage, &mut silent, &mut good, &mut gone] {
            rest(client).await;
        }
        sleep(SECOND).await;
        told.expect(Some(0), Stage::Connection, "invalid HTTP");
        told.expect(Some(1), Stage::Connection, "has not left in time");
        told.expect(Some(3), Stage::Connection, "the database is down");
        told.expect_no_more();
    });
}

/// A body of one piece, which then ends or breaks.
struct Piece {
    is_given: bool,
    breaks: bool,
}

impl Body for Piece {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match std::mem::replace(&mut self.is_given, true) {
            false => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"some tea"))))),
            true if self.breaks => Poll::Ready(Some(Err("the disk is gone".into()))),
            true => Poll::Ready(None),
        }
    }
}

#[test]
fn a_request_of_http_2_that_fails_is_told_and_the_others_go_on() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let told = Told::default();
        let turn = Rc::new(Cell::new(0));
        let service = service_fn(move |_: Request<Incoming>| {
            let number = turn.replace(turn.get() + 1);
            async move {
                match number {
                    0 => Err(BoxError::from("the database is down")),
                    _ => Ok(Response::new(Piece { is_given: false, breaks: number == 1 })),
                }
            }
        });
        ayi::spawn(serve(listener, service).on_error(told.hook()).into_future());
        send(&mut client, &[begin(65_535), get(1)].concat()).await;
        assert_eq!(receive_until(&mut client, RST_STREAM).await.stream, 1);
        send(&mut client, &get(3)).await;
        assert_eq!(receive_until(&mut client, RST_STREAM).await.stream, 3);
        told.expect(Some(0), Stage::Request, "request with 0: the database is down");
        told.expect(Some(0), Stage::Request, "the disk is gone");
        told.expect_no_more();
        send(&mut client, &get(5)).await;
        assert_eq!(receive_until(&mut client, DATA).await.payload, b"some tea");
    });
}

/// A listener with clients that have gone before they were accepted, and one that has not.
struct Unlucky(usize, Given);

impl Listener for Unlucky {
    type Io = DuplexStream;
    type Addr = usize;

    async fn accept(&mut self) -> io::Result<(DuplexStream, usize)> {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        let kinds = [ConnectionAborted, ConnectionRefused, ConnectionReset];
        match kinds.get(self.0) {
            Some(kind) => {
                self.0 += 1;
                Err((*kind).into())
            }
            None => self.1.accept().await,
        }
    }
}

#[test]
fn a_client_that_has_gone_before_it_was_accepted_does_not_end_the_server() {
    run(async || {
        let (listener, [mut client]) = Given::new();
        let told = Told::default();
        ayi::spawn(serve(Unlucky(0, listener), service_fn(hello)).on_error(told.hook()).into_future());
        send(&mut client, GET).await;
        client.read_exact(&mut [0; 12]).await.unwrap();
        for text in ["accept: connection aborted", "accept: connection refused", "accept: connection reset"] {
            told.expect(None, Stage::Accept, text);
        }
        told.expect_no_more();
    });
}

#[test]
fn who_is_cut_at_the_end_is_told_and_who_leaves_is_not() {
    run(async || {
        let (listener, [mut idle, mut busy]) = Given::new();
        let told = Told::default();
        let turn = Rc::new(Cell::new(0));
        let begun = CancellationToken::new();
        let service = service_fn({
            let begun = begun.clone();
            move |request: Request<Incoming>| {
                let (begun, number) = (begun.clone(), turn.replace(turn.get() + 1));
                async move {
                    if number == 1 {
                        begun.cancel();
                        pending().await
                    }
                    hello(request).await
                }
            }
        });
        let server = serve(listener, service).on_error(told.hook()).shutdown_timeout(15 * SECOND);
        let server = ayi::spawn(server.into_future());
        send(&mut idle, GET).await;
        idle.read_exact(&mut [0; 12]).await.unwrap();
        send(&mut busy, GET).await;
        begun.cancelled().await;
        shutdown_token().cancel();
        server.await.unwrap().unwrap_err();
        told.expect(Some(1), Stage::Connection, "Serve::shutdown_timeout");
        told.expect_no_more();
    });
}

#[test]
fn a_hook_that_panics_ends_one_connection() {
    run(async || {
        let (listener, [mut garbage, mut good]) = Given::new();
        let server =
            serve(listener, service_fn(hello)).max_connections(1).on_error(|_| panic!("out of paper"));
        ayi::spawn(server.with_http(Http::new()).into_future());
        send(&mut garbage, b"\0\0\0\0\r\n\r\n").await;
        rest(&mut garbage).await;
        // Its place is free again.
        send(&mut good, GET).await;
        good.read_exact(&mut [0; 12]).await.unwrap();
    });
}
