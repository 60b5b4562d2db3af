//! The crate `redis` over ayi's sockets, with a real redis-server that these tests start.

#[path = "../src/redis_client/connect.rs"]
mod connect;
mod support;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncCommands, RedisResult, cmd, pipe};
use ayi::time::{Duration, timeout};
use connect::connect;
use futures_util::future::{join_all, try_join_all};
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::{Context, Waker};
use support::{Server, in_a_child, output, redis, run, threads};

/// Returns one server for all tests, except those that end it. Returns `None` if Redis is missing: the tests are
/// skipped then.
fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(redis::start).as_ref()
}

fn tcp(server: &Server) -> String {
    format!("redis://127.0.0.1:{}", server.port)
}

fn unix(server: &Server) -> String {
    format!("unix://{}/socket", server.folder.display())
}

async fn client(server: &str) -> MultiplexedConnection {
    connect(server, |_| {}).await.unwrap()
}

/// Polls a command once, so that it is in the queue of its connection.
fn start(command: Pin<&mut impl Future>) {
    assert!(command.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn the_example_runs_over_tcp_and_over_a_unix_socket() {
    let Some(server) = shared() else { return };
    for address in [tcp(server), unix(server)] {
        let expected = "greeting: 你好\ncounted to: 1000\n3 teas: oolong, longjing, pu'er\n\
                        kettle: it boils, heard by 1\nnothing came\n";
        assert_eq!(output(env!("CARGO_BIN_EXE_redis_client"), &address), expected);
    }
}

#[test]
fn a_thousand_commands_are_on_one_connection_at_once() {
    let Some(server) = shared() else { return };
    run(async || {
        for address in [tcp(server), unix(server)] {
            let redis = client(&address).await;
            let echoes = join_all((0..1_000).map(async |n: u32| {
                let echo: u32 = cmd("ECHO").arg(n).query_async(&mut redis.clone()).await.unwrap();
                echo
            }));
            assert_eq!(echoes.await, (0..1_000).collect::<Vec<_>>());
        }
    });
}

#[test]
fn values_of_a_mebibyte_arrive_whole_in_both_directions() {
    let Some(server) = shared() else { return };
    run(async || {
        for address in [tcp(server), unix(server)] {
            let redis = client(&address).await;
            let values: Vec<Vec<u8>> =
                (0..8).map(|n| (0..1 << 20).map(|i| (i * (n + 7)) as u8).collect()).collect();
            join_all(values.iter().enumerate().map(async |(n, value)| {
                let mut redis = redis.clone();
                let () = redis.set(format!("large {n}"), value).await.unwrap();
                assert!(redis.get::<_, Vec<u8>>(format!("large {n}")).await.unwrap() == *value);
            }))
            .await;
        }
    });
}

#[test]
fn a_pipeline_of_ten_thousand_comes_back_in_order() {
    let Some(server) = shared() else { return };
    run(async || {
        let mut redis = client(&tcp(server)).await;
        let mut pipe = pipe();
        (0..10_000).for_each(|n| {
            pipe.cmd("ECHO").arg(n);
        });
        let echoes: Vec<u32> = pipe.query_async(&mut redis).await.unwrap();
        assert_eq!(echoes, (0..10_000).collect::<Vec<_>>());
    });
}

#[test]
fn commands_that_are_dropped_leave_the_connection_in_order() {
    let Some(server) = shared() else { return };
    run(async || {
        let redis = client(&tcp(server)).await;
        for n in 0..100 {
            {
                let mut redis = redis.clone();
                let mut unwanted = pin!(redis.ping_message::<_, String>("unwanted"));
                start(unwanted.as_mut());
            }
            let echo: u32 = cmd("ECHO").arg(n).query_async(&mut redis.clone()).await.unwrap();
            assert_eq!(echo, n);
        }
        // The server is busy with this one: its answer comes late, and nobody waits for it.
        let mut blocked = redis.clone();
        let popped = blocked.blpop::<_, (String, String)>("dropped", 0.0);
        assert!(timeout(Duration::from_millis(50), popped).await.is_err());
        let mut next = redis.clone();
        let echo = cmd("ECHO").arg(7).to_owned();
        let mut next = pin!(echo.query_async::<u32>(&mut next));
        start(next.as_mut());
        let () = client(&unix(server)).await.rpush("dropped", "too late").await.unwrap();
        assert_eq!(next.await.unwrap(), 7);
    });
}

#[test]
fn messages_come_beside_answers() {
    let Some(server) = shared() else { return };
    run(async || {
        let (push, messages) = async_channel::unbounded();
        let mut redis = connect(&tcp(server), move |message| {
            let text = message.get_payload::<String>().unwrap();
            push.try_send((message.get_channel_name().to_owned(), text)).unwrap();
        })
        .await
        .unwrap();
        redis.subscribe(&["one", "two"]).await.unwrap();
        redis.psubscribe("th*").await.unwrap();
        let mut speaker = client(&unix(server)).await;
        for n in 0..100 {
            for channel in ["one", "two", "three"] {
                let heard: u32 = speaker.publish(channel, n).await.unwrap();
                assert_eq!(heard, 1);
                assert_eq!(messages.recv().await.unwrap(), (channel.to_owned(), n.to_string()));
            }
            // The same connection still answers.
            assert_eq!(cmd("ECHO").arg(n).query_async::<u32>(&mut redis).await.unwrap(), n);
        }
        redis.unsubscribe("one").await.unwrap();
        assert_eq!(speaker.publish::<_, _, u32>("one", "nobody").await.unwrap(), 0);
    });
}

#[test]
fn fifty_connections_work_at_once() {
    let Some(server) = shared() else { return };
    run(async || {
        let all = (0..50).map(async |n: u32| {
            let mut redis = client(&if n % 2 == 0 { tcp(server) } else { unix(server) }).await;
            for _ in 0..20 {
                let () = redis.incr("fifty", 1).await?;
            }
            RedisResult::Ok(())
        });
        try_join_all(all).await.unwrap();
        assert_eq!(client(&tcp(server)).await.get::<_, u32>("fifty").await.unwrap(), 1_000);
    });
}

#[test]
fn a_server_that_ends_in_mid_command_is_an_error_for_all_who_wait() {
    let Some(mut server) = redis::start() else { return };
    run(async || {
        let redis = [client(&tcp(&server)).await, client(&unix(&server)).await];
        let mut waiting: Vec<_> = redis
            .iter()
            .flat_map(|redis| (0..10).map(|_| redis.clone()))
            .map(|mut redis| Box::pin(async move { redis.blpop::<_, (String, String)>("never", 0.0).await }))
            .collect();
        waiting.iter_mut().for_each(|command| start(command.as_mut()));
        ayi::task::yield_now().await;
        server.stop();
        for result in join_all(waiting).await {
            let error = result.unwrap_err();
            assert!(error.is_io_error() && error.is_connection_dropped(), "{error:?}");
        }
        for mut redis in redis {
            assert!(redis.ping::<()>().await.unwrap_err().is_connection_dropped());
        }
        let error = connect(&tcp(&server), |_| {}).await.err().unwrap();
        assert!(error.is_connection_refusal(), "{error:?}");
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
        let redis = [client(&tcp(server)).await, client(&unix(server)).await];
        let commands = (0..100).map(async |n: usize| redis[n % 2].clone().ping::<String>().await);
        try_join_all(commands).await.unwrap();
        assert_eq!(threads(), before);
        assert!(!before.iter().any(|name| name.contains("tokio")), "{before:?}");
    });
}
