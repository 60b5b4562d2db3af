//! What the recorder costs: the same program without the feature `record`, with it, and recorded.

use crate::clients::{on_last_core, sides};
use crate::counts;
use crate::groups::{AYI, Figure, RECORDED, Rounds, Size, Unit, WITH_RECORD, Work};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PLACE: &str = env!("CARGO_MANIFEST_DIR");

/// Its name here, its name in the program, operations for callgrind, and operations for the clock.
const WORKS: [(&str, &str, u32, u32); 3] = [
    ("wake oneself", "wake", 20_000, 2_000_000),
    ("spawn and join", "spawn", 20_000, 1_000_000),
    ("echo of 64 B", "echo", 8_000, 200_000),
];

/// Builds the program, unless that was done before, and returns its path.
fn program(with_record: bool) -> io::Result<PathBuf> {
    static BUILT: [OnceLock<Result<PathBuf, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let build = || {
        let target =
            Path::new(PLACE).join("target/record").join(if with_record { "with" } else { "without" });
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--locked", "--quiet", "-p", "record", "--manifest-path"]);
        cargo.arg(Path::new(PLACE).join("Cargo.toml")).arg("--target-dir").arg(&target);
        if with_record {
            cargo.args(["--features", "record"]);
        }
        let output = cargo.output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(target.join("release/record")),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    BUILT[usize::from(with_record)].get_or_init(build).clone().map_err(io::Error::other)
}

/// Runs the program, and returns what it prints: the CPU time of an operation.
fn run(command: &mut Command, side: &str, work: &str, operations: u32) -> io::Result<f64> {
    // The file is of no interest here, and writing it is not counted: the program measures the work alone.
    match side {
        RECORDED => command.env("AYI_RECORD", "/dev/null"),
        _ => command.env_remove("AYI_RECORD"),
    };
    let output = command.args([work, &operations.to_string()]).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).trim().parse();
    printed.map_err(|_| io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

pub fn works() -> impl Iterator<Item = Work> {
    WORKS.into_iter().flat_map(|(name, work, few, many)| {
        let instructions = move |side| {
            let count = |operations| {
                counts::instructions(|command| {
                    run(command.arg(program(side != AYI)?), side, work, operations)?;
                    Ok(f64::from(operations))
                })
            };
            counts::difference([few, 2 * few].map(count))
        };
        let cpu = move |side| {
            let program = program(side != AYI)?;
            on_last_core(|| Ok(vec![run(&mut Command::new(program), side, work, many)?]))
        };
        let of = |rounds, figure: &str, unit, sides| Work {
            name: name.into(),
            size: Size::Fixed(1),
            rounds,
            figures: vec![Figure::new(figure, unit, &[])],
            sides,
        };
        // The processor's counter and the clock cost what no instruction shows.
        [
            of(Rounds::Once, "instructions", Unit::Count, sides([AYI, WITH_RECORD, RECORDED], instructions)),
            of(Rounds::Many, "CPU time", Unit::Nanoseconds, sides([AYI, WITH_RECORD, RECORDED], cpu)),
        ]
    })
}
