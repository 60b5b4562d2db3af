//! redis' `ConnectionManager` with a real redis-server that these tests start.

use futures_util::{StreamExt, future};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client};
use std::time::Duration;
use store::visit;
use support::{NONE, Server, alone, has_one_thread, redis as redis_server, threads};

fn client(server: &Server) -> Client {
    Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap()
}

async fn manager(client: &Client) -> ConnectionManager {
    let config = ConnectionManagerConfig::new()
        .set_min_delay(Duration::from_millis(1))
        .set_max_delay(Duration::from_millis(50))
        .set_number_of_retries(20);
    client.get_connection_manager_with_config(config).await.unwrap()
}

#[test]
fn a_thousand_tasks_share_one_connection() {
    alone(async || {
        let Some(server) = redis_server::start() else { return };
        let client = client(&server);
        let manager = manager(&client).await;
        let tasks = (0..1_000).map(|_| {
            let mut manager = manager.clone();
            tokio::spawn(async move { visit(&mut manager, "tea").await })
        });
        let visits = future::join_all(tasks).await.into_iter().map(|visit| visit.unwrap().unwrap());
        let mut visits: Vec<_> = visits.collect();
        if !has_one_thread() {
            // Two workers ask in an order of their own.
            visits.sort();
        }
        assert_eq!(visits, (1..=1_000).collect::<Vec<_>>());
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn the_manager_connects_again_when_its_connection_is_killed() {
    alone(async || {
        let Some(server) = redis_server::start() else { return };
        let client = client(&server);
        let (mut manager, mut other) = (manager(&client).await, manager(&client).await);
        assert_eq!(visit(&mut manager, "gate").await.unwrap(), 1);
        for killed in 0..5 {
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes");
            assert_eq!(kill.query_async::<u64>(&mut other).await.unwrap(), 1);
            // The first that finds the connection dead fails. It may not have reached the server, so it is not repeated.
            let mut failed = 0;
            let visits = loop {
                match visit(&mut manager, "gate").await {
                    Ok(visits) => break visits,
                    Err(error) if error.is_unrecoverable_error() || error.is_io_error() => failed += 1,
                    Err(error) => panic!("{error:?}"),
                }
            };
            assert_eq!(visits, killed + 2, "{failed} have failed");
        }
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn messages_reach_all_who_have_subscribed() {
    alone(async || {
        let Some(server) = redis_server::start() else { return };
        let client = client(&server);
        let mut manager = manager(&client).await;
        let mut listeners = Vec::new();
        for _ in 0..10 {
            let mut listener = client.get_async_pubsub().await.unwrap();
            listener.subscribe("kettle").await.unwrap();
            listeners.push(listener);
        }
        for n in 0..100 {
            assert_eq!(manager.publish::<_, _, u64>("kettle", n).await.unwrap(), 10);
        }
        for mut listener in listeners {
            let mut messages = listener.on_message();
            for n in 0..100 {
                assert_eq!(messages.next().await.unwrap().get_payload::<u32>().unwrap(), n);
            }
        }
        assert_eq!(threads(), NONE);
    });
}
