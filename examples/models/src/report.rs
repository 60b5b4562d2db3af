//! What a server reports about itself: one line, for the program that has started it.

use crate::{count, sys};
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// CPU time of the process so far.
    pub cpu: Duration,
    /// System calls so far, counted in [`count`].
    pub syscalls: u64,
    /// Threads now, without the one that waits for commands.
    pub threads: usize,
    /// Open descriptors now.
    pub fds: usize,
    /// Resident memory now, in bytes.
    pub memory: u64,
}

impl Report {
    pub fn now() -> io::Result<Report> {
        // This comes first, because the rest makes system calls of its own.
        let (cpu, syscalls) = (sys::cpu_time(), count::counted());
        let status = std::fs::read_to_string("/proc/self/status")?;
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
        };
        // The folder itself is open while it is read.
        let fds = std::fs::read_dir("/proc/self/fd")?.count() - 1;
        let threads = (number("Threads:") as usize).saturating_sub(1);
        Ok(Report { cpu, syscalls, threads, fds, memory: number("VmRSS:") * 1024 })
    }
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
