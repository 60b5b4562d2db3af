//! One of the servers: `examples/http`, a process of its own.

use ayi::io::{AsyncBufReadExt, BufReader};
use ayi::process::{Child, Command};
use ayi::time::{Duration, timeout};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

/// This is longer than HAProxy takes to see that /health says 503: see `haproxy.cfg`.
const DRAIN_DELAY_MS: &str = "1000";
/// The limit for its start, and, after the drain delay, for its end.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Server {
    pub name: String,
    pub address: SocketAddr,
    program: PathBuf,
    /// It is killed if this is dropped, so nothing is left of us whatever happens.
    child: Child,
}

impl Server {
    /// Starts one, and returns when it listens.
    pub async fn start(name: String, address: SocketAddr, program: &Path) -> io::Result<Server> {
        let child = start(program, address).await?;
        Ok(Server { name, address, program: program.to_owned(), child })
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it has not been awaited")
    }

    /// Asks it to end, as an init system does.
    pub async fn terminate(&self) -> io::Result<()> {
        let kill =
            Command::new("sh").args(["-c", "kill -TERM $0"]).arg(self.id().to_string()).status().await?;
        if kill.success() { Ok(()) } else { Err(io::Error::other("kill has failed")) }
    }

    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        timeout(PATIENCE, self.child.wait()).await?
    }

    /// Starts a new one in the place of the one that has ended.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.child = start(&self.program, self.address).await?;
        Ok(())
    }
}

async fn start(program: &Path, address: SocketAddr) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.arg(address.to_string()).args(["--drain-delay", DRAIN_DELAY_MS]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    match timeout(PATIENCE, lines.next_line()).await? {
        Ok(Some(line)) if line.starts_with("listening on ") => Ok(child),
        line => Err(io::Error::other(format!("{} does not listen: {line:?}", program.display()))),
    }
}
