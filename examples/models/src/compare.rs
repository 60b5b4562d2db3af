//! Runs all rungs, each with more and more connections, and reports what they cost.

use crate::busy::Cpus;
use crate::child::Child;
use crate::measure::{Comparison, Figures, Machine, Outcome, Reuse, Row};
use crate::protocol::Questions;
use crate::report::{Report, cpu_time_of_all};
use crate::rungs::{self, Rung};
use crate::{libraries, page, show};
use indicatif::{ProgressBar, ProgressStyle};
use load::Load;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How many connections, and how long each step of a run takes.
pub struct Pace {
    pub connections: &'static [usize],
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
pub fn compare(rungs: &[&'static Rung], quick: bool, with_libraries: bool, page: &Path) -> io::Result<()> {
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
    let mut comparison = measure_all(rungs, &pace, with_libraries, cpus)?;
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
    let libraries = comparison.libraries.iter();
    let of_libraries = libraries.flat_map(|row| row.outcomes.iter().chain([&row.mostly_silent]));
    let failed_library = of_libraries.filter(|outcome| matches!(outcome, Outcome::Failed(_))).count();
    match comparison.rows.iter().filter(has_failed).count() {
        0 if failed_library == 0 => Ok(()),
        0 => Err(io::Error::other(format!("{failed_library} runs of libraries failed, see above"))),
        failed => Err(io::Error::other(format!("{failed} of {} rungs failed, see above", rungs.len()))),
    }
}

fn prepare(page: &Path) -> io::Result<()> {
    if let Some(folder) = page.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().append(true).create(true).open(page).map(drop)
}

fn measure_all(
    rungs: &[&'static Rung],
    pace: &Pace,
    with_libraries: bool,
    cpus: Cpus,
) -> io::Result<Comparison> {
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
    let libraries = if with_libraries { libraries::measure(pace, most, ASKING) } else { Vec::new() };
    let (machine, connections) = (Machine::this(), pace.connections.to_vec());
    Ok(Comparison { machine, cpus: cpus.again()?, connections, rows, libraries, reuse: None })
}

fn outcome(rung: &'static Rung, connections: usize, asking: usize, pace: &Pace) -> Outcome {
    match &rung.limit {
        Some(limit) if connections > limit.clients => Outcome::Limited(limit.beyond),
        _ => match run_rung(rung, connections, asking, pace) {
            Ok(figures) => Outcome::Measured(figures),
            Err(error) => Outcome::Failed(error.to_string()),
        },
    }
}

fn run_rung(rung: &Rung, connections: usize, asking: usize, pace: &Pace) -> io::Result<Figures> {
    Child::with(rung, |child| {
        let (process, address) = (child.id(), child.address);
        run(process, address, rung.answer, connections, asking, pace, || child.report())
    })
}

/// Measures a server, whose answers have so many bytes.
pub fn run(
    process: u32,
    address: SocketAddr,
    answer: usize,
    connections: usize,
    asking: usize,
    pace: &Pace,
    report: impl FnMut() -> io::Result<Report> + Send,
) -> io::Result<Figures> {
    let protocol = &Questions { answer, slow_from: usize::MAX };
    let load = Load { address, connections, beside: 0, protocol };
    // This is a thread of its own, so that only it stays on a core, and not the servers to come.
    thread::scope(|scope| {
        let client = scope.spawn(|| measure(process, report, load, asking, pace));
        client.join().expect("the client's thread does not panic")
    })
}

fn measure(
    process: u32,
    mut report: impl FnMut() -> io::Result<Report>,
    load: Load<'_>,
    asking: usize,
    pace: &Pace,
) -> io::Result<Figures> {
    load::stay_on_last_core()?;
    let mut clients = load.connect()?;
    clients.errors.check()?;
    thread::sleep(SETTLING);
    let idle_cpu = idle_cpu(process, pace.idle)?;
    clients.asking = asking;
    clients.ask(pace.warm_up)?.errors.check()?;
    let before = report()?;
    let taken = clients.ask(pace.time)?;
    taken.errors.check()?;
    let after = report()?;
    let requests = taken.requests as f64;
    Ok(Figures {
        requests_per_second: requests / taken.elapsed.as_secs_f64(),
        p50: taken.quantile(0.5),
        p99: taken.quantile(0.99),
        cpu_per_request: (after.cpu - before.cpu).div_f64(requests),
        // Of those that do not count there are none.
        syscalls_per_request: Some((after.syscalls - before.syscalls) as f64 / requests)
            .filter(|_| after.syscalls > 0),
        threads: after.threads,
        memory: after.memory,
        idle_cpu,
    })
}

/// Returns how much of a core the server takes while nobody asks.
fn idle_cpu(process: u32, time: Duration) -> io::Result<f64> {
    // It is read from here: a report would itself cost CPU time, the more the more descriptors there are.
    let (start, before) = (Instant::now(), cpu_time_of_all(process)?);
    thread::sleep(time);
    let used = cpu_time_of_all(process)? - before;
    Ok(used.as_secs_f64() / start.elapsed().as_secs_f64())
}

fn reuse(pool: &Rung) -> io::Result<Reuse> {
    Child::with(pool, |child| rungs::with_and_without_reuse(child.address))
}

fn print(comparison: &Comparison) {
    let Machine { processor, cores, kernel, date } = &comparison.machine;
    println!("{processor}, cores: {cores}, {kernel}, {date} UTC\n{}", comparison.cpus.describe());
    for (index, &connections) in comparison.connections.iter().enumerate() {
        let rungs = comparison.rows.iter().map(|row| (name(row.rung), cells(&row.outcomes[index])));
        let libraries = comparison.libraries.iter();
        let libraries = libraries.map(|row| (format!("    {}", row.name), cells(&row.outcomes[index])));
        let rows: Vec<show::Row> = rungs.chain(libraries).collect();
        println!("\n{}\n", self::connections(connections));
        println!("{}", show::table(&HEADINGS, HEADINGS.len() - 1, &rows));
    }
    let rungs = comparison.rows.iter().map(|row| (name(row.rung), cells(&row.mostly_silent)));
    let libraries = comparison.libraries.iter();
    let libraries = libraries.map(|row| (format!("    {}", row.name), cells(&row.mostly_silent)));
    let silent: Vec<show::Row> = rungs.chain(libraries).collect();
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

/// Returns `4,000 connections`.
pub fn connections(number: usize) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} connection{plural}", show::number(number as u64))
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
            figures.syscalls_per_request.map_or("–".into(), |calls| format!("{calls:.2}")),
            show::number(figures.threads as u64),
            show::memory(figures.memory),
            format!("{:.1} %", 100.0 * figures.idle_cpu),
        ]),
        Outcome::Limited(beyond) => Err(format!("not measured: {beyond}")),
        Outcome::Failed(why) => Err(format!("FAILED: {why}")),
    }
}
