//! tokio-postgres over ayi's sockets, with a real PostgreSQL that these tests start.

#[path = "../src/postgres/connect.rs"]
mod connect;
mod support;

use ayi::time::{Duration, sleep, timeout};
use connect::{Connection, cancel, connect};
use futures_util::TryStreamExt;
use futures_util::future::{join_all, try_join_all};
use std::pin::pin;
use std::process::Command;
use std::sync::OnceLock;
use std::task::{Context, Waker};
use support::{Server, in_a_child, output, postgres, run, threads};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config};

/// Returns one server for all tests, except those that end it. Returns `None` if PostgreSQL is missing: the tests are
/// skipped then.
fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(postgres::start).as_ref()
}

fn tcp(server: &Server) -> String {
    format!("host=127.0.0.1 port={} user=ayi dbname=postgres", server.port)
}

fn unix(server: &Server) -> String {
    format!("host={} port={} user=ayi dbname=postgres", server.folder.display(), server.port)
}

async fn client(config: &str) -> (Client, Connection) {
    connect(&config.parse().unwrap(), |_| {}).await.unwrap()
}

/// Polls a query once, so that it is on its way.
fn start(query: std::pin::Pin<&mut impl Future>) {
    assert!(query.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn the_example_runs_over_tcp_and_over_a_unix_socket() {
    let Some(server) = shared() else { return };
    for config in [tcp(server), unix(server)] {
        let text = output(env!("CARGO_BIN_EXE_postgres"), &config);
        let (version, rest) = text.split_once('\n').unwrap();
        assert!(version.starts_with("server: "), "{text}");
        let expected = "inserted: 100\ncopied in: 1000\ncopied out: 13780 bytes\ndeleted, for a moment: 456\n\
                        rows: 1100\nkettle: it boils\ncancelled\n";
        assert_eq!(rest, expected);
    }
}

#[test]
fn a_thousand_queries_are_on_one_connection_at_once() {
    let Some(server) = shared() else { return };
    run(async || {
        for config in [tcp(server), unix(server)] {
            let (client, connection) = client(&config).await;
            let double = client.prepare("SELECT 2 * $1::int4").await.unwrap();
            let doubles = join_all(
                (0..1_000)
                    .map(async |n: i32| -> i32 { client.query_one(&double, &[&n]).await.unwrap().get(0) }),
            );
            assert_eq!(doubles.await, (0..1_000).map(|n| 2 * n).collect::<Vec<i32>>());
            drop(client);
            connection.await.unwrap().unwrap();
        }
    });
}

#[test]
fn fields_of_a_mebibyte_arrive_whole_in_both_directions() {
    let Some(server) = shared() else { return };
    run(async || {
        for config in [tcp(server), unix(server)] {
            let (client, _) = client(&config).await;
            let echo = client.prepare("SELECT $1::bytea, length($1)").await.unwrap();
            let fields: Vec<Vec<u8>> =
                (0..8).map(|n| (0..1 << 20).map(|i| (i * (n + 7)) as u8).collect()).collect();
            let rows = try_join_all(fields.iter().map(async |field| client.query_one(&echo, &[field]).await));
            for (row, field) in rows.await.unwrap().iter().zip(&fields) {
                assert_eq!(row.get::<_, i32>(1), 1 << 20);
                assert!(row.get::<_, &[u8]>(0) == field);
            }
        }
    });
}

#[test]
fn a_query_that_is_dropped_leaves_the_connection_in_order() {
    let Some(server) = shared() else { return };
    run(async || {
        let (client, _) = client(&tcp(server)).await;
        let one = client.prepare("SELECT $1::int4").await.unwrap();
        for n in 0..100 {
            {
                // Queries that are on their way, and then not wanted: one with many rows, and one that answers soon.
                let mut many = pin!(client.query("SELECT generate_series(1, 10000)", &[]));
                let mut other = pin!(client.query_one(&one, &[&-1]));
                start(many.as_mut());
                start(other.as_mut());
            }
            // A stream that is dropped after its first row.
            let rows = client.query_raw("SELECT generate_series(1, 10000)", &[] as &[i32]).await.unwrap();
            let first = pin!(rows).try_next().await.unwrap().unwrap();
            assert_eq!(first.get::<_, i32>(0), 1);
            assert_eq!(client.query_one(&one, &[&n]).await.unwrap().get::<_, i32>(0), n);
        }
    });
}

#[test]
fn a_query_that_is_dropped_can_be_cancelled() {
    let Some(server) = shared() else { return };
    run(async || {
        for text in [tcp(server), unix(server)] {
            let config: Config = text.parse().unwrap();
            let (client, _) = client(&text).await;
            let (other, _) = connect(&config, |_| {}).await.unwrap();
            let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
            let limited = timeout(Duration::from_millis(50), client.query("SELECT pg_sleep(3600)", &[]));
            assert!(limited.await.is_err());
            // The server has not been told yet that nobody waits.
            let busy = "SELECT state FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'";
            while other.query(busy, &[&pid]).await.unwrap().first().map(|row| row.get(0)) != Some("active") {}
            cancel(&config, client.cancel_token()).await.unwrap();
            assert_eq!(client.query_one("SELECT 7", &[]).await.unwrap().get::<_, i32>(0), 7);
        }
    });
}

#[test]
fn an_error_of_one_query_is_its_own() {
    let Some(server) = shared() else { return };
    run(async || {
        let (client, _) = client(&unix(server)).await;
        let divide = client.prepare("SELECT 12 / $1::int4").await.unwrap();
        let results = join_all((0..100).map(async |n: i32| client.query_one(&divide, &[&(n % 4)]).await));
        for (n, result) in results.await.into_iter().enumerate() {
            match n % 4 {
                0 => assert_eq!(result.unwrap_err().code(), Some(&SqlState::DIVISION_BY_ZERO)),
                n => assert_eq!(result.unwrap().get::<_, i32>(0), 12 / n as i32),
            }
        }
    });
}

#[test]
fn a_notification_wakes_a_connection_that_rests() {
    let Some(server) = shared() else { return };
    run(async || {
        let (send, notifications) = async_channel::unbounded();
        let config = tcp(server).parse().unwrap();
        let (listener, _connection) = connect(&config, move |message| {
            if let AsyncMessage::Notification(notification) = message {
                send.try_send(notification.payload().to_owned()).unwrap();
            }
        })
        .await
        .unwrap();
        listener.batch_execute("LISTEN rest").await.unwrap();
        let (speaker, _) = client(&unix(server)).await;
        for n in 0..10 {
            let mut next = pin!(notifications.recv());
            start(next.as_mut());
            speaker.batch_execute(&format!("NOTIFY rest, '{n}'")).await.unwrap();
            assert_eq!(next.await.unwrap(), n.to_string());
        }
    });
}

#[test]
fn fifty_connections_work_at_once() {
    let Some(server) = shared() else { return };
    run(async || {
        let sums = join_all((0..50).map(async |n: i64| {
            let (client, connection) = client(&if n % 2 == 0 { tcp(server) } else { unix(server) }).await;
            let sum = "SELECT sum(i)::int8 FROM generate_series(1, 1000 + $1::int8) AS i";
            let sums = try_join_all((0..20).map(async |_| client.query_one(sum, &[&n]).await)).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
            sums.iter().map(|row| row.get::<_, i64>(0)).sum::<i64>()
        }));
        let expected = (0..50).map(|n: i64| 20 * (1000 + n) * (1001 + n) / 2);
        assert_eq!(sums.await, expected.collect::<Vec<_>>());
    });
}

#[test]
fn a_server_that_ends_in_mid_query_is_an_error_for_all_who_wait() {
    let Some(mut server) = postgres::start() else { return };
    run(async || {
        for config in [tcp(&server), unix(&server)] {
            let (client, connection) = client(&config).await;
            let (_idle, witness) = connect(&config.parse().unwrap(), |_| {}).await.unwrap();
            let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
            let mut queries: Vec<_> =
                (0..10).map(|_| Box::pin(client.query("SELECT pg_sleep(3600)", &[]))).collect();
            queries.iter_mut().for_each(|query| start(query.as_mut()));
            // They have been sent when this is polled for the second time. KILL: the server cannot say goodbye.
            ayi::task::yield_now().await;
            assert!(
                Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status().unwrap().success()
            );
            for query in join_all(queries).await {
                assert!(query.unwrap_err().is_closed());
            }
            let error = client.query("SELECT 1", &[]).await.unwrap_err();
            assert!(error.is_closed(), "{error:?}");
            assert!(connection.await.unwrap().is_err());
            // The server ends the others too, once it knows, and starts again.
            assert!(witness.await.unwrap().is_err());
            while connect(&config.parse().unwrap(), |_| {}).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        }

        let (client, connection) = client(&tcp(&server)).await;
        let mut query = pin!(client.query("SELECT pg_sleep(3600)", &[]));
        start(query.as_mut());
        ayi::task::yield_now().await;
        server.stop();
        let error = query.await.unwrap_err();
        let says_why = error.code() == Some(&SqlState::CRASH_SHUTDOWN);
        assert!(says_why || error.is_closed(), "{error:?}");
        assert!(client.is_closed() || client.query("SELECT 1", &[]).await.is_err());
        let _ = connection.await.unwrap();
        let error = connect(&tcp(&server).parse().unwrap(), |_| {}).await.err().unwrap();
        assert!(error.to_string().contains("refused"), "{error}");
    });
}

#[test]
fn no_thread_is_started() {
    if shared().is_none() || !in_a_child("no_thread_is_started") {
        return;
    }
    let server = shared().unwrap();
    run(async || {
        let before = threads();
        let (client, connection) = client(&tcp(server)).await;
        let other = connect(&unix(server).parse().unwrap(), |_| {}).await.unwrap();
        let queries = (0..100).map(async |_| client.query_one("SELECT 1", &[]).await);
        try_join_all(queries).await.unwrap();
        assert_eq!(threads(), before);
        assert!(!before.iter().any(|name| name.contains("tokio")), "{before:?}");
        drop((client, other));
        connection.await.unwrap().unwrap();
    });
}
