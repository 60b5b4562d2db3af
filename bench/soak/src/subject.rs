//! The server's process, seen from outside.

use crate::server::State;
use ayi::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use ayi::net::TcpStream;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::cell::Cell;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// When this is dropped, the process is killed.
pub struct Subject {
    process: Child,
    /// It is taken while a question is under way.
    door: Cell<Option<BufReader<TcpStream>>>,
    pub port: u16,
}

/// The state of the server.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    pub state: State,
    pub descriptors: u64,
    /// Resident, in bytes.
    pub memory: u64,
}

impl Subject {
    pub async fn start(part: usize) -> io::Result<Subject> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").args((part > 1).then_some("--quick"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        // From here on the process is killed if this is dropped.
        let mut subject = Subject { process, door: Cell::new(None), port: 0 };
        let mut line = String::new();
        let output = subject.process.stdout.take().expect("it is piped");
        io::BufReader::new(output).read_line(&mut line)?;
        let (port, door) = line
            .trim()
            .split_once(' ')
            .and_then(|(port, door)| Some((port.parse().ok()?, door.parse::<SocketAddr>().ok()?)))
            .ok_or_else(|| io::Error::other(format!("the server has not started: it says {line:?}")))?;
        subject.port = port;
        subject.door.set(Some(BufReader::new(TcpStream::connect(door).await?)));
        Ok(subject)
    }

    pub async fn health(&self) -> io::Result<Health> {
        let mut door = self.door.take().expect("one question at a time");
        door.get_mut().write_all(b"?").await?;
        let mut line = String::new();
        door.read_line(&mut line).await?;
        self.door.set(Some(door));
        let state = line.parse()?;
        let process = format!("/proc/{}", self.process.id());
        let pages = std::fs::read_to_string(format!("{process}/statm"))?;
        let pages: Option<u64> = pages.split(' ').nth(1).and_then(|word| word.parse().ok());
        let pages = pages.ok_or_else(|| io::Error::other("no number in statm"))?;
        let descriptors = std::fs::read_dir(format!("{process}/fd"))?.count() as u64;
        Ok(Health { state, descriptors, memory: pages * rustix::param::page_size() as u64 })
    }

    /// Sets how many descriptors it may have.
    pub fn allow_descriptors(&self, number: u64) -> io::Result<()> {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let limit = Rlimit { current: Some(number), maximum };
        prlimit(Some(Pid::from_child(&self.process)), Resource::Nofile, limit)?;
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Neither is an error if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
