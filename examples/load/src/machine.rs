//! What a measurement needs from the machine.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// Keeps this thread, and those it starts, on the first of the cores that it may use.
pub fn stay_on_first_core() -> io::Result<()> {
    stay_on_first_cores(1)
}

/// Does the same with so many of them.
pub fn stay_on_first_cores(number: usize) -> io::Result<()> {
    let chosen: Vec<usize> = allowed_cores()?.into_iter().take(number).collect();
    if chosen.len() < number {
        return Err(io::Error::other(format!("{number} cores are needed, there are {}", chosen.len())));
    }
    stay_on(&chosen)
}

/// Does the same with the last one. If there is only one, it is also the first.
pub fn stay_on_last_core() -> io::Result<()> {
    let cores = allowed_cores()?;
    stay_on(&cores[cores.len() - 1..])
}

/// There is at least one: this thread runs.
fn allowed_cores() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect())
}

fn stay_on(cores: &[usize]) -> io::Result<()> {
    let mut chosen = CpuSet::new();
    cores.iter().for_each(|&core| chosen.set(core));
    Ok(sched_setaffinity(None, &chosen)?)
}

/// Lets this process, and those it starts, have so many descriptors, if the administrator permits it.
pub fn allow_descriptors(number: u64) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` means that there is no limit.
    if let Some(permitted) = maximum.filter(|&permitted| permitted < number) {
        return Err(io::Error::other(format!(
            "{number} descriptors are needed, {permitted} permitted (ulimit -Hn)"
        )));
    }
    let current = current.map(|current| current.max(number));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}
