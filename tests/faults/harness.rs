//! Runs a scenario once for each seed, and checks whether it ended in an allowed way.

use crate::support::Watchdog;
use ayi::runtime::{Builder, RuntimeMetrics};
use ayi::task::yield_now;
use ayi::time::{Duration, Instant, timeout};
use ayi_faults::{Fault, Session};
use std::cell::RefCell;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Mutex;

/// The number of seeds without `AYI_FAULTS_SEEDS`: some seconds for each scenario.
const SEEDS: u64 = 60;

/// A fault in one of so many calls, by seed. With many faults the scenario does not get far; with few, all of it is
/// tried.
const ONE_IN: [u32; 6] = [4, 8, 16, 30, 60, 120];

/// Faults and descriptors belong to the whole process, so one scenario runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// How the parts of a scenario ended.
#[derive(Default)]
pub struct Outcome(RefCell<Vec<io::Error>>);

impl Outcome {
    pub fn is(&self, result: io::Result<()>) {
        self.0.borrow_mut().extend(result.err());
    }
}

/// Waits for `what`. If a fault that matters was put in, it waits only for a while: the fault may have removed what was
/// to come.
pub async fn unless_broken<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut what = pin!(what);
    loop {
        match timeout(Duration::from_millis(100), what.as_mut()).await {
            Ok(result) => break result,
            Err(_elapsed) if Session::faults().iter().any(|fault| fault.is_hard) => {
                break Err(ErrorKind::UnexpectedEof.into());
            }
            Err(_elapsed) => {}
        }
    }
}

/// Runs `scenario` once for each seed: for one if `AYI_FAULTS_SEED` says which, otherwise for as many as
/// `AYI_FAULTS_SEEDS` says.
pub fn repeat(name: &'static str, scenario: impl AsyncFn(&Outcome) -> io::Result<()>) {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect(variable));
    let seeds = match number("AYI_FAULTS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AYI_FAULTS_SEEDS").unwrap_or(SEEDS),
    };
    // Runtimes keep their bell for the next one.
    drop(Builder::new_current_thread().build().unwrap());
    for seed in seeds {
        let again = format!(
            "AYI_FAULTS_SEED={seed} RUSTFLAGS='--cfg faults' cargo test -p ayi --all-features --test faults {name}"
        );
        let _watchdog = Watchdog::telling(format!("it hangs; again by: {again}"));
        let before = descriptors();
        let one_in = ONE_IN[seed as usize % ONE_IN.len()];
        let session = Session::start(seed, one_in);
        let outcome = Outcome::default();
        let ended = catch_unwind(AssertUnwindSafe(|| once(seed, &outcome, &scenario)));
        let faults = Session::faults();
        drop(session);
        let verdict = match ended {
            Ok(ended) => judge(ended, &outcome, &faults),
            // The harness has printed it.
            Err(_panic) => Err("it panicked".into()),
        };
        let verdict = verdict.and_then(|()| match descriptors() {
            after if after == before => Ok(()),
            after => Err(format!("descriptors before: {before:?}, after: {after:?}")),
        });
        if let Err(why) = verdict {
            let list: String = faults.iter().map(|fault| format!("  {fault:?}\n")).collect();
            panic!("{why}\nfaults:\n{list}again by: {again}");
        }
    }
}

/// Returns the faults that `scenario` gets with a seed.
pub fn faults_of(seed: u64, scenario: impl AsyncFn(&Outcome) -> io::Result<()>) -> Vec<Fault> {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let _session = Session::start(seed, ONE_IN[1]);
    // `repeat` checks how it ends.
    let _ = once(seed, &Outcome::default(), &scenario);
    Session::faults()
}

/// Runs in a runtime of its own. At its end all counts are back at 0.
fn once(seed: u64, outcome: &Outcome, scenario: &impl AsyncFn(&Outcome) -> io::Result<()>) -> io::Result<()> {
    let rt = Builder::new_current_thread().io_uring(seed / 2 % 2 == 0).enable_all().build()?;
    let metrics = rt.metrics();
    let result = rt.block_on(async {
        let ended = timeout(Duration::from_secs(20), scenario(outcome)).await.expect("it waits in vain");
        // What was dropped on another thread is a message. A child that could not be watched has a task that reaps it.
        let end = Instant::now() + Duration::from_secs(5);
        while left(&metrics) != (0, 0, 0) {
            assert!(Instant::now() < end, "{:?}: tasks, timers, descriptors that are left", left(&metrics));
            yield_now().await;
        }
        ended
    });
    drop(rt);
    result
}

fn left(metrics: &RuntimeMetrics) -> (usize, usize, u64) {
    let registered = metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count();
    (metrics.num_alive_tasks(), metrics.num_timers(), registered)
}

/// Checks that every error was put in, or follows from one that was.
fn judge(ended: io::Result<()>, outcome: &Outcome, faults: &[Fault]) -> Result<(), String> {
    let follows = [
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionRefused,
        ErrorKind::UnexpectedEof,
        ErrorKind::NotConnected,
    ];
    let hard = || faults.iter().filter(|fault| fault.is_hard);
    for error in ended.err().iter().chain(&*outcome.0.borrow()) {
        let errno = raw_os_error(error);
        let text = error.to_string();
        let tells_of = |fault: &Fault| {
            Some(fault.errno) == errno
                || text.contains(&io::Error::from_raw_os_error(fault.errno).to_string())
        };
        let was_put_in = hard().any(tells_of);
        let follows = follows.contains(&error.kind()) && hard().next().is_some();
        if !was_put_in && !follows {
            return Err(format!("nobody has put in this error: {error:?}"));
        }
    }
    Ok(())
}

/// Returns the system's error, which may be the source of another.
fn raw_os_error(error: &io::Error) -> Option<i32> {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        match error.downcast_ref::<io::Error>() {
            Some(error) if error.raw_os_error().is_some() => return error.raw_os_error(),
            // Its `source` leaves out the error that is in it.
            Some(error) => source = error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => source = error.source(),
        }
    }
    None
}

/// Returns the open descriptors, by name: `/proc/self/fd`, see proc_pid_fd(5).
fn descriptors() -> Vec<String> {
    let list = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    // The list's own descriptor is closed by the time its name is asked for.
    let mut names: Vec<String> =
        list.filter_map(|path| Some(std::fs::read_link(path).ok()?.display().to_string())).collect();
    names.retain(|name| !name.ends_with("/fd"));
    names.sort();
    names
}

/// Returns a path for this process alone.
pub fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ayi-faults-{}-{name}", std::process::id()))
}
