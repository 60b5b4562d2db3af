//! Runs all rungs, each with more and more connections, and reports what they cost.

use crate::busy::Cpus;
use crate::child::Child;
use crate::measure::{Comparison, Figures, Machine, Outcome, Reuse, Row};
use crate::protocol::Questions;
use crate::rungs::{self, Rung};
use crate::{page, report, show};
use indicatif::{ProgressBar, ProgressStyle};
use load::Load;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How many connections, and how long each step of a run takes.
struct Pace {
    connections: &'static [usize],
    idle: Duration,
    warm_up: Duration,
    time: Duration,
}

/// Ninety-five runs, less those beyond the limits of some rungs: within ten minutes.
const THOROUGH: Pace = Pace {
    connections: &[1, 16, 256, 1_024, 4_000],
    idle: Duration::from_millis(150),
    warm_up: Duration::from_millis(400),
    time: Duration::from_millis(2_500),
};

/// Within a minute.
const QUICK: Pace = Pace {
    connections: &[1, 16, 256],
    idle: Duration::from_millis(100),
    warm_up: Duration::from_millis(50),
    time: Duration::from_millis(250),
};

/// How long a server may still work before it rests: the last of its accepting.
const SETTLING: Duration = Duration::from_millis(20);

/// How many connections ask when most are silent.
pub const ASKING: usize = 16;

/// Compares, prints tables, and writes the page. A rung that fails makes the comparison fail in the end, not earlier.
pub fn compare(rungs: &[&'static Rung], quick: bool, page: &Path) -> io::Result<()> {
    let pace = if quick { QUICK } else { THOROUGH };
    let most = pace.connections.iter().max().copied().unwrap_or_default();
    // Some more are for other descriptors.
    load::allow_descriptors(most as u64 + 100)?;
    // An error now is better than one in ten minutes.
    prepare(page).map_err(|error| io::Error::other(format!("cannot write {}: {error}", page.display())))?;

    let cpus = Cpus::measure()?;
    if cpus.is_busy() {
        eprintln!("{}", cpus.describe());
    }
    let mut comparison = measure_all(rungs, &pace, cpus)?;
    let reuse = rungs.iter().find(|rung| rung.name == "connection_pool").map(|rung| reuse(rung));
    let reuse = reuse.transpose();
    comparison.reuse = *reuse.as_ref().unwrap_or(&None);
    print(&comparison);
    page::write(&comparison, page)?;
    println!("\nWith charts: {}", page.display());

    reuse.map_err(|error| io::Error::other(format!("no requests with and without reuse: {error}")))?;
    let has_failed = |row: &&Row| {
        let mut outcomes = row.outcomes.iter().chain([&row.mostly_silent]);
        outcomes.any(|outcome| matches!(outcome, Outcome::Failed(_)))
    };
    match comparison.rows.iter().filter(has_failed).count() {
        0 => Ok(()),
        failed => Err(io::Error::other(format!("{failed} of {} rungs failed, see above", rungs.len()))),
    }
}

fn prepare(page: &Path) -> io::Result<()> {
    if let Some(folder) = page.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().append(true).create(true).open(page).map(drop)
}

fn measure_all(rungs: &[&'static Rung], pace: &Pace, cpus: Cpus) -> io::Result<Comparison> {
    // It shows nothing if there is no terminal.
    let progress = ProgressBar::new((rungs.len() * (pace.connections.len() + 1)) as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {elapsed}");
    progress.set_style(style.expect("the template is correct"));
    let most = pace.connections.iter().max().copied().unwrap_or_default();
    let outcome = |rung: &'static Rung, connections: usize, asking: usize| {
        progress.set_message(format!("{}, {} connections", rung.name, show::number(connections as u64)));
        let outcome = outcome(rung, connections, asking, pace);
        progress.inc(1);
        outcome
    };
    let row = |&rung: &&'static Rung| Row {
        rung,
        outcomes: pace.connections.iter().map(|&number| outcome(rung, number, number)).collect(),
        mostly_silent: outcome(rung, most, ASKING),
    };
    let rows = rungs.iter().map(row).collect();
    progress.finish_and_clear();
    let (machine, connections) = (Machine::this(), pace.connections.to_vec());
    Ok(Comparison { machine, cpus: cpus.again()?, connections, rows, reuse: None })
}

fn outcome(rung: &'static Rung, connections: usize, asking: usize, pace: &Pace) -> Outcome {
    match &rung.limit {
        Some(limit) if connections > limit.clients => Outcome::Limited(limit.beyond),
        _ => match run(rung, connections, asking, pace) {
            Ok(figures) => Outcome::Measured(figures),
            Err(error) => Outcome::Failed(error.to_string()),
        },
    }
}

fn run(rung: &Rung, connections: usize, asking: usize, pace: &Pace) -> io::Result<Figures> {
    Child::with(rung, |child| {
        let protocol = &Questions { answer: rung.answer, slow_from: usize::MAX };
        let load = Load { address: child.address, connections, beside: 0, protocol };
        // This is a thread of its own, so that only it stays on a core, and not the servers to come.
        thread::scope(|scope| {
            let client = scope.spawn(|| measure(child, load, asking, pace));
            client.join().expect("the client's thread does not panic")
        })
    })
}

fn measure(child: &mut Child, load: Load<'_>, asking: usize, pace: &Pace) -> io::Result<Figures> {
    load::stay_on_last_core()?;
    let mut clients = load.connect()?;
    clients.errors.check()?;
    thread::sleep(SETTLING);
    let idle_cpu = idle_cpu(child, pace.idle)?;
    clients.asking = asking;
    clients.ask(pace.warm_up)?.errors.check()?;
    let before = child.report()?;
    let taken = clients.ask(pace.time)?;
    taken.errors.check()?;
    let after = child.report()?;
    let requests = taken.requests as f64;
    Ok(Figures {
        requests_per_second: requests / taken.elapsed.as_secs_f64(),
        p50: taken.quantile(0.5),
        p99: taken.quantile(0.99),
        cpu_per_request: (after.cpu - before.cpu).div_f64(requests),
        syscalls_per_request: (after.syscalls - before.syscalls) as f64 / requests,
        threads: after.threads,
        memory: after.memory,
        idle_cpu,
    })
}

/// Returns how much of a core the server takes while nobody asks.
fn idle_cpu(child: &Child, time: Duration) -> io::Result<f64> {
    // It is read from here: a report would itself cost CPU time, the more the more descriptors there are.
    let (start, before) = (Instant::now(), report::cpu_time_of_all(child.id())?);
    thread::sleep(time);
    let used = report::cpu_time_of_all(child.id())? - before;
    Ok(used.as_secs_f64() / start.elapsed().as_secs_f64())
}

fn reuse(pool: &Rung) -> io::Result<Reuse> {
    Child::with(pool, |child| rungs::with_and_without_reuse(child.address))
}

fn print(comparison: &Comparison) {
    let Machine { processor, cores, kernel, date } = &comparison.machine;
    println!("{processor}, cores: {cores}, {kernel}, {date} UTC\n{}", comparison.cpus.describe());
    for (index, &connections) in comparison.connections.iter().enumerate() {
        let rows: Vec<show::Row> =
            comparison.rows.iter().map(|row| (name(row.rung), cells(&row.outcomes[index]))).collect();
        let plural = if connections == 1 { "" } else { "s" };
        println!("\n{} connection{plural}\n", show::number(connections as u64));
        println!("{}", show::table(&HEADINGS, HEADINGS.len() - 1, &rows));
    }
    let silent: Vec<show::Row> =
        comparison.rows.iter().map(|row| (name(row.rung), cells(&row.mostly_silent))).collect();
    println!("\n{}\n", mostly_silent(comparison));
    println!("{}", show::table(&HEADINGS, HEADINGS.len() - 1, &silent));
    if let Some(Reuse { with, without }) = comparison.reuse {
        let (with, without) = (show::time(with), show::time(without));
        println!(
            "\nconnection_pool: {with} for a request over a kept connection, {without} with a new one for each"
        );
    }
}

pub const HEADINGS: [&str; 9] = [
    "rung",
    "requests/s",
    "p50",
    "p99",
    "CPU\nper request",
    "system calls\nper request",
    "threads",
    "memory",
    "idle CPU\nof a core",
];

/// Returns `4,000 connections, of which 16 ask`.
pub fn mostly_silent(comparison: &Comparison) -> String {
    let most = comparison.connections.iter().max().copied().unwrap_or_default();
    format!("{} connections, of which {ASKING} ask", show::number(most as u64))
}

fn name(rung: &Rung) -> String {
    format!("{:>2}  {}", rung.number, rung.name)
}

pub fn cells(outcome: &Outcome) -> Result<Vec<String>, String> {
    match outcome {
        Outcome::Measured(figures) => Ok(vec![
            show::number(figures.requests_per_second.round() as u64),
            show::time(figures.p50),
            show::time(figures.p99),
            show::time(figures.cpu_per_request),
            format!("{:.2}", figures.syscalls_per_request),
            show::number(figures.threads as u64),
            show::memory(figures.memory),
            format!("{:.1} %", 100.0 * figures.idle_cpu),
        ]),
        Outcome::Limited(beyond) => Err(format!("not measured: {beyond}")),
        Outcome::Failed(why) => Err(format!("FAILED: {why}")),
    }
}
