//! axum's own server, with clients in the same runtime.

use futures_util::{SinkExt, StreamExt, future, stream};
use reqwest::{Body, Client, StatusCode, Version};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use support::{NONE, PATIENCE, alone, has_one_thread, threads};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use web::App;

/// A server that runs.
struct Server {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    ended: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(app: &App, limit: Duration) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, told) = oneshot::channel();
        let router = app.clone().router(limit);
        let ended = tokio::spawn(async {
            let serve = axum::serve(listener, router);
            serve.with_graceful_shutdown(async { told.await.unwrap_or_default() }).await
        });
        Server { address, end, ended }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it in order.
    async fn stop(self) {
        self.end.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

async fn text(client: &Client, url: String) -> String {
    client.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

#[test]
fn a_thousand_requests_are_answered_by_the_runtime_that_asks() {
    alone(async || {
        let server = Server::start(&App::new(), PATIENCE).await;
        let client = Client::new();
        assert_eq!(text(&client, server.url("/hello/ayi")).await, "hello, ayi");
        let here = format!("{:?}", std::thread::current().id());
        let answers = (0..1_000).map(|_| text(&client, server.url("/thread")));
        let answers: Vec<String> = stream::iter(answers).buffer_unordered(50).collect().await;
        assert_eq!(answers.len(), 1_000);
        assert!(answers.iter().all(|thread| *thread == here) || !has_one_thread());
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn http_2_has_many_streams_on_one_connection() {
    alone(async || {
        let app = App::new();
        let server = Server::start(&app, PATIENCE).await;
        let client = Client::builder().http2_prior_knowledge().build().unwrap();
        let gates = future::join_all((0..100).map(|_| client.get(server.url("/gate")).send()));
        // The gate opens behind all of the others.
        let opened = async {
            let answer = client.get(server.url("/hello/h2")).send().await.unwrap();
            assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
            app.gate.add_permits(1);
        };
        let (gates, ()) = future::join(gates, opened).await;
        for gate in gates {
            assert_eq!(gate.unwrap().text().await.unwrap(), "open");
        }
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_body_of_eight_mebibytes_is_sent_in_pieces() {
    alone(async || {
        let server = Server::start(&App::new(), PATIENCE).await;
        let pieces = stream::iter((0..128).map(|_| Ok::<_, io::Error>(vec![7; 1 << 16])));
        let request = Client::new().post(server.url("/count")).body(Body::wrap_stream(pieces));
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert_eq!(answer, (8 << 20).to_string());
        assert_eq!(threads(), NONE);
        server.stop().await;
    });
}

#[test]
fn a_handler_that_takes_too_long_is_dropped() {
    alone(async || {
        let app = App::new();
        let server = Server::start(&app, Duration::from_millis(50)).await;
        let client = Client::new();
        let answer = client.get(server.url("/never")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        app.dropped.acquire().await.unwrap().forget();
        // The connection is as good as before.
        assert_eq!(text(&client, server.url("/hello/again")).await, "hello, again");
        // The client's own limit: the handler is dropped when its client has gone.
        let patient = Server::start(&app, PATIENCE).await;
        let impatient = client.get(patient.url("/never")).timeout(Duration::from_millis(50));
        assert!(impatient.send().await.unwrap_err().is_timeout());
        app.dropped.acquire().await.unwrap().forget();
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
        patient.stop().await;
    });
}

#[test]
fn events_reach_each_listener_and_comments_keep_it_alive() {
    alone(async || {
        let app = App::new();
        let server = Server::start(&app, PATIENCE).await;
        let client = Client::new();
        let mut listeners = Vec::new();
        for _ in 0..3 {
            let answer = client.get(server.url("/events")).send().await.unwrap();
            assert_eq!(answer.headers()["content-type"], "text/event-stream");
            listeners.push(answer.bytes_stream());
        }
        for listener in &mut listeners {
            for _ in 0..2 {
                assert_eq!(listener.next().await.unwrap().unwrap(), ": still here\n\n");
            }
        }
        app.events.send("tea is ready".into()).unwrap();
        for listener in &mut listeners {
            let mut seen = String::new();
            while !seen.contains("data") {
                seen += std::str::from_utf8(&listener.next().await.unwrap().unwrap()).unwrap();
            }
            assert!(seen.ends_with("event: news\ndata: tea is ready\n\n"), "{seen}");
        }
        assert_eq!(threads(), NONE);
        // A listener that goes is no longer one: the next event has nobody.
        drop(listeners);
        while app.events.receiver_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(client);
        server.stop().await;
    });
}

#[test]
fn websockets_echo_text_and_a_mebibyte_and_close_in_order() {
    alone(async || {
        let server = Server::start(&App::new(), Duration::from_millis(50)).await;
        let talk = async |n: usize| {
            let (mut socket, _) = connect_async(format!("ws://{}/echo", server.address)).await.unwrap();
            // Longer than the limit, which is only for the handler that has long returned.
            tokio::time::sleep(Duration::from_millis(60)).await;
            let large = vec![n as u8; 1 << 20];
            for message in [Message::text(format!("hello {n}")), Message::binary(large), Message::text("")] {
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), message);
            }
            socket.send(Message::Ping("?".into())).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("?".into()));
            socket.close(None).await.unwrap();
            assert!(socket.next().await.unwrap().unwrap().is_close());
            assert!(socket.next().await.is_none());
        };
        future::join_all((0..20).map(talk)).await;
        assert_eq!(threads(), NONE);
        server.stop().await;
    });
}

#[test]
fn a_server_that_is_told_to_end_answers_what_it_has_begun() {
    alone(async || {
        let app = App::new();
        let server = Server::start(&app, PATIENCE).await;
        let address = server.address;
        let client = Client::new();
        // Some handlers wait when the end is told.
        let waiting: Vec<_> = (0..10).map(|_| tokio::spawn(client.get(server.url("/gate")).send())).collect();
        text(&client, server.url("/hello/first")).await;
        let Server { end, ended, .. } = server;
        end.send(()).unwrap();
        // It listens no longer.
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!ended.is_finished());
        app.gate.add_permits(1);
        for answer in waiting {
            let answer = answer.await.unwrap().unwrap();
            assert_eq!(answer.text().await.unwrap(), "open");
        }
        ended.await.unwrap().unwrap();
        assert_eq!(threads(), NONE);
    });
}

/// hyper-util calls the system's `getaddrinfo` within `spawn_blocking`, so this takes a thread.
#[test]
fn a_name_is_looked_up_on_the_blocking_pool() {
    alone(async || {
        let server = Server::start(&App::new(), PATIENCE).await;
        let url = format!("http://localhost:{}/hello/name", server.address.port());
        assert_eq!(text(&Client::new(), url).await, "hello, name");
        assert_eq!(threads(), ["ayi-blocking-0"]);
        server.stop().await;
    });
}
