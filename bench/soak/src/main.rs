//! How much load a server of ayi's withstands, and for how long: thousands of connections, floods of them, clients that
//! are slow or gone, and no descriptors left, while a thousand others are served all the time. Afterwards it must be as
//! it was: no task, descriptor or timer more, no connection lost, and no memory that grows.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml -p soak -- --help` explains its use, and bench/RESULTS.md has
//! its results. Client and server are a process and a core each, because one process has no more than 20,000
//! descriptors.

mod clients;
mod phases;
mod server;
mod subject;

use ayi::runtime::Runtime;
use ayi::time::{Duration, Instant, sleep};
use clap::Parser;
use clients::{Target, Workers};
use comfy_table::{Table, presets};
use phases::{Scene, check};
use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use subject::{Health, Subject};

/// Returns how many descriptors each of the two processes may have.
fn descriptors(part: usize) -> u64 {
    20_000 / part as u64
}

/// How often a worker asks.
const BEAT: Duration = Duration::from_millis(50);

/// By how much the memory may grow after the first cycle.
const GROWTH: f64 = 1.01;

/// Soaks a server: cycles of load and faults, after which it must be as it was.
#[derive(Parser)]
#[command(name = "soak")]
struct Options {
    /// How often everything is done, the first time to warm up: a minute each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..))]
    cycles: u32,
    /// A tenth of everything, in two cycles
    #[arg(long)]
    quick: bool,
    /// To be the server
    #[arg(long, hide = true)]
    serve: bool,
}

impl Options {
    /// Returns the divisor of everything.
    fn part(&self) -> usize {
        if self.quick { 10 } else { 1 }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = Runtime::new();
    let result = runtime.and_then(|runtime| {
        if options.serve {
            runtime.block_on(server::run(options.part()))
        } else {
            runtime.block_on(soak(&options))
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(options: &Options) -> io::Result<()> {
    let (part, cycles) = (options.part(), if options.quick { 2 } else { options.cycles });
    load::allow_descriptors(descriptors(part))?;
    let subject = Subject::start(part).await?;
    load::stay_on_last_core()?;
    let target = Rc::new(Target::new(subject.port));
    let mut workers = Workers::start(&target, 1_000 / part as u32, BEAT).await?;
    let start = subject.health().await?;
    let scene = Scene { subject, target, part };
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["cycle", "phase", "took", "p50", "p99", "p99.9", "longest", "what came of it"]);
    let mut at_rest = Vec::new();
    for cycle in 1..=cycles {
        at_rest.push(run_cycle(cycle, &scene, &start, &mut workers, &mut table).await?);
    }
    workers.stop().await?;
    let end = ended(&scene).await?;
    println!("{table}\n");
    report(&start, &at_rest, &end)
}

type Phase = for<'a> fn(&'a Scene) -> Pin<Box<dyn Future<Output = io::Result<String>> + 'a>>;

const PHASES: [(&str, Phase); 7] = [
    ("held connections", |scene| Box::pin(phases::hold(scene))),
    ("churn", |scene| Box::pin(phases::churn(scene))),
    ("slow readers", |scene| Box::pin(phases::slow_readers(scene))),
    ("slow writers", |scene| Box::pin(phases::slow_writers(scene))),
    ("silent clients", |scene| Box::pin(phases::silent(scene))),
    ("resets", |scene| Box::pin(phases::resets(scene))),
    ("no descriptors left", |scene| Box::pin(phases::exhaustion(scene))),
];

/// Runs one cycle, and returns the state of the server after it.
async fn run_cycle(
    cycle: u32,
    scene: &Scene,
    start: &Health,
    workers: &mut Workers,
    table: &mut Table,
) -> io::Result<Health> {
    let mut at_rest = *start;
    for (name, phase) in PHASES {
        eprintln!("cycle {cycle}: {name}");
        workers.look()?;
        let begin = Instant::now();
        let failed = |error| io::Error::other(format!("cycle {cycle}, {name}: {error}"));
        let outcome = phase(scene).await.map_err(failed)?;
        at_rest = rest(scene, start).await.map_err(failed)?;
        let (took, times) = (begin.elapsed(), workers.look()?);
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| milliseconds(times.value_at_quantile(part)));
        let (cycle, took, longest) =
            (cycle.to_string(), format!("{:.1} s", took.as_secs_f64()), milliseconds(times.max()));
        table.add_row([cycle, name.into(), took, p50, p99, p999, longest, outcome]);
    }
    Ok(at_rest)
}

fn milliseconds(micros: u64) -> String {
    format!("{:.2} ms", micros as f64 / 1e3)
}

/// Waits until the server is as it was, with only the workers.
async fn rest(scene: &Scene, start: &Health) -> io::Result<Health> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let now = scene.subject.health().await?;
        let (a, b) = (now.state, start.state);
        if (a.tasks, a.sources, now.descriptors) == (b.tasks, b.sources, start.descriptors) {
            return Ok(now);
        }
        check(Instant::now() < end, || {
            format!("the server has not come to rest: {now:?}, at first {start:?}")
        })?;
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until all connections have been accepted, and all have ended.
async fn ended(scene: &Scene) -> io::Result<Health> {
    let (end, connected) = (Instant::now() + Duration::from_secs(20), scene.target.count());
    loop {
        let now = scene.subject.health().await?;
        let is_over =
            now.state.accepted == connected && now.state.ended == connected && now.state.timers == 0;
        if is_over {
            return Ok(now);
        }
        check(Instant::now() < end, || format!("of {connected} connections some are lost: {now:?}"))?;
        sleep(Duration::from_millis(50)).await;
    }
}

fn report(start: &Health, at_rest: &[Health], end: &Health) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
        "at rest",
        "memory",
        "tasks",
        "descriptors",
        "registered",
        "timers",
        "accepted",
        "ended",
        "cut",
    ]);
    let cycles = at_rest.iter().enumerate().map(|(n, health)| (format!("after cycle {}", n + 1), health));
    let rows =
        std::iter::once(("at first".into(), start)).chain(cycles).chain([("without workers".into(), end)]);
    for (when, health) in rows {
        let state = health.state;
        let numbers = [
            state.tasks,
            health.descriptors,
            state.sources,
            state.timers,
            state.accepted,
            state.ended,
            state.cut,
        ];
        let memory = format!("{:.2} MB", health.memory as f64 / 1e6);
        table.add_row([when, memory].into_iter().chain(numbers.map(|number| number.to_string())));
    }
    println!("{table}");
    let warm = at_rest[0].memory as f64;
    let most = at_rest[1..].iter().map(|health| health.memory).max().unwrap_or(0) as f64;
    println!("\nmemory after the first cycle: {:+.2} % at most", (most / warm - 1.0) * 100.0);
    check(most <= warm * GROWTH, || "the server's memory grows".into())
}
