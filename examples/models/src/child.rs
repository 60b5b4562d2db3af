//! A rung that serves in a process of its own, so that its CPU time, its memory and its threads are only its own.

use crate::report::Report;
use crate::rungs::Rung;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a server may take for a line that is due, or to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// When this is dropped, the process ends: it is killed, if it has not ended by then.
pub struct Child {
    process: process::Child,
    /// It is closed to let the process end.
    commands: Option<ChildStdin>,
    /// What it prints, through a thread, so that waiting for it can be limited.
    lines: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    pub address: SocketAddr,
}

impl Child {
    fn start(rung: &Rung, watched: Option<&Path>) -> io::Result<Child> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", rung.name, "127.0.0.1:0", "--controlled"])
            .args(watched.into_iter().flat_map(|file| [OsStr::new("--watched"), file.as_os_str()]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let commands = process.stdin.take();
        let stdout = process.stdout.take().expect("it is piped");
        let mut stderr = process.stderr.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let printed = BufReader::new(stdout).lines().map_while(Result::ok);
            printed.map_while(|line| sender.send(line).ok()).for_each(drop);
        });
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).trim().into()
        });
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut child = Child { process, commands, lines, complaints: Some(complaints), address: nowhere };
        let started = child.line().and_then(|line| {
            let address = line.rsplit(' ').next().and_then(|word| word.parse().ok());
            address.ok_or_else(|| io::Error::other(format!("it says no address but {line:?}")))
        });
        match started {
            Ok(address) => child.address = address,
            Err(error) => return Err(child.explain(error)),
        }
        Ok(child)
    }

    /// Does something with a rung that serves. If that fails, or the server does, the error says why.
    pub fn with<T>(rung: &Rung, action: impl FnOnce(&mut Child) -> io::Result<T>) -> io::Result<T> {
        Child::watched(rung, None, action)
    }

    /// Does the same with a server that writes its system calls between [`Child::begin`] and [`Child::end`] into a file.
    pub fn watched<T>(
        rung: &Rung,
        file: Option<&Path>,
        action: impl FnOnce(&mut Child) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut child = Child::start(rung, file)?;
        let result = action(&mut child).and_then(|result| child.stop().map(|()| result));
        result.map_err(|error| child.explain(error))
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn report(&mut self) -> io::Result<Report> {
        self.command("report")?;
        self.line()?.parse()
    }

    /// Begins to watch, and returns how many system calls the server has made before.
    pub fn begin(&mut self) -> io::Result<u64> {
        self.calls("begin")
    }

    /// Ends it, and returns how many it has made so far.
    pub fn end(&mut self) -> io::Result<u64> {
        self.calls("end")
    }

    fn calls(&mut self, word: &str) -> io::Result<u64> {
        self.command(word)?;
        let line = self.line()?;
        let number = line.strip_prefix("calls ").and_then(|number| number.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("no number of system calls but {line:?}")))
    }

    /// Makes the server stop, and the process end.
    fn stop(&mut self) -> io::Result<()> {
        self.command("stop")?;
        // This is its last report, which it prints when it has given everything back.
        self.line().map_err(|error| io::Error::other(format!("told to stop, {error}")))?;
        self.commands = None;
        match self.lines.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => {}
            _ => return Err(io::Error::other("it has stopped and does not end")),
        }
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) }
    }

    /// Makes an error that includes what the process itself has said about it, and ends the process.
    fn explain(mut self, error: io::Error) -> io::Error {
        self.kill();
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if complaints.is_empty() {
            error
        } else {
            io::Error::new(error.kind(), format!("{error} ({complaints})"))
        }
    }

    fn command(&mut self, word: &str) -> io::Result<()> {
        let commands = self.commands.as_mut().expect("open until it has stopped");
        writeln!(commands, "{word}").map_err(|_| io::Error::other("the server has ended"))
    }

    fn line(&mut self) -> io::Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => io::Error::other("the server says nothing"),
            RecvTimeoutError::Disconnected => io::Error::other("the server has ended"),
        })
    }

    fn kill(&mut self) {
        // Neither is an error if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
