//! Prints what the model says, as Markdown: see lib.rs, and "cores, many of them" in RESULTS.md.
//!
//! `--round` takes round costs instead of those that it measures, `--write` puts the table into RESULTS.md.

use model::{Costs, Load, Outcome, Policy, Setup, run};
use std::fmt::Write;
use std::{env, fs, io};

const CORES: [usize; 4] = [2, 8, 32, 64];
const LOADS: [(Load, &str); 3] = [
    (Load::Uniform, "all ask equally much"),
    (Load::Hot, "as many as cores are hot, the others silent"),
    (Load::Zipf, "the k-th asks 1/k as often"),
];
const POLICIES: [(Policy, &str); 3] =
    [(Policy::Blind, "stays"), (Policy::Sharing, "ayi"), (Policy::Stealing, "stealing")];
const CONNECTIONS_PER_CORE: usize = 32;
const COMPUTING: u64 = 20_000;
/// In nanoseconds.
const TIME: u64 = 100_000_000;
/// Connections are dealt anew in each of so many experiments, of which there are more on few cores. The figures are means.
const EXPERIMENTS: usize = 64;
/// Where latencies are looked at.
const LOAD: f64 = 0.7;

/// Between these lines of RESULTS.md the table stands.
const BEGIN: &str = "<!-- by the package model: -->\n\n";
const END: &str = "<!-- until here -->";
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../RESULTS.md");

fn main() -> io::Result<()> {
    let has = |wanted: &str| env::args().any(|argument| argument == wanted);
    let costs = if has("--round") { Costs::ROUND } else { Costs::measure() };
    let text = text(&costs);
    if !has("--write") {
        print!("{text}");
        return Ok(());
    }
    let results = fs::read_to_string(RESULTS)?;
    let parts = results.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| io::Error::other("RESULTS.md has no place for the table"))?;
    fs::write(RESULTS, [head, BEGIN, &text, "\n", END, tail].concat())
}

fn text(costs: &Costs) -> String {
    let &Costs { poll, request, turn, wake, message, moving, stealing } = costs;
    let mut text = format!(
        "Costs in nanoseconds: a request {request}, a poll {poll}, a turn {turn}, until a core that sleeps runs {wake}, \
         a message {message}, a task that moves {moving}, one that is stolen {stealing}. {} µs are computed for each request, and each core has \
         {CONNECTIONS_PER_CORE} connections.\n\n\
         | load | cores | policy | answered, if 100 % is asked | p50 at 70 % | p99 at 70 % | moves/s of a core, at 70 % |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        COMPUTING / 1_000
    );
    for (load, load_name) in LOADS {
        for cores in CORES {
            for (policy, policy_name) in POLICIES {
                let all = mean(policy, load, cores, 1.0, costs);
                let most = mean(policy, load, cores, LOAD, costs);
                let (answered, p50, p99) = (all.answered * 100.0, time(most.p50), time(most.p99));
                let _ = writeln!(
                    text,
                    "| {load_name} | {cores} | {policy_name} | {answered:.0} % | {p50} | {p99} | {:.0} |",
                    most.moves
                );
            }
        }
    }
    text
}

/// With two digits, or all before the unit.
fn time(nanos: u64) -> String {
    match nanos as f64 / 1e3 {
        micros if micros < 1e3 => format!("{micros:.0} µs"),
        micros if micros < 1e4 => format!("{:.1} ms", micros / 1e3),
        micros => format!("{:.0} ms", micros / 1e3),
    }
}

fn mean(policy: Policy, load: Load, cores: usize, asked: f64, costs: &Costs) -> Outcome {
    let connections = cores * CONNECTIONS_PER_CORE;
    let outcomes = (0..(EXPERIMENTS / cores).max(3)).map(|seed| {
        let seed = seed as u64;
        run(&Setup { policy, load, cores, connections, computing: COMPUTING, asked, time: TIME, seed }, costs)
    });
    let outcomes: Vec<Outcome> = outcomes.collect();
    let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
    Outcome {
        answered: mean(|it| it.answered),
        p50: mean(|it| it.p50 as f64) as u64,
        p99: mean(|it| it.p99 as f64) as u64,
        moves: mean(|it| it.moves),
    }
}
