//! HAProxy, and what it reports about the servers.

use crate::server::Server;
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::UnixStream;
use ayi::process::{Child, Command};
use ayi::time::{Duration, sleep, timeout};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const CONFIG: &str = include_str!("haproxy.cfg");
/// The limit for what takes HAProxy a few hundred milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often HAProxy is asked about something that it does not report by itself.
const PAUSE: Duration = Duration::from_millis(10);

pub struct Balancer {
    directory: Directory,
    /// It is killed when this is dropped.
    _child: Child,
}

impl Balancer {
    /// Starts HAProxy, and returns when it has connected all servers with `address`.
    pub async fn start(address: SocketAddr, servers: &[Server]) -> io::Result<Balancer> {
        let directory = Directory::new()?;
        let lines = servers.iter().map(|server| format!("    server {} {}\n", server.name, server.address));
        let config = CONFIG
            .replace("{directory}", &directory.0.display().to_string())
            .replace("{address}", &address.to_string())
            .replace("{servers}\n", &lines.collect::<String>());
        let path = directory.0.join("haproxy.cfg");
        fs::write(&path, config)?;
        // It logs each check that changes something, like `main` in fewer words.
        let log = directory.0.join("haproxy.log");
        let balancer = Balancer { _child: run(&path, File::create(&log)?)?, directory };
        for server in servers {
            let waited = balancer.wait_for(server, "UP").await;
            waited.map_err(|error| io::Error::other(format!("{error}\n{}", read(&log))))?;
        }
        Ok(balancer)
    }

    /// Waits until HAProxy has seen that this server can (`UP`) or cannot (`DOWN`) be used.
    pub async fn wait_for(&self, server: &Server, status: &str) -> io::Result<()> {
        let waiting = async {
            // At first it does not answer.
            while !self.status_of(server).await.is_ok_and(|now| now == status) {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, waiting).await.map_err(|_| {
            let name = &server.name;
            io::Error::new(ErrorKind::TimedOut, format!("HAProxy does not see that {name} is {status}"))
        })
    }

    async fn status_of(&self, server: &Server) -> io::Result<String> {
        self.statistics(&server.name, "status").await
    }

    /// Returns how often it could not connect with a server, and tried again.
    pub async fn retries(&self) -> io::Result<String> {
        self.statistics("BACKEND", "wretr").await
    }

    /// Returns a value from the table that `show stat` prints, with commas between the columns.
    async fn statistics(&self, row: &str, column: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.directory.0.join("stats.sock")).await?;
        stream.write_all(b"show stat\n").await?;
        let mut table = String::new();
        stream.read_to_string(&mut table).await?;
        let mut rows = table.lines().map(|line| line.split(','));
        let column = rows.next().and_then(|mut names| names.position(|name| name == column));
        let row = rows.find(|values| values.clone().take(2).eq(["servers", row]));
        let value = row.zip(column).and_then(|(mut values, column)| values.nth(column));
        value.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no statistics: {table:?}")))
    }
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

fn run(config: &Path, log: File) -> io::Result<Child> {
    // Debian installs it where only root looks for programs.
    for program in ["haproxy", "/usr/sbin/haproxy"] {
        // -db: in the foreground, as one process.
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(config).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.try_clone()?);
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => return result,
        }
    }
    Err(io::Error::new(ErrorKind::NotFound, "there is no haproxy: install Debian's package `haproxy`"))
}

/// A temporary directory, which is removed when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Directory> {
        let path = std::env::temp_dir().join(format!("ayi-scale-out-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Directory(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
