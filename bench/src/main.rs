//! What the hot paths cost, beside the peers: the same work on each runtime, in the same process and the same run.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml -- --help` says how it is used, RESULTS.md what came of it.

mod groups;
mod measure;
mod report;
mod runtimes;
mod works;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;

/// Measures ayi beside tokio, smol, monoio, glommio and compio.
#[derive(Parser)]
struct Options {
    /// Only these groups: spawn, wake, remote, timers
    groups: Vec<String>,
    /// A short pass: three rounds instead of eleven
    #[arg(long)]
    quick: bool,
    /// Also write the results to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    results: Option<std::path::PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut groups = groups::all();
    if let Some(unknown) = options.groups.iter().find(|name| groups.iter().all(|group| group.name != *name)) {
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        eprintln!("there is no group {unknown:?}; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    groups.retain(|group| options.groups.is_empty() || options.groups.iter().any(|name| name == group.name));
    let rounds = if options.quick { 3 } else { 11 };

    let turns = groups.iter().flat_map(|group| &group.works).map(|work| work.turns(rounds)).sum();
    let bar = ProgressBar::new(turns);
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {elapsed} {msg}").expect("a template that is right"),
    );
    let mut tables = Vec::new();
    for group in &groups {
        let mut results = Vec::new();
        for work in &group.works {
            bar.set_message(format!("{}: {}", group.name, work.name));
            results.push(work.measure(rounds, || bar.inc(1)));
        }
        tables.push(report::table(group, &results));
    }
    bar.finish_and_clear();
    let text = report::text(&tables, rounds);
    println!("{text}");
    if let Some(file) = options.results
        && let Err(error) = std::fs::write(&file, report::markdown(&tables, rounds))
    {
        eprintln!("cannot write {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
