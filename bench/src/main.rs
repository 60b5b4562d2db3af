//! What ayi costs, compared with its peers: the same work on each runtime, in the same run.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml -- --help` explains its use, and RESULTS.md has the results.

mod builds;
mod children;
mod clients;
mod cores;
mod counts;
mod dropin;
mod fairness;
mod files;
mod groups;
mod loops;
mod measure;
mod memory;
mod page;
mod record;
mod report;
mod runtimes;
mod serve;
mod sync;
mod web;
mod workers;
mod works;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use report::Results;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures ayi beside tokio, smol, monoio, glommio, compio, a loop on epoll that is written by hand, and servers on
/// libev, libevent, libuv and Boost.Asio where these are installed; its channels and locks beside those of tokio,
/// async-channel and flume.
#[derive(Parser)]
#[command(name = "ayi-bench")]
struct Options {
    /// Only these groups: spawn, wake, remote, timers, sync, counts, echo, connections, http, memory,
    /// fairness, cores, fs, build, dropin, record
    groups: Vec<String>,
    /// Only rows whose work has this in its name
    #[arg(long, value_name = "TEXT")]
    work: Option<String>,
    /// A short pass: fewer rounds
    #[arg(long)]
    quick: bool,
    /// Where to write the tables, as Markdown, and charts.svg beside them [default: RESULTS.md of bench/, if
    /// everything is measured]
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Where to write the page with charts
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/results.html"))]
    page: PathBuf,
    /// What this process is to do for another one of this program
    #[arg(long, hide = true, num_args = 3)]
    child: Vec<String>,
}

/// What follows this line in RESULTS.md was written by hand, and stays.
const BY_HAND: &str = "\n## Where the time goes\n";

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ayi-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<()> {
    if let [work, runtime, n] = &options.child[..] {
        return children::run(work, runtime, n.parse().map_err(io::Error::other)?);
    }
    let mut groups = groups::all();
    if let Some(unknown) = options.groups.iter().find(|name| groups.iter().all(|group| group.name != *name)) {
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        return Err(io::Error::other(format!(
            "there is no group {unknown:?}; there are {}",
            names.join(", ")
        )));
    }
    groups.retain(|group| options.groups.is_empty() || options.groups.iter().any(|name| name == group.name));
    if let Some(text) = &options.work {
        groups.iter_mut().for_each(|group| group.works.retain(|work| work.name.contains(text)));
        groups.retain(|group| !group.works.is_empty());
    }
    let is_everything = options.groups.is_empty() && options.work.is_none() && !options.quick;
    let results = options
        .results
        .or_else(|| is_everything.then(|| concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md").into()));
    // An error now is better than one in a quarter of an hour.
    for file in results.iter().chain([&options.page]) {
        let opened = std::fs::File::options().append(true).create(true).open(file);
        opened.map_err(|error| io::Error::other(format!("cannot write {}: {error}", file.display())))?;
    }
    load::allow_descriptors(9_000)?;
    if groups.iter().any(|group| loops::GROUPS.contains(&group.name)) {
        loops::left_out().for_each(|why| eprintln!("ayi-bench: {why}"));
    }

    let measured = measure(&groups, options.quick);
    println!("{}", report::text(&measured));
    if let Some(file) = results {
        let text = std::fs::read_to_string(&file)?;
        let by_hand = text.split_once(BY_HAND).map_or(String::new(), |(_, rest)| format!("{BY_HAND}{rest}"));
        std::fs::write(&file, report::markdown(&measured) + &by_hand)?;
        println!("Written: {}", file.display());
        // Tables without a picture are worth more than nothing after a quarter of an hour.
        charts::write(&file).unwrap_or_else(|error| eprintln!("ayi-bench: no picture: {error}"));
    }
    std::fs::write(&options.page, page::page(&measured).into_string())?;
    println!("With charts: {}", options.page.display());
    Ok(())
}

fn measure(groups: &[groups::Group], is_quick: bool) -> Vec<Results> {
    let turns = groups.iter().flat_map(|group| &group.works).map(|work| work.turns(is_quick)).sum();
    let bar = ProgressBar::new(turns);
    let style = ProgressStyle::with_template("{bar:30} {elapsed} {msg}");
    bar.set_style(style.expect("a template that is right"));
    let mut all = Vec::new();
    for group in groups {
        let mut results = Results::new(group);
        for work in &group.works {
            bar.set_message(format!("{}: {}", group.name, work.name));
            let failed = |runtime, error| {
                results.failures.push(format!("{}, {runtime}: {error}", work.name));
            };
            results.rows.extend(work.measure(is_quick, || bar.inc(1), failed));
        }
        all.push(results);
    }
    bar.finish_and_clear();
    all
}
