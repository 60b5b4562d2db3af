//! The ladder of I/O models: sixteen ways to serve a socket, from `read()` that blocks to `.await`, and the steps between.
//!
//! README.md describes the climb, and `rungs/` has one file for each rung; here is the command line.

mod busy;
mod child;
mod compare;
mod count;
mod epoll;
mod listener;
mod machine;
mod measure;
mod page;
mod protocol;
mod report;
mod rungs;
mod serve;
mod show;
mod slow;
mod stop;
mod sys;
mod watch;
mod watched;

use clap::{Parser, Subcommand};
use rungs::{Family, LADDER, Rung};
use serve::Control;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The ladder of I/O models, from read() that blocks to .await: each a server that runs and is measured.
#[derive(Parser)]
#[command(name = "models")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Explain each rung in a line
    List,
    /// Run one rung as a server; Ctrl-C stops it
    Serve {
        #[arg(value_parser = rung)]
        name: &'static Rung,
        #[arg(default_value = "127.0.0.1:7000")]
        address: SocketAddr,
        /// Obey lines on standard input (`report`, `stop`) instead of signals
        #[arg(long)]
        controlled: bool,
        /// Write the system calls between the lines `begin` and `end` into this file
        #[arg(long, value_name = "FILE", requires = "controlled")]
        watched: Option<PathBuf>,
    },
    /// Measure the rungs with up to 4,000 connections: speed, CPU time, system calls, threads, memory
    Compare {
        /// Only these rungs [default: all]
        #[arg(value_parser = rung)]
        names: Vec<&'static Rung>,
        /// At most 256 connections, and shorter runs: less than a minute instead of less than ten
        #[arg(long)]
        quick: bool,
        /// Where to write the page with charts
        #[arg(long, value_name = "FILE", default_value = "target/models.html")]
        page: PathBuf,
    },
    /// Record the system calls of rungs during a short conversation, and show them side by side on a page
    Watch {
        #[arg(value_parser = rung, required = true)]
        names: Vec<&'static Rung>,
        /// Where to write the page
        #[arg(long, value_name = "FILE", default_value = "watch.html")]
        page: PathBuf,
    },
    /// Show what a handler that computes for 100 ms does to the other clients
    Slow {
        /// Only this rung [default: all]
        #[arg(value_parser = rung)]
        name: Option<&'static Rung>,
    },
}

fn rung(name: &str) -> Result<&'static Rung, String> {
    let names = || LADDER.map(|rung| rung.name).join(", ");
    rungs::find(name).ok_or_else(|| format!("there is no rung of that name. There are: {}", names()))
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("models: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<()> {
    match command {
        Command::List => {
            println!("{}", list());
            Ok(())
        }
        Command::Serve { name, address, controlled, watched } => {
            let control = if controlled { Control::StandardInput } else { Control::Signals };
            serve::serve(name, address, control, watched.as_deref())
        }
        Command::Compare { names, quick, page } => compare::compare(&chosen(&names), quick, &page),
        Command::Watch { names, page } => watch::watch(&chosen(&names), &page),
        Command::Slow { name } => slow::slow(&chosen(name.as_slice())),
    }
}

/// Returns the rungs with the names given, or all, in the order of the ladder.
fn chosen(given: &[&'static Rung]) -> Vec<&'static Rung> {
    let is_given = |rung: &&Rung| given.is_empty() || given.iter().any(|other| other.name == rung.name);
    LADDER.into_iter().filter(is_given).collect()
}

/// Returns all rungs by their families, within 110 columns.
fn list() -> String {
    let family = |family: Family| {
        let rungs = LADDER.into_iter().filter(|rung| rung.family == family);
        let rows: Vec<[String; 3]> = rungs
            .map(|rung| {
                let limit = rung.limit.as_ref().map(|limit| format!("\nLimit: {}.", limit.beyond));
                let summary = format!("{}{}", rung.summary, limit.unwrap_or_default());
                [format!("{:>2}", rung.number), rung.name.into(), summary]
            })
            .collect();
        format!("{}\n{}", family.title(), show::text(&rows, [6, 25, 79]))
    };
    Family::ALL.map(family).join("\n\n")
}
