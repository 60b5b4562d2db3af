//! Servers and their clients on a simulated network: servers lose their power, are killed, stop and are slow, the network
//! is cut and falls into parts. Whatever happens, the history is linearizable, and all servers apply the same entries.
//!
//! ```sh
//! cargo test --release -p sim-kv --test simulated                            # forty seeds
//! AYI_SIM_SEEDS=1000 cargo test --release -p sim-kv --test simulated         # a thousand: some fifteen seconds
//! examples/sim-kv/bugs/check                                                 # with each of the bugs in bugs/ in turn
//! ```

// The simulated kernel consists of functions with the names of the C library's, which is unsafe code of a macro.
#![allow(unsafe_code)]

use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep};
use sim_kv::{Applied, Client, Config, History, server};
use std::ops::Range;

ayi::sim::kernel!();

const CLIENTS: usize = 4;
const OPERATIONS: usize = 45;
/// Few, so that clients meet.
const KEYS: [&str; 2] = ["tea", "cups"];

/// Random numbers for what a run is made of. They follow from the seed, too.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What differs from one run to the next, besides faults.
#[derive(Clone)]
struct Setting {
    servers: Vec<String>,
    /// Small batches, so that there are more orders in which things can happen.
    batch: usize,
    /// Elections in step, in some runs: several candidates in one term.
    election: Range<Duration>,
    patience: Duration,
    /// The length of a value in bytes. A long one lies in several sectors, of which a crash keeps some.
    value: usize,
    faults: Faults,
    seed: u64,
}

impl Setting {
    fn draw(seed: u64) -> Setting {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Four servers need three for a majority, like five.
        let servers = if chance.below(4) == 0 { 4 } else { 3 };
        let servers: Vec<String> = (1..=servers).map(|n| format!("kv-{n}")).collect();
        let mut pick = |of: &[u64]| of[chance.below(of.len() as u64) as usize];
        let mut faults = Faults::new(&servers).crashes().kills().pauses().partitions().slow_hosts().resets();
        let has_long_values = seed % 8 == 4;
        if has_long_values {
            faults = faults.crashes_at_syncs();
        }
        let faults = faults
            .every(Duration::from_millis(pick(&[60, 200, 600, 1_200])))
            .lasting(Duration::from_millis(2), Duration::from_millis(pick(&[60, 400, 3_000])))
            .until(Duration::from_secs(50));
        let shortest = 300;
        let election = [shortest, shortest + pick(&[10, 50, 300])].map(Duration::from_millis);
        Setting {
            servers,
            batch: pick(&[1, 2, 4]) as usize,
            election: election[0]..election[1],
            patience: Duration::from_millis(pick(&[1_200, 2_500, 5_000])),
            value: if has_long_values { 4_000 } else { 1 },
            faults,
            seed,
        }
    }

    fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(|name| format!("{name}:7000")).collect()
    }
}

/// Executes operations for a minute. All values are different, so that a value tells who wrote it.
async fn use_it(number: usize, setting: Setting, history: History) {
    let mut chance = Chance(setting.seed ^ (number as u64 + 1) << 40);
    let mut client = Client::new(setting.addresses(), &history).with_patience(setting.patience);
    for n in 0..OPERATIONS {
        let key = KEYS[chance.below(KEYS.len() as u64) as usize];
        let value = format!("{:<1$}", format!("{number}.{n}"), setting.value);
        // An operation whose outcome is unknown is one that may have happened. The client goes on.
        match chance.below(4) {
            0 => drop(client.put(key, &value).await),
            1 => {
                if let Ok(old) = client.get(key).await {
                    drop(client.cas(key, old.as_deref(), &value).await);
                }
            }
            _ => drop(client.get(key).await),
        }
        sleep(Duration::from_millis(chance.below(2_000))).await;
    }
}

#[ayi::sim_test(seeds = 40)]
fn histories_are_linearizable(sim: &Sim) -> Result<(), Failure> {
    let (setting, history, applied) = (Setting::draw(sim.seed()), History::new(), Applied::default());
    for (id, name) in (1..).zip(setting.servers.clone()) {
        let (setting, applied) = (setting.clone(), Some(applied.clone()));
        sim.host(name, move || {
            let config = Config::new(id, "/data", setting.addresses());
            server(Config {
                batch: setting.batch,
                election: setting.election.clone(),
                applied: applied.clone(),
                ..config
            })
        });
    }
    for number in 0..CLIENTS {
        let (setting, history) = (setting.clone(), history.clone());
        sim.client(format!("client-{number}"), move || use_it(number, setting.clone(), history.clone()));
    }
    sim.faults(setting.faults.clone());
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
