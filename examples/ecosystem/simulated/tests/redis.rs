//! redis' `ConnectionManager`, as it is, and the server of `examples/mini_redis`, as it is, on a network with faults.

use ayi::sim::{Failure, Faults, Sim};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

ayi::sim::kernel!();

/// The modules of mini_redis, whose own `main` waits for signals.
#[path = "../../../mini_redis/src/args.rs"]
#[allow(dead_code)]
mod args;
#[path = "../../../mini_redis/src/bell.rs"]
mod bell;
#[path = "../../../mini_redis/src/commands/mod.rs"]
mod commands;
#[path = "../../../mini_redis/src/connection.rs"]
mod connection;
#[path = "../../../mini_redis/src/glob.rs"]
mod glob;
#[path = "../../../mini_redis/src/input.rs"]
mod input;
#[path = "../../../mini_redis/src/pubsub.rs"]
mod pubsub;
#[path = "../../../mini_redis/src/resp/mod.rs"]
mod resp;
#[path = "../../../mini_redis/src/server.rs"]
mod server;
#[path = "../../../mini_redis/src/store.rs"]
mod store;
#[path = "../../../mini_redis/src/turn.rs"]
mod turn;

async fn serve(starts: Rc<Cell<u32>>) -> io::Result<()> {
    starts.set(starts.get() + 1);
    let address = String::from("0.0.0.0:6379");
    let listener = ayi::net::TcpListener::bind(&*address).await?;
    let args = args::Args { address, max_memory: usize::MAX, max_clients: 100, timeout: None };
    match server::run(&Rc::new(server::Server::new(&args)), listener).await? {}
}

async fn client(number: u32, starts: Rc<Cell<u32>>) -> Result<(), redis::RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(1)))
        .set_response_timeout(Some(Duration::from_millis(500)))
        .set_max_delay(Duration::from_millis(200))
        .set_number_of_retries(1_000);
    let client = redis::Client::open("redis://redis:6379")?;
    let mut manager: ConnectionManager = client.get_connection_manager_with_config(config).await?;
    let key = format!("cups-{number}");
    for cups in 0..60_u32 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = starts.get();
        let set: Result<(), _> = redis::cmd("SET").arg(&key).arg(cups).query_async(&mut manager).await;
        if set.is_err() {
            continue;
        }
        let got: Result<Option<u32>, _> = redis::cmd("GET").arg(&key).query_async(&mut manager).await;
        // What a server held before it was started again is gone.
        if let (Ok(got), true) = (got, starts.get() == before) {
            assert_eq!(got, Some(cups));
        }
    }
    Ok(())
}

#[ayi::sim_test(seeds = 100)]
fn what_was_set_is_what_is_got(sim: &Sim) -> Result<(), Failure> {
    let starts = Rc::new(Cell::new(0));
    let shared = starts.clone();
    sim.host("redis", move || serve(shared.clone()));
    for number in 0..3 {
        let starts = starts.clone();
        sim.client(format!("client-{number}"), move || client(number, starts.clone()));
    }
    sim.faults(
        Faults::new(["redis"]).crashes().kills().pauses().partitions().resets().until(Duration::from_secs(8)),
    );
    sim.run()
}
