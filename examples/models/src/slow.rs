//! The effect of one handler that computes for long on all other clients.

use crate::child::Child;
use crate::protocol::{MESSAGE, Questions, SLOW_TIME};
use crate::rungs::Rung;
use crate::show;
use load::{Load, Taken};
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

const CLIENTS: usize = 8;
const WARM_UP: Duration = Duration::from_millis(50);
const TIME_ALONE: Duration = Duration::from_millis(400);
/// Long enough for ten slow answers.
const TIME_BESIDE: Duration = Duration::from_millis(1_200);

const HEADINGS: [&str; 8] =
    ["rung", "alone\np50", "\np99", "\nmax", "beside it\np50", "\np99", "\nmax", "who waits"];

/// Runs these rungs, one after another. A rung that fails makes it fail in the end, not earlier.
pub fn slow(rungs: &[&'static Rung]) -> io::Result<()> {
    let (mut rows, mut failed) = (Vec::new(), 0);
    for rung in rungs {
        let cells = match cannot_show(rung) {
            Some(why) => Err(why),
            None => run(rung).map_err(|error| {
                failed += 1;
                format!("FAILED: {error}")
            }),
        };
        rows.push((format!("{:>2}  {}", rung.number, rung.name), cells));
    }
    let milliseconds = SLOW_TIME.as_millis();
    println!(
        "What {CLIENTS} clients wait: alone, and beside one whose questions take {milliseconds} ms to answer\n"
    );
    println!("{}", show::table(&HEADINGS, 6, &rows));
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!("{failed} of {} rungs failed", rungs.len())))
    }
}

/// Returns why there is nothing to measure.
fn cannot_show(rung: &Rung) -> Option<String> {
    if rung.limit.as_ref().is_some_and(|limit| limit.clients == 1) {
        Some("serves one client at a time: whoever else comes waits, also beside a fast one".into())
    } else if rung.answer != MESSAGE {
        Some("serves blocks of a file, and computes nothing".into())
    } else {
        None
    }
}

fn run(rung: &Rung) -> io::Result<Vec<String>> {
    Child::with(rung, |child| {
        let alone = ask(rung, child.address, 0, TIME_ALONE)?;
        let beside = ask(rung, child.address, 1, TIME_BESIDE)?;
        let mut cells = Vec::new();
        for taken in [&alone, &beside] {
            cells.extend([0.5, 0.99, 1.0].map(|part| show::time(taken.quantile(part))));
        }
        cells.push(what_happened(rung, &beside));
        Ok(cells)
    })
}

fn ask(rung: &Rung, address: SocketAddr, slow: usize, time: Duration) -> io::Result<Taken> {
    let clients = rung.limit.as_ref().map_or(CLIENTS, |limit| CLIENTS.min(limit.clients - slow));
    let protocol = &Questions { answer: rung.answer, slow_from: clients };
    let load = Load { address, connections: clients, beside: slow, protocol };
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            load::stay_on_last_core()?;
            load.run(WARM_UP, time)
        });
        let taken = client.join().expect("the client's thread does not panic")?;
        taken.errors.check()?;
        Ok(taken)
    })
}

fn what_happened(rung: &Rung, beside: &Taken) -> String {
    // Not the whole time counts: a client that asks in the middle of a slow answer waits for the rest of it.
    let waited = beside.longest.iter().filter(|&&longest| longest > SLOW_TIME / 2).count();
    let clients = beside.longest.len();
    match waited {
        0 => "nobody: another thread computes".into(),
        _ if waited < clients => format!("{waited} of {clients}: they share its thread"),
        _ if rung.is_one_thread => "everybody: there is one thread".into(),
        _ => "everybody".into(),
    }
}
