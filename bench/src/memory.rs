//! The cost of waiting: tasks and connections with nothing to do.

use crate::children::{self, Order};
use crate::clients::{self, Echo};
use crate::groups::{AYI, Figure, PEERS, RAW, Rounds, Side, Size, Unit, Whom, Work};
use crate::loops;
use crate::runtimes::Runtime;
use crate::serve::{self, Child};
use load::Load;
use std::future::pending;
use std::hint::black_box;
use std::io;
use std::time::Duration;

const TASKS: u32 = 200_000;
const CONNECTIONS: usize = 5_000;

/// Returns the bytes of a task that waits, and has 64 bytes of its own. It must be called in a process that has done
/// nothing else.
pub fn of_a_task<R: Runtime>() -> f64 {
    async fn wait() {
        let own = black_box([0u8; 64]);
        pending::<()>().await;
        black_box(&own);
    }

    let memory = || serve::memory_of("self").expect("there is a /proc") as f64;
    R::block_on(async {
        R::spawn(async {}).await;
        let before = memory();
        for _ in 0..TASKS {
            // Dropping it would end the task in some runtimes.
            std::mem::forget(R::spawn(wait()));
        }
        // By now they are all polled.
        R::sleep(Duration::from_millis(10)).await;
        (memory() - before) / f64::from(TASKS)
    })
}

pub fn works() -> Vec<Work> {
    let task = |runtime| {
        Side::new(runtime, move |_| {
            let output = Order(children::MEMORY, runtime, 0).command()?.output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            Ok(vec![text.trim().parse().map_err(|_| io::Error::other(format!("no number: {text:?}")))?])
        })
    };
    let connection = |runtime| {
        Side::new(runtime, move |_| {
            let child = Child::run(&mut serve::echo_on(runtime, 64)?)?;
            clients::on_last_core(|| {
                let connect = |connections| {
                    let protocol = &Echo { bytes: 64 };
                    let clients =
                        Load { address: child.address, connections, beside: 0, protocol }.connect()?;
                    clients.errors.check()?;
                    io::Result::Ok(clients)
                };
                // What exists only once is not counted.
                let _first = connect(1)?;
                let before = child.memory()?;
                let _others = connect(CONNECTIONS)?;
                Ok(vec![(child.memory()? - before) as f64 / CONNECTIONS as f64])
            })
        })
    };
    let work = |name: &str, goals: &[(Whom, f64)], sides| Work {
        name: name.into(),
        size: Size::Fixed(1),
        rounds: Rounds::Few,
        figures: vec![Figure::new("bytes", Unit::Bytes, goals)],
        sides,
    };
    let least = [(Whom::Tokio, 2.0), (Whom::Others, 1.0)];
    vec![
        work(
            "a task that waits, with 64 bytes",
            &least[1..],
            [AYI].into_iter().chain(PEERS).filter(|runtime| *runtime != RAW).map(task).collect(),
        ),
        work(
            "a connection that waits, with its task and 64 bytes",
            &least,
            [AYI].into_iter().chain(PEERS).chain(loops::installed()).map(connection).collect(),
        ),
    ]
}
