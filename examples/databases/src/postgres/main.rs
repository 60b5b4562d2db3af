//! PostgreSQL, with `tokio-postgres` over ayi's sockets.
//!
//! ```sh
//! cargo run -p databases --bin postgres -- "host=/run/postgresql user=postgres"
//! cargo run -p databases --bin postgres -- "host=127.0.0.1 port=5432 user=me password=secret"
//! ```
//!
//! The crate is used without its feature `runtime`. It then has no sockets and no timers of its own, and takes any
//! stream that has tokio's traits, which ayi's streams have with the feature `tokio`. There is one thread, and no tokio
//! runtime.
//!
//! | file | what it does |
//! |---|---|
//! | `connect` | a stream, a client on it, and the task that moves the bytes: to be copied |
//! | `main` | what one does with a client; all tables are temporary |

mod connect;

use ayi::time::{Duration, timeout};
use cli::{Context, Failure, Value, ValueExt};
use connect::{Result, cancel, connect};
use futures_util::future::try_join_all;
use futures_util::{SinkExt, TryStreamExt};
use std::io::Cursor;
use std::pin::pin;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config};

const USAGE: &str = "usage: postgres [\"host=FOLDER|NAME port=PORT user=NAME…\"]    (as for psql)";

#[ayi::main]
async fn main() -> std::result::Result<(), Failure> {
    let config = cli::read(USAGE, |args| {
        let mut config = None;
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if config.is_none() => config = Some(text.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(config.unwrap_or_else(|| String::from("host=/run/postgresql user=postgres")))
    });
    use_it(&config).await.context(format!("PostgreSQL with \"{config}\""))
}

async fn use_it(config: &str) -> Result<()> {
    let config: Config = config.parse()?;
    let (notify, notifications) = async_channel::unbounded();
    let (mut client, connection) = connect(&config, move |message| {
        if let AsyncMessage::Notification(notification) = message {
            // Nobody listens any longer when the program ends.
            let _ = notify.try_send(notification);
        }
    })
    .await?;

    println!("server: {}", client.query_one("SHOW server_version", &[]).await?.get::<_, &str>(0));
    client.batch_execute("CREATE TEMP TABLE tea (name text PRIMARY KEY, minutes int NOT NULL)").await?;
    insert_at_once(&client).await?;
    copy(&client).await?;
    change_your_mind(&mut client).await?;
    println!("rows: {}", client.query_one("SELECT count(*) FROM tea", &[]).await?.get::<_, i64>(0));

    client.batch_execute("LISTEN kettle; NOTIFY kettle, 'it boils'").await?;
    println!("kettle: {}", notifications.recv().await?.payload());

    wait_only_so_long(&config, &client).await?;

    // The connection's task says goodbye to the server, and ends.
    drop(client);
    Ok(connection.await??)
}

/// A hundred statements leave before the first answer comes: that many futures on one connection are a pipeline.
async fn insert_at_once(client: &Client) -> Result<()> {
    let insert = client.prepare("INSERT INTO tea VALUES ($1, $2)").await?;
    let rows: Vec<_> = (0..100).map(|number| (format!("tea {number}"), number % 7)).collect();
    let inserted = try_join_all(rows.iter().map(async |(name, minutes)| {
        // A row's two parameters, borrowed.
        client.execute(&insert, &[name, minutes]).await
    }))
    .await?;
    println!("inserted: {}", inserted.iter().sum::<u64>());
    Ok(())
}

/// COPY, in both directions: the quickest way for many rows.
async fn copy(client: &Client) -> Result<()> {
    let mut rows = pin!(client.copy_in("COPY tea FROM STDIN").await?);
    for number in 0..1_000 {
        rows.send(Cursor::new(format!("oolong {number}\t{}\n", number % 5))).await?;
    }
    println!("copied in: {}", rows.finish().await?);
    let rows = client.copy_out("COPY tea TO STDOUT").await?;
    println!("copied out: {} bytes", rows.try_fold(0, async |sum, part| Ok(sum + part.len())).await?);
    Ok(())
}

/// A transaction that is dropped is rolled back.
async fn change_your_mind(client: &mut Client) -> Result<()> {
    let transaction = client.transaction().await?;
    let deleted = transaction.execute("DELETE FROM tea WHERE minutes > $1", &[&2]).await?;
    println!("deleted, for a moment: {deleted}");
    drop(transaction);

    let transaction = client.transaction().await?;
    transaction.execute("UPDATE tea SET minutes = minutes + 1", &[]).await?;
    transaction.commit().await?;
    Ok(())
}

/// A time limit is ayi's `timeout`. After it the server has to be told, or the connection stays busy.
async fn wait_only_so_long(config: &Config, client: &Client) -> Result<()> {
    let mut query = pin!(client.query("SELECT pg_sleep(3600)", &[]));
    if timeout(Duration::from_millis(100), &mut query).await.is_ok() {
        return Err("an hour was very short".into());
    }
    cancel(config, client.cancel_token()).await?;
    match query.await {
        Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => println!("cancelled"),
        other => return Err(format!("not cancelled: {other:?}").into()),
    }
    Ok(())
}
