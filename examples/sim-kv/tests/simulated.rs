//! Three servers and their clients on a simulated network: servers crash, stop and are slow, the network is cut and falls
//! into parts. Whatever happens, the history is linearizable.
//!
//! ```sh
//! cargo test --release -p sim-kv --test simulated                            # a few seeds
//! AYI_SIM_SEEDS=1000 cargo test --release -p sim-kv --test simulated         # a thousand
//! examples/sim-kv/bugs/check                                                 # with each of the bugs in bugs/ in turn
//! ```

// The simulated kernel consists of functions with the names of the C library's, which is unsafe code of a macro.
#![allow(unsafe_code)]

use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep};
use sim_kv::{Client, Config, History, server};

ayi::sim::kernel!();

const SERVERS: [&str; 3] = ["kv-1", "kv-2", "kv-3"];
const CLIENTS: usize = 4;
const OPERATIONS: usize = 45;
/// Few, so that clients meet.
const KEYS: [&str; 2] = ["tea", "cups"];

fn addresses() -> [String; 3] {
    SERVERS.map(|name| format!("{name}:7000"))
}

fn with_servers(sim: &Sim) -> History {
    for (id, name) in (1..).zip(SERVERS) {
        // Small batches, so that there are more orders in which things can happen.
        sim.host(name, move || server(Config { batch: 2, ..Config::new(id, "/data", addresses()) }));
    }
    History::new()
}

/// A small generator of a client's own.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Executes operations for a minute. All values are different, so that a value tells who wrote it. An operation whose
/// outcome is unknown may still happen, and the client goes on as another one.
async fn use_it(number: usize, seed: u64, history: History) {
    let mut chance = seed ^ (number as u64) << 32;
    let new_client = || Client::new(addresses(), &history).with_patience(Duration::from_secs(4));
    let mut client = new_client();
    for n in 0..OPERATIONS {
        let (key, value) = (KEYS[next(&mut chance) as usize % KEYS.len()], format!("{number}.{n}"));
        let done = match next(&mut chance) % 4 {
            0 => client.put(key, &value).await,
            1 => match client.get(key).await {
                Ok(old) => client.cas(key, old.as_deref(), &value).await.map(drop),
                Err(unknown) => Err(unknown),
            },
            _ => client.get(key).await.map(drop),
        };
        if done.is_err() {
            client = new_client();
        }
        sleep(Duration::from_millis(next(&mut chance) % 2_000)).await;
    }
}

#[ayi::sim_test(seeds = 100)]
fn histories_are_linearizable(sim: &Sim) -> Result<(), Failure> {
    let history = with_servers(sim);
    for number in 0..CLIENTS {
        let (history, seed) = (history.clone(), sim.seed());
        sim.client(format!("client-{number}"), move || use_it(number, seed, history.clone()));
    }
    let faults = Faults::new(SERVERS).crashes().crashes().kills().pauses().partitions().slow_hosts().resets();
    sim.faults(faults.every(Duration::from_millis(1_500)).until(Duration::from_secs(50)));
    // Slow links and lost packets, in some of the runs.
    if sim.seed() % 3 == 0 {
        sim.set_latency(Duration::from_micros(100), Duration::from_millis(60));
    }
    if sim.seed() % 5 == 0 {
        sim.set_loss(0.01);
    }
    sim.run()?;
    history.check().map_err(|violation| sim.failure(violation))
}
