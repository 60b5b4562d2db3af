//! A PostgreSQL for tests.

use super::{Server, free_port, skip};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Starts one, with a Unix socket in its directory and a port on the loopback. Returns `None` if it is not installed.
pub fn start() -> Option<Server> {
    start_on(None)
}

/// Starts another one where one was.
pub fn start_at(port: u16) -> Option<Server> {
    start_on(Some(port))
}

fn start_on(port: Option<u16>) -> Option<Server> {
    let Some(programs) = programs() else {
        skip("postgres", "postgresql");
        return None;
    };
    loop {
        let folder = make_cluster(&programs);
        let port = port.unwrap_or_else(free_port);
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let mut command = vec![path(&programs.join("postgres"))];
        // Without -F it would wait for the disk, and nobody needs what it stores.
        command.extend(
            ["-F", "-D", "data", "-h", "127.0.0.1", "-c", "max_connections=80", "-p"].map(String::from),
        );
        command.extend([port.to_string(), String::from("-k"), path(&folder)]);
        // QUIT: it ends at once, and only tells the connected clients.
        let mut server = Server::start(shell(), folder.clone(), port, "QUIT", &command);
        let is_ready = || {
            let mut ask = Command::new(programs.join("pg_isready"));
            ask.arg("-h").arg(&folder).arg("-p").arg(port.to_string()).stdout(Stdio::null());
            ask.status().unwrap().success()
        };
        if server.wait_until(is_ready) {
            return Some(server);
        }
    }
}

/// Has a client execute statements, in a process of its own.
pub fn psql(server: &Server, statements: &str) -> Child {
    let mut psql = Command::new(programs().expect("the server is there").join("psql"));
    psql.args(["-X", "-h", "127.0.0.1", "-U", "ayi", "-d", "postgres", "-p", &server.port.to_string()]);
    psql.args(["-c", statements]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Makes a directory with an empty database, owned by the user who will run the server.
fn make_cluster(programs: &Path) -> PathBuf {
    let script = r#"folder=$(mktemp -d /tmp/ayi-postgres-XXXXXX) && cd "$folder" && \
        "$1" -D data -U ayi -A trust -E UTF8 --no-locale --no-sync >&2 && echo "$folder""#;
    let made = shell().args(["-c", script, "initdb"]).arg(programs.join("initdb")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim_end())
}

/// Returns a shell. The server refuses to run as root.
fn shell() -> Command {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new("sh");
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", "sh"]);
    command
}

/// Debian keeps the programs out of PATH, in a directory for each version. Returns the newest one.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.map(|version| version.unwrap().path());
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(version)?;
    Some(newest.join("bin"))
}
