//! A server's process, seen from outside.

use crate::clients;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{self, Command, Stdio};
use std::time::Duration;

/// When this is dropped, the process is killed.
pub struct Child {
    process: process::Child,
    pub address: SocketAddr,
}

impl Child {
    /// Runs a program that prints, as the last word of its first line, the address on which it listens. It has the
    /// first core.
    pub fn run(command: &mut Command) -> io::Result<Child> {
        clients::in_thread(load::stay_on_first_core, || Child::run_here(command))
    }

    /// Does the same on the cores of the calling thread.
    pub fn run_here(command: &mut Command) -> io::Result<Child> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut line = String::new();
        let read = BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line);
        // From here on the process is killed if this is dropped.
        let mut child = Child { process, address: SocketAddr::from(([0; 4], 0)) };
        read?;
        let address = line.trim().rsplit(' ').next().and_then(|word| word.parse().ok());
        child.address =
            address.ok_or_else(|| io::Error::other(format!("{command:?} says no address: {line:?}")))?;
        Ok(child)
    }

    /// Returns how many descriptors each of its epolls watches, by the epoll's own (proc_pid_fdinfo(5)).
    pub fn watched(&self) -> io::Result<BTreeMap<OsString, usize>> {
        let mut watched = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{}/fdinfo", self.process.id()))? {
            let entry = entry?;
            // It may have been closed since.
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            watched.insert(entry.file_name(), text.lines().filter(|line| line.starts_with("tfd:")).count());
        }
        watched.retain(|_, watched| *watched > 0);
        Ok(watched)
    }

    /// Returns the CPU time of all its threads, exact while they sleep (proc_pid_schedstat(5)).
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut sum = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
            sum += Duration::from_nanos(nanos.ok_or_else(|| io::Error::other("no number in schedstat"))?);
        }
        Ok(sum)
    }

    /// Ends the server, but not the tool that it runs under, which reports what it has counted.
    pub fn end(mut self) -> io::Result<()> {
        let own = self.process.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        // valgrind's process is the server's.
        let server = children.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(own as i32);
        if let Some(server) = Pid::from_raw(server) {
            kill_process(server, Signal::TERM)?;
        }
        self.process.wait().map(drop)
    }

    /// Returns its resident memory, in bytes.
    pub fn memory(&self) -> io::Result<u64> {
        memory_of(&self.process.id().to_string())
    }
}

/// Returns the resident memory of a process, in bytes.
pub fn memory_of(process: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/statm"))?;
    let pages: Option<u64> = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok(pages.ok_or_else(|| io::Error::other("no number in statm"))? * rustix::param::page_size() as u64)
}

impl Drop for Child {
    fn drop(&mut self) {
        // Neither is an error if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
