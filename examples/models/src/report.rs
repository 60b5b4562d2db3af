//! What a server reports about itself: one line, for the program that has started it.

use crate::{sys, watched};
use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// CPU time of the process so far, and of its children.
    pub cpu: Duration,
    /// System calls so far, counted in `count`, but for those of threads that serve who watches.
    pub syscalls: u64,
    /// Threads now, without the one that waits for commands. A child counts as one.
    pub threads: usize,
    /// Open descriptors now. Those of children are not among them.
    pub fds: usize,
    /// Resident memory now, in bytes, with what children do not share with others.
    pub memory: u64,
}

impl Report {
    pub fn now() -> io::Result<Report> {
        // The calls of the thread that reports are not among them: it has looked away.
        let (cpu, syscalls) = (sys::cpu_time() + sys::cpu_time_of_reaped(), watched::made());
        let children = children_of(std::process::id());
        let cpu = cpu + children.iter().copied().map(cpu_time_of).sum::<Duration>();
        let status = Status::of("self")?;
        // The folder itself is open while it is read.
        let fds = fs::read_dir("/proc/self/fd")?.count() - 1;
        let threads = (status.number("Threads:") as usize).saturating_sub(1) + children.len();
        let memory =
            status.number("VmRSS:") * 1024 + children.into_iter().map(private_memory_of).sum::<u64>();
        Ok(Report { cpu, syscalls, threads, fds, memory })
    }

    /// Returns what can be seen of another process from outside: its system calls cannot.
    pub fn of(process: u32) -> io::Result<Report> {
        let status = Status::of(&process.to_string())?;
        let fds = fs::read_dir(format!("/proc/{process}/fd"))?.count();
        let (cpu, threads) = (cpu_time_of_all(process)?, status.number("Threads:") as usize);
        Ok(Report { cpu, syscalls: 0, threads, fds, memory: status.number("VmRSS:") * 1024 })
    }
}

/// What the kernel says of a process, a line for each fact.
struct Status(String);

impl Status {
    fn of(process: &str) -> io::Result<Status> {
        fs::read_to_string(format!("/proc/{process}/status")).map(Status)
    }

    fn number(&self, name: &str) -> u64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
    }
}

/// Returns the CPU time of a process and its children, which are not reaped yet.
pub fn cpu_time_of_all(process: u32) -> io::Result<Duration> {
    Ok(sys::cpu_time_of(process)? + children_of(process).into_iter().map(cpu_time_of).sum::<Duration>())
}

/// Returns the children of a process that its first thread has made.
fn children_of(process: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// One that has ended meanwhile has none.
fn cpu_time_of(process: u32) -> Duration {
    sys::cpu_time_of(process).unwrap_or_default()
}

/// Returns the bytes of resident memory that no other process has.
fn private_memory_of(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let private = text.lines().filter(|line| line.starts_with("Private_"));
    private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>() * 1024
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { cpu, syscalls, threads, fds, memory } = self;
        write!(f, "cpu_ns {} syscalls {syscalls} threads {threads} fds {fds} memory {memory}", cpu.as_nanos())
    }
}

impl FromStr for Report {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<Report> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |name: &str| -> io::Result<u64> {
            let pair = words.chunks_exact(2).find(|pair| pair[0] == name);
            let value = pair.and_then(|pair| pair[1].parse().ok());
            value.ok_or_else(|| {
                io::Error::other(format!("no number `{name}` in the server's report: {line:?}"))
            })
        };
        Ok(Report {
            cpu: Duration::from_nanos(number("cpu_ns")?),
            syscalls: number("syscalls")?,
            threads: number("threads")? as usize,
            fds: number("fds")? as usize,
            memory: number("memory")?,
        })
    }
}
