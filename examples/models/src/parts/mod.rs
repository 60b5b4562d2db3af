//! The parts of a runtime: what rung 14d has in each place, and what stands there in ayi. Each file is one part: both ways
//! side by side, small enough to be read in a minute, with a test that both do the same. `models parts` measures them.
//!
//! Each file quotes the lines of ayi that do this for real. A test compares them with the sources.

mod blocks;
mod inbox;
mod run_queue;
mod sources;
mod timers;
mod wakers;

use crate::busy::Cpus;
use crate::show;
use std::hint::black_box;
use std::io;
use std::time::Instant;

/// How often each way is measured, in turns. The median is told.
const ROUNDS: usize = 15;

/// A part, done in two ways.
pub struct Part {
    pub name: &'static str,
    /// What is measured.
    pub operation: &'static str,
    /// As in rung 14d.
    pub simple: Way,
    /// As in ayi.
    pub ours: Way,
}

pub struct Way {
    pub what: &'static str,
    /// Does so many operations, and returns a number that is the same for both ways.
    pub run: fn(u32) -> u64,
}

pub const PARTS: [Part; 6] =
    [wakers::PART, run_queue::PART, inbox::PART, timers::PART, sources::PART, blocks::PART];

/// Measures all parts, and prints a table.
pub fn parts() -> io::Result<()> {
    const OPERATIONS: u32 = 200_000;
    let cpus = Cpus::measure()?;
    let rows = PARTS.iter().map(|part| {
        let [simple, ours] = measure(part, OPERATIONS);
        let what = format!("{} → {}", part.simple.what, part.ours.what);
        let nanos = |time: f64| format!("{time:.1} ns");
        let cells =
            vec![part.operation.into(), what, nanos(simple), nanos(ours), format!("{:.1}", simple / ours)];
        (part.name.to_string(), Ok(cells))
    });
    let rows: Vec<show::Row> = rows.collect();
    println!("{}\n", cpus.again()?.describe());
    println!(
        "{}",
        show::table(&["part", "operation", "rung 14d → ayi", "rung 14d", "ayi", "times"], 0, &rows)
    );
    Ok(())
}

/// Returns the nanoseconds of an operation, the simple way and ours.
fn measure(part: &Part, operations: u32) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (way, times) in [&part.simple, &part.ours].into_iter().zip(&mut times) {
            let begin = Instant::now();
            black_box((way.run)(black_box(operations)));
            times.push(begin.elapsed().as_nanos() as f64 / f64::from(operations));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}

/// Random numbers that are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn both_ways_do_the_same() {
        for part in &PARTS {
            for operations in [1, 2, 999, 10_000] {
                let [simple, ours] = [&part.simple, &part.ours].map(|way| (way.run)(operations));
                assert_eq!(simple, ours, "{}, {operations} operations", part.name);
                assert!(simple > 0, "{}", part.name);
            }
        }
    }

    /// A quotation begins with "From `path`:", and is a block of lines, of which some may be left out, as `…`.
    #[test]
    fn what_is_quoted_of_ayi_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join("examples/models/src/parts");
        let mut quoted = 0;
        for file in fs::read_dir(folder).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let lines: Vec<&str> =
                text.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
            for (index, line) in lines.iter().enumerate() {
                let Some(path) = line.strip_prefix("From `").and_then(|rest| rest.strip_suffix("`:")) else {
                    continue;
                };
                let source =
                    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
                let source: Vec<&str> =
                    source.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let quotation = lines[index + 1..].iter().skip_while(|line| **line != "```text").skip(1);
                let quotation: Vec<&str> = quotation.copied().take_while(|line| *line != "```").collect();
                assert!(!quotation.is_empty(), "{path}");
                for piece in quotation.split(|line| *line == "…") {
                    let is_there = source.windows(piece.len()).any(|window| window == piece);
                    assert!(is_there, "not in {path}: {piece:#?}");
                }
                quoted += 1;
            }
        }
        assert!(quoted >= PARTS.len(), "{quoted}");
    }
}
