//! A program of Debian's that is a server, and runs until it is dropped. This knows no runtime: examples/ecosystem uses
//! it, too.

#[path = "../../../../tests/support/skipped.rs"]
mod skipped;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a busy machine. No test waits this long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A shell that starts a command. When no process holds the other end of its input any longer, it ends the command with
/// the signal `$2` and removes the directory `$1`. That end is closed even if this process is killed.
const KEEPER: &str = r#"folder=$1 signal=$2; shift 2; cd "$folder"; "$@" >log 2>&1 </dev/null & server=$!
read -r line; kill -s "$signal" "$server"; wait "$server"; rm -rf "$folder""#;

/// A running server.
pub struct Server {
    pub folder: PathBuf,
    pub port: u16,
    keeper: Child,
    /// It is held, and never written to.
    end: Option<ChildStdin>,
}

impl Server {
    /// Starts `command`, as the user that `shell` makes a shell for. It runs in `folder`, which is removed in the end.
    pub fn start(mut shell: Command, folder: PathBuf, port: u16, signal: &str, command: &[String]) -> Server {
        shell.args(["-c", KEEPER, "keeper"]).arg(&folder).arg(signal).args(command);
        // Its output goes to a file: otherwise it would keep the pipes of this process open.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut keeper = shell.spawn().unwrap();
        let end = keeper.stdin.take();
        Server { folder, port, keeper, end }
    }

    /// Waits until `answers` returns true. Returns false if the server has ended, for example because another process
    /// took its port.
    pub fn wait_until(&mut self, mut answers: impl FnMut() -> bool) -> bool {
        let start = Instant::now();
        while !answers() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if log.contains("could not bind") || log.contains("Address already in use") {
                return false;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not answer: {log}");
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Ends it now.
    pub fn stop(&mut self) {
        drop(self.end.take());
        let _ = self.keeper.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Another process could take it at once. The server does not start then, and another port is tried.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Reports that a test is skipped, because a program is missing. In CI that is an error.
pub fn skip(program: &str, package: &str) {
    assert!(std::env::var_os("CI").is_none(), "{program} is missing: install Debian's package {package}");
    skipped::skipped(format_args!("there is no {program}"));
}
