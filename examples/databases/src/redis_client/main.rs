//! Redis, with the crate `redis` over ayi's sockets.
//!
//! ```sh
//! cargo run -p databases --bin redis_client -- redis://127.0.0.1:6379
//! cargo run -p databases --bin redis_client -- unix:///run/redis/redis.sock
//! ```
//!
//! `MultiplexedConnection` takes any stream that has tokio's traits, which ayi's streams have with the feature `tokio`.
//! There is one thread, and no tokio runtime. Three parts of the crate need one, and are not used:
//!
//! - its feature `aio` alone does not compile: it asks for `tokio-comp` or `smol-comp`, whose sockets and timers are
//!   then in the program, and never touched. `smol-comp` brings many more crates;
//! - its time limits, 500 ms for an answer unless told otherwise, are tokio's timers: `connect` switches them off;
//! - `PubSub`, `ConnectionManager` and the cluster's client spawn their own tasks with `tokio::spawn`, which panics
//!   without a runtime. So messages come by RESP3 (since Redis 6), over the same connection as answers.
//!
//! | file | what it does |
//! |---|---|
//! | `connect` | a stream, and a connection on it: to be copied |
//! | `main` | what one does with it; its keys are gone after a minute |

mod connect;

use ayi::time::{Duration, timeout};
use cli::{Context, Failure, Value, ValueExt};
use connect::connect;
use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, pipe};
use std::error::Error;

const USAGE: &str = "usage: redis_client [redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] | unix://PATH]";

/// Seconds after which keys are gone.
const KEPT: u64 = 60;

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let server = cli::read(USAGE, |args| {
        let mut server = None;
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if server.is_none() => server = Some(text.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(server.unwrap_or_else(|| String::from("redis://127.0.0.1:6379")))
    });
    use_it(&server).await.context(format!("Redis at {server}"))
}

async fn use_it(server: &str) -> Result<(), Box<dyn Error>> {
    let (push, messages) = async_channel::unbounded();
    let mut redis = connect(server, move |message| {
        // Nobody listens any longer when the program ends.
        let _ = push.try_send(message);
    })
    .await?;
    // Two programs that try this at once do not use the same keys.
    let prefix = format!("ayi-example-{}", std::process::id());

    let greeting = format!("{prefix}-greeting");
    let () = redis.set_ex(&greeting, "你好", KEPT).await?;
    println!("greeting: {}", redis.get::<_, String>(&greeting).await?);
    count_at_once(&redis, &prefix).await?;
    pipeline(&mut redis, &prefix).await?;

    let channel = format!("{prefix}-kettle");
    redis.subscribe(&channel).await?;
    let listeners: u32 = redis.publish(&channel, "it boils").await?;
    let message = messages.recv().await?;
    println!("kettle: {}, heard by {listeners}", message.get_payload::<String>()?);
    redis.unsubscribe(&channel).await?;

    wait_only_so_long(server, &prefix).await
}

/// Clones share the connection: a thousand commands are on their way before the first answer comes.
async fn count_at_once(redis: &MultiplexedConnection, prefix: &str) -> Result<(), Box<dyn Error>> {
    let counter = format!("{prefix}-counter");
    let counts = try_join_all((0..1_000).map(async |_| {
        let count: u64 = redis.clone().incr(&counter, 1).await?;
        redis::RedisResult::Ok(count)
    }))
    .await?;
    let () = redis.clone().expire(&counter, KEPT as i64).await?;
    println!("counted to: {}", counts.iter().max().unwrap_or(&0));
    Ok(())
}

/// The commands are sent in one piece, and executed as a whole: no other client's command comes between (MULTI, EXEC).
async fn pipeline(redis: &mut MultiplexedConnection, prefix: &str) -> Result<(), Box<dyn Error>> {
    let queue = format!("{prefix}-queue");
    let mut pipe = pipe();
    pipe.atomic();
    for tea in ["oolong", "longjing", "pu'er"] {
        pipe.rpush(&queue, tea).ignore();
    }
    pipe.expire(&queue, KEPT as i64).ignore();
    let (teas, length): (Vec<String>, u32) =
        pipe.lrange(&queue, 0, -1).llen(&queue).query_async(redis).await?;
    println!("{length} teas: {}", teas.join(", "));
    Ok(())
}

/// A time limit is ayi's `timeout`. The answer that nobody waits for any longer is discarded when it comes. A command
/// that blocks occupies its connection until then, so it should have one of its own.
async fn wait_only_so_long(server: &str, prefix: &str) -> Result<(), Box<dyn Error>> {
    let mut redis = connect(server, |_| {}).await?;
    let popped = redis.blpop::<_, (String, String)>(format!("{prefix}-nothing"), 0.0);
    match timeout(Duration::from_millis(100), popped).await {
        Err(_) => println!("nothing came"),
        Ok(popped) => return Err(format!("from nowhere: {popped:?}").into()),
    }
    Ok(())
}
