//! Runs a test with many seeds, on all cores, and makes the first failure small.

#[cfg(feature = "record")]
mod page;

use crate::failure::Outcome;
use crate::sim::Sim;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the faults of a failure may be made fewer.
const SHRINKING: Duration = Duration::from_secs(20);

/// How often a line tells how far the seeds are.
const PROGRESS: Duration = Duration::from_secs(2);

/// The largest number of a fault in AYI_SIM_WITHOUT.
const MOST_FAULTS: usize = 1_000_000;

/// So many of the first seeds are run twice, to see that the seed alone decides what happens.
const RUN_TWICE: u64 = 2;

/// What one run has come to.
struct Run {
    seed: u64,
    why: Option<String>,
    simulated: Duration,
    hash: u64,
    /// All that were drawn, and how each reads.
    faults: Vec<String>,
    is_spared: BTreeSet<usize>,
}

/// What a test is made of. `#[ayi::sim_test]` calls this.
#[doc(hidden)]
pub struct Test {
    pub name: &'static str,
    pub seeds: u64,
    pub body: fn(&Sim) -> Result<(), String>,
}

impl Test {
    /// Runs the test with all seeds, or with the one that AYI_SIM_SEED names.
    ///
    /// # Panics
    ///
    /// Panics if a run fails.
    #[track_caller]
    pub fn run(&self) {
        let one = number("AYI_SIM_SEED");
        self.warm_up(one.unwrap_or(0));
        if let Some(seed) = one {
            let run = self.run_one(seed, &spared());
            eprintln!("seed {seed}: {:.6} s, hash {:016x}", run.simulated.as_secs_f64(), run.hash);
            if let Some(why) = &run.why {
                panic!("{why}\n{}{}", describe(&run), self.page(&run));
            }
            return;
        }
        let seeds = number("AYI_SIM_SEEDS").unwrap_or(self.seeds);
        if let Some(failed) = self.run_all(seeds) {
            let small = self.shrink(failed);
            panic!("{}", self.tell(&small));
        }
    }

    /// Runs the test once for nothing, so that what a process does once is done: statics that are made at their first use.
    fn warm_up(&self, seed: u64) {
        silence_quiet_threads();
        self.run_one_as(seed, &spared(), true);
    }

    fn run_all(&self, seeds: u64) -> Option<Run> {
        let shared = Shared {
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            simulated: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            failed: Mutex::new(None),
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let start = Instant::now();
        thread::scope(|scope| {
            let working: Vec<_> = (0..workers).map(|_| scope.spawn(|| self.work(&shared, seeds))).collect();
            let mut told = start;
            while working.iter().any(|worker| !worker.is_finished()) {
                thread::sleep(Duration::from_millis(5));
                if told.elapsed() > PROGRESS {
                    told = Instant::now();
                    shared.tell(self.name, seeds, start.elapsed());
                }
            }
        });
        lock(&shared.failed).take()
    }

    fn work(&self, shared: &Shared, seeds: u64) {
        while !shared.is_over.load(Relaxed) {
            let seed = shared.next.fetch_add(1, Relaxed);
            if seed >= seeds {
                return;
            }
            let mut run = self.run_one(seed, &BTreeSet::new());
            if seed < RUN_TWICE && run.why.is_none() {
                let again = self.run_one(seed, &BTreeSet::new());
                if again.hash != run.hash {
                    run.why = Some(differs(&run, &again));
                }
            }
            shared.done.fetch_add(1, Relaxed);
            shared.simulated.fetch_add(run.simulated.as_micros() as u64, Relaxed);
            if run.why.is_some() {
                shared.is_over.store(true, Relaxed);
                let mut failed = lock(&shared.failed);
                // Of those that fail at the same time, the first one is told: so it does not depend on the machine.
                if failed.as_ref().is_none_or(|other| run.seed < other.seed) {
                    *failed = Some(run);
                }
            }
        }
    }

    /// Runs the test with one seed, on a thread of its own: std draws the keys of hash maps once a thread.
    fn run_one(&self, seed: u64, is_spared: &BTreeSet<usize>) -> Run {
        self.run_one_as(seed, is_spared, false)
    }

    fn run_one_as(&self, seed: u64, is_spared: &BTreeSet<usize>, is_quiet: bool) -> Run {
        let body = self.body;
        let spared = is_spared.clone();
        let runs = thread::Builder::new().name(format!("{} seed {seed}", self.name)).spawn(move || {
            IS_QUIET.set(is_quiet);
            let sim = Sim::new(seed);
            run_on(&sim, body, spared)
        });
        let run = runs.expect("a thread can be started").join();
        run.unwrap_or_else(|panic| Run {
            seed,
            why: Some(format!("the simulation panicked: {}", crate::machine::message_of(&*panic))),
            simulated: Duration::ZERO,
            hash: 0,
            faults: Vec::new(),
            is_spared: is_spared.clone(),
        })
    }

    /// Leaves out faults for as long as the run still fails without them: first half of them at once, then fewer.
    fn shrink(&self, failed: Run) -> Run {
        let start = Instant::now();
        let mut best = failed;
        let mut step = best.faults.len().div_ceil(2);
        while step > 0 && start.elapsed() < SHRINKING {
            let mut has_changed = false;
            let mut at = 0;
            while start.elapsed() < SHRINKING {
                let kept: Vec<usize> =
                    (0..best.faults.len()).filter(|n| !best.is_spared.contains(n)).collect();
                if at >= kept.len() {
                    break;
                }
                let without = kept.iter().skip(at).take(step).copied();
                let spared: BTreeSet<usize> = best.is_spared.iter().copied().chain(without).collect();
                let run = self.run_one_as(best.seed, &spared, true);
                if run.why.is_some() {
                    (best, has_changed) = (run, true);
                } else {
                    at += step;
                }
            }
            if !has_changed || step > 1 {
                step /= 2;
            }
        }
        best
    }

    /// The name without that of the crate.
    fn short_name(&self) -> &'static str {
        self.name.split_once("::").map_or(self.name, |(_, name)| name)
    }

    /// Without the feature `record` there is no page.
    #[cfg(not(feature = "record"))]
    fn page(&self, _: &Run) -> &'static str {
        ""
    }

    fn tell(&self, run: &Run) -> String {
        let why = run.why.as_deref().unwrap_or_default();
        let mut text = format!("{why}\n{}{}", describe(run), self.page(run));
        let name = self.short_name();
        let spared = match run.is_spared.is_empty() {
            true => String::new(),
            false => format!(" AYI_SIM_WITHOUT={}", ranges(&run.is_spared)),
        };
        let release = if cfg!(debug_assertions) { "" } else { " --release" };
        let package =
            std::env::var("CARGO_PKG_NAME").map_or(String::new(), |package| format!(" -p {package}"));
        let _ = write!(
            text,
            "repeat it: AYI_SIM_SEED={}{spared} cargo test{release}{package} {name} -- --exact --nocapture",
            run.seed
        );
        text
    }
}

/// Runs a test with a simulation that is new.
fn run_on(sim: &Sim, body: fn(&Sim) -> Result<(), String>, is_spared: BTreeSet<usize>) -> Run {
    *sim.0.is_spared.borrow_mut() = is_spared.clone();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(sim)));
    let why = match result {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(panic) => Some(format!("the test panicked: {}", crate::machine::message_of(&*panic))),
    };
    let faults = sim.0.faults.borrow().clone();
    Run { seed: sim.seed(), why, simulated: sim.elapsed(), hash: sim.hash(), faults, is_spared }
}

/// What is told if two runs with one seed differ.
fn differs(run: &Run, again: &Run) -> String {
    format!(
        "two runs with seed {} differ, in one process: {:?} with hash {:016x}, and {:?} with hash {:016x}; something in it \
         depends on what the seed does not decide, such as a static that the first run has changed, an address in \
         memory, or a hash map whose keys are drawn once for the process",
        run.seed, run.simulated, run.hash, again.simulated, again.hash
    )
}

thread_local! {
    /// The thread repeats a run that is known to fail.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Has the panics of runs that are repeated say nothing: the first one has been told.
fn silence_quiet_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                before(panic);
            }
        }));
    });
}

struct Shared {
    next: AtomicU64,
    done: AtomicU64,
    /// In microseconds.
    simulated: AtomicU64,
    is_over: AtomicBool,
    failed: Mutex<Option<Run>>,
}

impl Shared {
    fn tell(&self, name: &str, seeds: u64, took: Duration) {
        let speed = self.simulated.load(Relaxed) as f64 / 1e6 / took.as_secs_f64();
        let done = self.done.load(Relaxed);
        // Written to stderr itself, since the test harness keeps what `eprintln!` writes.
        let _ = writeln!(std::io::stderr(), "{name}: {done} of {seeds} seeds, {speed:.0} times real time");
    }
}

/// The faults of a run, as lines.
fn describe(run: &Run) -> String {
    let kept: Vec<&String> = run
        .faults
        .iter()
        .enumerate()
        .filter(|(at, _)| !run.is_spared.contains(at))
        .map(|(_, it)| it)
        .collect();
    let mut text = match (kept.len(), run.faults.len()) {
        (_, 0) => "no faults were drawn\n".to_owned(),
        (kept, all) if kept == all => format!("with these {all} faults:\n"),
        (kept, all) => format!("with {kept} of its {all} faults:\n"),
    };
    for fault in kept {
        let _ = writeln!(text, "  {fault}");
    }
    text
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{name} is {text:?}, where a number is expected"),
    }
}

/// The numbers of the faults that AYI_SIM_WITHOUT leaves out.
fn spared() -> BTreeSet<usize> {
    parse_ranges(&std::env::var("AYI_SIM_WITHOUT").unwrap_or_default())
}

fn parse_ranges(text: &str) -> BTreeSet<usize> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .flat_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.parse(), last.parse()) {
                // None has a number as large as that.
                (Ok(first), Ok(last)) if first <= last && last <= MOST_FAULTS => first..=last,
                _ => panic!("AYI_SIM_WITHOUT is {text:?}, where numbers and ranges are expected: 1,4-7"),
            }
        })
        .collect()
}

/// Numbers, as AYI_SIM_WITHOUT has them: 1,4-7.
fn ranges(numbers: &BTreeSet<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let mut text = String::new();
    for (first, last) in ranges {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = match first == last {
            true => write!(text, "{comma}{first}"),
            false => write!(text, "{comma}{first}-{last}"),
        };
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Turns what a test returns into an error's text.
#[doc(hidden)]
pub fn outcome(outcome: impl Outcome) -> Result<(), String> {
    outcome.into_result()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_are_left_out_are_written_as_they_are_read() {
        for text in ["", "0", "1,4-7", "0-1,3,5-1000000"] {
            assert_eq!(ranges(&parse_ranges(text)), text);
        }
        assert_eq!(ranges(&parse_ranges(" 3, 1,2,,1-2 ")), "1-3");
    }

    #[test]
    fn what_is_no_number_or_range_is_refused() {
        for text in ["all", "1-", "-1", "7-4", "0-1000001", "1;2"] {
            assert!(std::panic::catch_unwind(|| parse_ranges(text)).is_err(), "{text}");
        }
    }
}
