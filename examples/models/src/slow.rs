//! The effect of one handler that computes for long on all other clients.
//!
//! Nine clients ask again as soon as they are answered, and one of them asks what takes 100 ms to answer. Its next
//! question is there when the server looks again, so a question may stand behind one slow answer, or behind several.
//! How many is told by how long it has waited: a slow answer takes 100 ms of time, not of CPU time.

use crate::busy::Cpus;
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
/// Long enough for forty slow answers: an edge-triggered rung gives one client up to 32 in a row.
const TIME_BESIDE: Duration = Duration::from_millis(4_000);
/// What takes longer has stood behind a slow answer, or a part of one. On a quiet machine nothing else takes so long: a
/// thread that computes an answer takes a CPU from the others, but only for some slices of the scheduler, of 4 ms or so.
const NOTICED: Duration = Duration::from_millis(25);
/// A client whose questions stand behind slow answers stands behind nearly a whole one sooner or later.
const WAITS: Duration = SLOW_TIME.checked_div(2).unwrap();

/// How long a question may take besides the slow answers.
const ON_TOP: Duration = Duration::from_millis(25);

const HEADINGS: [&str; 10] = [
    "rung",
    "alone\np50",
    "\np99",
    "beside it\np50",
    "\np99",
    "\nlongest",
    "\nanswers",
    "behind slow ones\nof the answers",
    "\nat most",
    "who waits",
];

/// What the eight clients have waited.
#[derive(Debug, Default, PartialEq)]
struct Behind {
    answers: u64,
    /// How many of them stood behind a slow answer, or the rest of one.
    waited: u64,
    /// Behind how many in a row, at most.
    most: u64,
    /// How many clients had such an answer.
    clients: usize,
}

/// Runs these rungs, one after another. A rung that fails makes it fail in the end, not earlier.
pub fn slow(rungs: &[&'static Rung]) -> io::Result<()> {
    let cpus = Cpus::measure()?;
    if cpus.is_busy() {
        // It is said before, because the measurement takes a minute, and below again.
        eprintln!("{}", cpus.describe());
    }
    let measured: Vec<_> = rungs.iter().map(|rung| measure(rung)).collect();
    let cpus = cpus.again()?;
    let mut failed = 0;
    let rows: Vec<show::Row> = rungs
        .iter()
        .zip(measured)
        .map(|(rung, measured)| {
            let cells = measured.unwrap_or_else(|error| {
                failed += 1;
                Err(format!("FAILED: {error}"))
            });
            let cells = cells.map(|(mut cells, behind)| {
                cells.push(what_happened(rung.is_one_thread, &behind, cpus.is_busy()));
                cells
            });
            (format!("{:>2}  {}", rung.number, rung.name), cells)
        })
        .collect();
    print(&rows, &cpus);
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!("{failed} of {} rungs failed", rungs.len())))
    }
}

fn print(rows: &[show::Row], cpus: &Cpus) {
    let milliseconds = SLOW_TIME.as_millis();
    println!(
        "What {CLIENTS} clients wait: alone, and beside one whose questions take {milliseconds} ms to answer."
    );
    println!(
        "\"Behind slow ones\": how many of their answers came after a slow answer, or the rest of one, and after how many \
         in a row.\n"
    );
    println!("{}", show::table(&HEADINGS, HEADINGS.len() - 2, rows));
    println!("\n{}", cpus.describe());
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

/// Returns the numbers of a rung, or why there are none.
fn measure(rung: &Rung) -> io::Result<Result<(Vec<String>, Behind), String>> {
    if let Some(why) = cannot_show(rung) {
        return Ok(Err(why));
    }
    Child::with(rung, |child| {
        let alone = ask(rung, child.address, 0, TIME_ALONE)?;
        let beside = ask(rung, child.address, 1, TIME_BESIDE)?;
        let behind = Behind::of(&beside);
        let quantiles = |taken: &Taken, parts: &[f64]| -> Vec<String> {
            parts.iter().map(|&part| show::time(taken.quantile(part))).collect()
        };
        let mut cells = quantiles(&alone, &[0.5, 0.99]);
        cells.extend(quantiles(&beside, &[0.5, 0.99, 1.0]));
        cells.extend(behind.cells());
        Ok(Ok((cells, behind)))
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

impl Behind {
    fn of(taken: &Taken) -> Behind {
        let latencies = taken.latencies.iter_recorded();
        let latencies =
            latencies.map(|it| (Duration::from_nanos(it.value_iterated_to()), it.count_at_value()));
        Behind::count(latencies, &taken.longest)
    }

    /// `latencies`: how long, and how often. `longest`: the longest of each client.
    fn count(latencies: impl Iterator<Item = (Duration, u64)>, longest: &[Duration]) -> Behind {
        let mut behind =
            Behind { clients: longest.iter().filter(|time| **time > WAITS).count(), ..Behind::default() };
        for (latency, count) in latencies {
            let answers = slow_answers(latency);
            behind.answers += count;
            behind.waited += if answers > 0 { count } else { 0 };
            behind.most = behind.most.max(answers);
        }
        behind
    }

    fn cells(&self) -> [String; 3] {
        let percent = 100.0 * self.waited as f64 / self.answers.max(1) as f64;
        let percent = match self.waited {
            0 => "none".into(),
            waited if percent < 0.01 => format!("{} (< 0.01 %)", show::number(waited)),
            waited if percent < 1.0 => format!("{} ({percent:.2} %)", show::number(waited)),
            waited => format!("{} ({percent:.0} %)", show::number(waited)),
        };
        [show::number(self.answers), percent, self.most.to_string()]
    }
}

/// Returns behind how many slow answers a question has stood that took so long. The rest of one counts as one.
fn slow_answers(latency: Duration) -> u64 {
    if latency <= NOTICED {
        return 0;
    }
    // Something comes on top: for the question itself, and for each slow answer.
    let waited = latency.saturating_sub(ON_TOP + latency / 100);
    (waited.as_nanos().div_ceil(SLOW_TIME.as_nanos()) as u64).max(1)
}

/// Says what was measured, and whether it is what should be: in a rung of one thread somebody waits, and nobody does
/// otherwise.
fn what_happened(is_one_thread: bool, behind: &Behind, is_busy: bool) -> String {
    if is_busy {
        return "not judged: the machine is busy".into();
    }
    let is_right = is_one_thread == (behind.clients > 0);
    format!("{}{}", if is_right { "" } else { "NOT AS EXPECTED: " }, who_waits(behind))
}

fn who_waits(behind: &Behind) -> String {
    let in_a_row = match behind.most {
        0 | 1 => "one slow answer at a time".into(),
        most => format!("up to {most} slow answers in a row"),
    };
    match behind.clients {
        0 => "nobody".into(),
        clients if clients < CLIENTS => {
            format!("{clients} of {CLIENTS}: {in_a_row}")
        }
        _ => format!("everybody: {in_a_row}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_wait_says_behind_how_many_slow_answers() {
        let waits = [0, 12, 25, 26, 55, 101, 105, 130, 203, 330, 1_010, 3_230];
        let expected = [0, 0, 0, 1, 1, 1, 1, 2, 2, 4, 10, 32];
        assert_eq!(waits.map(|wait| slow_answers(ms(wait))), expected);
    }

    #[test]
    fn answers_are_counted_by_what_they_stood_behind() {
        let latencies = [(ms(1), 90), (ms(60), 5), (ms(102), 4), (ms(205), 1)];
        let behind = Behind::count(latencies.into_iter(), &[ms(102), ms(205), ms(2), ms(30)]);
        assert_eq!(behind, Behind { answers: 100, waited: 10, most: 2, clients: 2 });
        assert_eq!(behind.cells(), ["100", "10 (10 %)", "2"]);
        assert_eq!(Behind { answers: 5_000, waited: 3, ..behind }.cells()[1], "3 (0.06 %)");
        assert_eq!(Behind::default().cells(), ["0", "none", "0"]);
    }

    #[test]
    fn what_should_not_be_is_told() {
        let behind = |clients, most| Behind { answers: 100, waited: 10, most, clients };
        let said = |is_one_thread, clients| what_happened(is_one_thread, &behind(clients, 1), false);
        assert_eq!(said(true, 0), "NOT AS EXPECTED: nobody");
        assert_eq!(said(false, 0), "nobody");
        assert_eq!(said(false, 2), "NOT AS EXPECTED: 2 of 8: one slow answer at a time");
    }

    #[test]
    fn only_a_quiet_machine_is_judged() {
        let behind = |clients, most| Behind { answers: 100, waited: 10, most, clients };
        let said = |clients, most| what_happened(true, &behind(clients, most), false);
        assert_eq!(said(3, 1), "3 of 8: one slow answer at a time");
        assert_eq!(said(8, 1), "everybody: one slow answer at a time");
        assert_eq!(said(8, 12), "everybody: up to 12 slow answers in a row");
        for clients in [0, 3, 8] {
            for is_one_thread in [false, true] {
                let said = what_happened(is_one_thread, &behind(clients, 1), true);
                assert_eq!(said, "not judged: the machine is busy");
            }
        }
    }
}
