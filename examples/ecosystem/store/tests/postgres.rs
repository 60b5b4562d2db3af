//! sqlx' pool with a real PostgreSQL that these tests start.

use futures_util::{TryStreamExt, future};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::time::Duration;
use store::{carry, coins, open_accounts};
use support::{NONE, Server, alone, postgres, threads};

fn options(server: &Server) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port);
    options.username("ayi").database("postgres")
}

async fn pool(server: &Server, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).connect_with(options(server)).await.unwrap()
}

#[test]
fn transactions_of_two_hundred_tasks_share_ten_connections() {
    alone(async || {
        let Some(server) = postgres::start() else { return };
        let pool = pool(&server, 10).await;
        open_accounts(&pool, 20).await.unwrap();
        let tasks = (0..200).map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move { carry(&pool, n % 20 + 1, n * 7 % 20 + 1, 1 + i64::from(n) % 5).await })
        });
        for task in future::join_all(tasks).await {
            task.unwrap().unwrap();
        }
        assert_eq!(coins(&pool).await.unwrap(), 2_000);
        assert_eq!(pool.size(), 10);
        // One that would leave less than nothing is rolled back, the part that went well included.
        let refused = carry(&pool, 2, 1, 1_000).await.unwrap_err();
        assert!(refused.as_database_error().unwrap().is_check_violation(), "{refused}");
        assert_eq!(coins(&pool).await.unwrap(), 2_000);
        assert_eq!(threads(), NONE);
        pool.close().await;
        assert!(carry(&pool, 1, 2, 1).await.is_err());
    });
}

#[test]
fn a_connection_is_not_waited_for_without_end_and_lost_ones_are_replaced() {
    alone(async || {
        let Some(server) = postgres::start() else { return };
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(100));
        let one = one.connect_with(options(&server)).await.unwrap();
        let held = one.acquire().await.unwrap();
        assert!(matches!(one.acquire().await.unwrap_err(), sqlx::Error::PoolTimedOut));
        drop(held);
        let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&one).await.unwrap();

        // The server ends this connection, and the pool makes another one.
        let other = pool(&server, 1).await;
        let ended = sqlx::query_scalar::<_, bool>("SELECT pg_terminate_backend($1, 60000)").bind(process);
        assert!(ended.fetch_one(&other).await.unwrap());
        let again: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&one).await.unwrap();
        assert_ne!(again, process);
        assert_eq!(threads(), NONE);
        one.close().await;
        other.close().await;
    });
}

#[test]
fn rows_come_as_they_are_asked_for_and_the_rest_may_be_left() {
    alone(async || {
        let Some(server) = postgres::start() else { return };
        let pool = pool(&server, 1).await;
        let numbers = "SELECT n::bigint FROM generate_series(1, 100000) AS n";
        let sum = sqlx::query_scalar(numbers).fetch(&pool).try_fold(0, async |sum, n: i64| Ok(sum + n));
        assert_eq!(sum.await.unwrap(), 5_000_050_000);
        for _ in 0..10 {
            let mut rows = sqlx::query_scalar(numbers).fetch(&pool);
            assert_eq!(rows.try_next().await.unwrap(), Some(1_i64));
        }
        // It is the same connection, in order.
        let text = "a field of a mebibyte ".repeat(1 << 16);
        let back: String = sqlx::query_scalar("SELECT $1").bind(&text).fetch_one(&pool).await.unwrap();
        assert!(back == text);
        assert_eq!(threads(), NONE);
        pool.close().await;
    });
}

#[test]
fn a_listener_over_a_unix_socket_hears_what_others_say() {
    alone(async || {
        let Some(server) = postgres::start() else { return };
        let unix = PgPoolOptions::new().max_connections(2);
        let unix = unix.connect_with(options(&server).socket(&server.folder)).await.unwrap();
        let mut listener = PgListener::connect_with(&unix).await.unwrap();
        listener.listen("kettle").await.unwrap();
        let say = async {
            for n in 0..100 {
                let say = sqlx::query("SELECT pg_notify('kettle', $1)").bind(format!("it boils {n}"));
                say.execute(&unix).await.unwrap();
            }
        };
        let hear = async {
            for n in 0..100 {
                assert_eq!(listener.recv().await.unwrap().payload(), format!("it boils {n}"));
            }
        };
        future::join(say, hear).await;
        assert_eq!(threads(), NONE);
        drop(listener);
        unix.close().await;
    });
}
