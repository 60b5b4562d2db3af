//! The ladder of I/O models: sixteen rungs, from `read()` that blocks to `.await` on all cores, and small steps between.
//!
//! README.md describes the climb, and `rungs/` has one file for each rung; here is the command line.

mod busy;
mod child;
mod compare;
mod count;
mod epoll;
mod libraries;
mod listener;
mod machine;
mod measure;
mod page;
mod parts;
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

use cli::{ArgError, Long, Parser, Value, ValueExt};
use rungs::{Family, LADDER, Rung};
use serve::Control;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: models COMMAND
  list                             explains each rung in a line
  serve RUNG [HOST:PORT]           runs one rung as a server, on 127.0.0.1:7000; Ctrl-C stops it
      --controlled                 obeys lines on standard input (`report`, `stop`) instead of signals
      --watched FILE               with it: writes the system calls between the lines `begin` and `end` into FILE
  compare [RUNG]... [--quick]      measures all rungs, or these, with up to 4,000 connections: speed, CPU time, system
                                   calls, threads, memory; --quick: at most 256 connections, and shorter runs
      --libraries                  beside them the same server on libev, libevent, libuv and Boost.Asio, as installed
      --page FILE                  where to write the page with charts    target/models.html
  parts                            measures the parts of a runtime, each as rung 14d has it and as ayi does
  watch RUNG...                    records their system calls during a short conversation, side by side on a page
      --page FILE                  where to write it                      watch.html
  slow [RUNG]                      shows what a handler that computes for 100 ms does to the other clients";

enum Command {
    List,
    Serve { rung: &'static Rung, address: String, control: Control, watched: Option<PathBuf> },
    Compare { rungs: Vec<&'static Rung>, quick: bool, libraries: bool, page: PathBuf },
    Watch { rungs: Vec<&'static Rung>, page: PathBuf },
    Slow { rungs: Vec<&'static Rung> },
    Parts,
}

fn rung(name: &str) -> Result<&'static Rung, String> {
    let names = || LADDER.map(|rung| rung.name).join(", ");
    rungs::find(name).ok_or_else(|| format!("there is no rung of that name. There are: {}", names()))
}

fn parse(args: &mut Parser) -> Result<Command, ArgError> {
    let Some(Value(command)) = args.next()? else { return Err("COMMAND is missing".into()) };
    let command = command.string()?;
    let is = |name: &str| command == name;
    let (mut rungs, mut address, mut page, mut watched) = (Vec::new(), None, None, None);
    let (mut quick, mut libraries, mut is_controlled) = (false, false, false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") if is("compare") => quick = true,
            Long("libraries") if is("compare") => libraries = true,
            Long("page") if is("compare") || is("watch") => page = Some(PathBuf::from(args.value()?)),
            Long("controlled") if is("serve") => is_controlled = true,
            Long("watched") if is("serve") => watched = Some(PathBuf::from(args.value()?)),
            Value(text) if is("serve") && rungs.len() == 1 && address.is_none() => {
                address = Some(cli::host_port(&text)?);
            }
            Value(name)
                if is("compare") || is("watch") || rungs.is_empty() && !is("list") && !is("parts") =>
            {
                rungs.push(name.parse_with(rung)?);
            }
            _ => return Err(arg.unexpected()),
        }
    }
    let page = |default: &str| page.clone().unwrap_or_else(|| default.into());
    match &*command {
        "list" => Ok(Command::List),
        "serve" => {
            let control = if is_controlled { Control::StandardInput } else { Control::Signals };
            if watched.is_some() && !is_controlled {
                return Err("--watched needs --controlled".into());
            }
            let rung = *rungs.first().ok_or("RUNG is missing")?;
            let address = address.unwrap_or_else(|| "127.0.0.1:7000".into());
            Ok(Command::Serve { rung, address, control, watched })
        }
        "compare" => Ok(Command::Compare { rungs, quick, libraries, page: page("target/models.html") }),
        "watch" if rungs.is_empty() => Err("RUNG is missing".into()),
        "watch" => Ok(Command::Watch { rungs, page: page("watch.html") }),
        "slow" => Ok(Command::Slow { rungs }),
        "parts" => Ok(Command::Parts),
        _ => Err(format!("there is no command {command:?}: list, serve, compare, parts, watch, slow").into()),
    }
}

fn main() -> ExitCode {
    match run(cli::read(USAGE, parse)) {
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
        Command::Serve { rung, address, control, watched } => {
            let address = cli::resolve(&address).map_err(|failure| io::Error::other(failure.0))?;
            serve::serve(rung, address, control, watched.as_deref())
        }
        Command::Compare { rungs, quick, libraries, page } => {
            compare::compare(&chosen(&rungs), quick, libraries, &page)
        }
        Command::Watch { rungs, page } => watch::watch(&chosen(&rungs), &page),
        Command::Slow { rungs } => slow::slow(&chosen(&rungs)),
        Command::Parts => parts::parts(),
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
