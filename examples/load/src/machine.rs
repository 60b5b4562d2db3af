//! What a measurement asks of the machine.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// Keeps this thread, and those it starts, on the first of the cores that it may use.
pub fn stay_on_first_core() -> io::Result<()> {
    stay_on(|cores| cores.next())
}

/// The same with the last one. (If there is only one, it is the first, too.)
pub fn stay_on_last_core() -> io::Result<()> {
    stay_on(|cores| cores.next_back())
}

fn stay_on(choose: fn(&mut dyn DoubleEndedIterator<Item = usize>) -> Option<usize>) -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let core = choose(&mut (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)));
    let mut chosen = CpuSet::new();
    chosen.set(core.expect("a thread that runs may use a core"));
    Ok(sched_setaffinity(None, &chosen)?)
}

/// Lets this process, and those it starts, have so many descriptors, if the administrator permits it.
pub fn allow_descriptors(number: u64) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // (None: there is no limit.)
    if let Some(permitted) = maximum.filter(|&permitted| permitted < number) {
        return Err(io::Error::other(format!(
            "{number} descriptors are needed, {permitted} permitted (ulimit -Hn)"
        )));
    }
    let current = current.map(|current| current.max(number));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}
