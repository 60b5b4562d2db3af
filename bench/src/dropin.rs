//! The package `tokio` of this project in tokio's place: the same program, of crates that were written for tokio, is
//! built with each. One graph of crates cannot have both, so there are two manifests in `dropin/`.

use crate::clients::{in_thread, on_last_core, sides};
use crate::counts;
use crate::groups::{AYI, Figure, Rounds, Size, TOKIO, TOKIO_MULTI_THREAD, Unit, Whom, Work};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PLACE: &str = env!("CARGO_MANIFEST_DIR");

/// Its name here, its name in the program, and how many requests are under way at once.
const WORKS: [(&str, &str, u32); 4] = [
    ("reqwest asks axum, one at a time", "axum", 1),
    ("reqwest asks axum, 16 at once", "axum", 16),
    ("tonic, unary, one at a time", "tonic", 1),
    ("tonic, unary, 16 at once", "tonic", 16),
];

/// Builds the program, unless that was done before, and returns its path.
fn program(runtime: &'static str) -> io::Result<PathBuf> {
    static BUILT: [OnceLock<Result<PathBuf, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let build = || {
        let target = Path::new(PLACE).join("target/dropin").join(runtime);
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
        cargo.arg(Path::new(PLACE).join("dropin").join(runtime).join("Cargo.toml"));
        let output = cargo.arg("--target-dir").arg(&target).output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(target.join("release/dropin")),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    let built = &BUILT[usize::from(runtime == TOKIO)];
    built.get_or_init(build).clone().map_err(io::Error::other)
}

/// Runs the command with so many requests, and returns what it prints: CPU time, time and p99 of a request. With 0
/// workers it has one thread.
fn ask(command: &mut Command, work: &str, at_once: u32, requests: u32, workers: u32) -> io::Result<[f64; 3]> {
    let numbers = [at_once, requests, workers].map(|number| number.to_string());
    let output = command.arg(work).args(numbers).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let printed: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    printed.try_into().map_err(|_| io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// With two workers on the first two cores, on which client and server are as well: tokio's `multi_thread`, and ayi's.
fn with_two_workers() -> impl Iterator<Item = Work> {
    [("reqwest asks axum", "axum"), ("tonic, unary", "tonic")].into_iter().map(|(name, work)| {
        let turn = move |runtime| {
            let program = program(if runtime == AYI { AYI } else { TOKIO })?;
            in_thread(
                || load::stay_on_first_cores(2),
                || {
                    let [cpu, time, p99] = ask(&mut Command::new(program), work, 64, 32_000, 2)?;
                    Ok(vec![1e9 / time, p99, cpu])
                },
            )
        };
        let goal = &[(Whom::MultiThread, 1.0)];
        Work {
            name: format!("two workers: {name}, 64 at once"),
            size: Size::Fixed(1),
            rounds: Rounds::Some,
            figures: vec![
                Figure::new("requests/s", Unit::PerSecond, goal),
                Figure::new("p99", Unit::Nanoseconds, goal),
                Figure::new("CPU per request", Unit::Nanoseconds, &[]),
            ],
            sides: sides([AYI, TOKIO_MULTI_THREAD], turn),
        }
    })
}

pub fn works() -> impl Iterator<Item = Work> {
    let with_one = WORKS.into_iter().flat_map(|(name, work, at_once)| {
        let instructions = move |runtime| {
            let count = |requests| {
                counts::instructions(|command| {
                    ask(command.arg(program(runtime)?), work, at_once, requests, 0)?;
                    Ok(f64::from(requests))
                })
            };
            counts::difference([500, 1_500].map(count))
        };
        let cpu = move |runtime| {
            let program = program(runtime)?;
            on_last_core(|| {
                let [cpu, ..] = ask(&mut Command::new(program), work, at_once, 10_000, 0)?;
                Ok(vec![cpu])
            })
        };
        let of = |rounds, figure: &str, unit, sides| Work {
            name: name.into(),
            size: Size::Fixed(1),
            rounds,
            figures: vec![Figure::new(figure, unit, &[(Whom::Tokio, 1.0)])],
            sides,
        };
        [
            of(Rounds::Once, "instructions per request", Unit::Count, sides([AYI, TOKIO], instructions)),
            of(Rounds::Some, "CPU per request", Unit::Nanoseconds, sides([AYI, TOKIO], cpu)),
        ]
    });
    with_one.chain(with_two_workers())
}
