//! Tests with many seeds, and what is told of those that fail.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::seeds::{Test, outcome};
use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep, timeout};
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

ayi::sim::kernel!();

async fn one_byte_server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        ayi::spawn(async move { stream.write_all(b"x").await });
    }
}

async fn ask() -> io::Result<u8> {
    TcpStream::connect("server:9").await?.read_u8().await
}

fn with_faults(sim: &Sim) {
    sim.host("server", one_byte_server);
    sim.faults(Faults::new(["server"]).crashes().kills().pauses().partitions().slow_hosts().resets());
}

#[ayi::sim_test(seeds = 200)]
fn a_client_that_tries_again_outlives_all_faults(sim: &Sim) -> Result<(), Failure> {
    with_faults(sim);
    sim.client("client", || async {
        for _ in 0..20 {
            while !timeout(Duration::from_secs(3), ask()).await.is_ok_and(|answer| answer.is_ok()) {
                sleep(Duration::from_millis(10)).await;
            }
            sleep(Duration::from_millis(500)).await;
        }
    });
    sim.run()
}

/// Runs a test that is meant to fail. Returns what it tells.
fn what_fails(body: fn(&Sim) -> Result<(), String>) -> String {
    let test = Test { name: "crate::module::the_test", seeds: 300, body };
    let panic = catch_unwind(AssertUnwindSafe(|| test.run())).expect_err("it is meant to fail");
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_failure_is_made_small_and_can_be_repeated() {
    let told = what_fails(|sim| {
        with_faults(sim);
        sim.client("client", || async {
            // Fails if the server is killed at the wrong moment, and never otherwise.
            for _ in 0..100 {
                match timeout(Duration::from_secs(300), ask()).await {
                    Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(error),
                    _ => sleep(Duration::from_millis(200)).await,
                }
            }
            Ok(())
        });
        sim.set_limit(Duration::from_secs(100_000));
        outcome(sim.run())
    });
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].contains("host \"client\" ended with an error"), "{told}");
    assert!(lines[0].contains("ConnectionRefused"), "{told}");
    // One fault is enough, or two if both are needed: the server may be too slow to listen again.
    let few = ["with 1 of its ", "with 2 of its "];
    assert!(few.iter().any(|text| lines[1].starts_with(text)), "{told}");
    let command = lines.last().unwrap();
    assert!(command.starts_with("repeat it: AYI_SIM_SEED="), "{told}");
    assert!(command.contains(" AYI_SIM_WITHOUT="), "{told}");
    assert!(command.contains(" cargo test") && command.contains(" -p ayi-sim "), "{told}");
    assert!(command.ends_with(" module::the_test -- --exact --nocapture"), "{told}");
}

#[test]
fn a_test_that_panics_beside_its_hosts() {
    let told = what_fails(|sim| {
        assert_ne!(sim.seed(), 3, "no tea");
        Ok(())
    });
    assert!(told.starts_with("the test panicked: "), "{told}");
    assert!(told.contains("no tea") && told.contains("AYI_SIM_SEED=3 "), "{told}");
}

#[test]
fn a_run_that_the_seed_does_not_decide() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let told = what_fails(|sim| {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        sim.client("client", move || sleep(Duration::from_millis(run)));
        outcome(sim.run())
    });
    assert!(told.starts_with("two runs with seed "), "{told}");
}

#[test]
fn invariants_are_checked_after_each_event() {
    let sim = Sim::new(1);
    let cups = Rc::new(Cell::new(3));
    let shared = cups.clone();
    sim.client("client", move || {
        let cups = shared.clone();
        async move {
            for _ in 0..100 {
                cups.set(cups.get() - 1);
                sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let shared = cups.clone();
    sim.check(move || if shared.get() >= 0 { Ok(()) } else { Err("a cup too few".to_owned()) });
    let failure = sim.run().unwrap_err();
    assert_eq!(failure.why(), "a cup too few");
    assert_eq!(failure.at().as_secs(), 3);
}

/// The hash that this run has on every machine. It changes with what the runtime asks of the kernel, and with the
/// kernel: then the new one is written here.
#[test]
fn a_seed_is_the_same_run_on_all_machines() {
    let sim = Sim::new(20_261_201);
    with_faults(&sim);
    sim.client("client", || async {
        for _ in 0..100 {
            let _ = timeout(Duration::from_secs(1), ask()).await;
            sleep(Duration::from_millis(100)).await;
        }
    });
    sim.run().unwrap();
    let told = format!(
        "{:.6} s, {} calls and events, {:016x}",
        sim.elapsed().as_secs_f64(),
        sim.events(),
        sim.hash()
    );
    assert_eq!(told, "11.618274 s, 2811 calls and events, 0e7d4fbc4d1eb81c");
}
