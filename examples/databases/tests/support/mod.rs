//! Servers for tests. Each is started in a directory of its own, and ended with the test program, however that ends.

// Each test file is a program of its own, and uses only a part of this.
#![allow(dead_code)]

pub mod postgres;
pub mod redis;

#[path = "../../../../tests/support/skipped.rs"]
mod skipped;

use ayi::runtime::Runtime;
use ayi::time::timeout;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
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

/// Runs `body` in a runtime of its own. It fails if it waits in vain, and the process ends if it never returns.
pub fn run<T>(body: impl AsyncFnOnce() -> T) -> T {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (_end, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        if ended.recv_timeout(2 * PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // The test harness would keep the output of `eprintln!`.
            let _ = writeln!(io::stderr(), "{name} hangs");
            std::process::abort();
        }
    });
    let body = async { timeout(PATIENCE, body()).await.expect("waits for what never comes") };
    Runtime::new().unwrap().block_on(body)
}

/// Returns what an example prints. The example has to succeed.
pub fn output(example: &str, argument: &str) -> String {
    let mut command = Command::new("timeout");
    let output = command.args(["60", example, argument]).stdin(Stdio::null()).output().unwrap();
    let Output { status, stdout, stderr } = output;
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Returns the names of this process's threads, and their numbers.
pub fn threads() -> BTreeSet<String> {
    let name = |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    tasks.map(|task| format!("{} {:?}", name(&task).trim(), task.file_name())).collect()
}

/// Runs the test `name` alone, in a process of its own. Returns true in that process, and false in this one once that
/// process has succeeded.
pub fn in_a_child(name: &str) -> bool {
    if std::env::var_os("AYI_TEST_CHILD").is_some() {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", name, "--nocapture"]).env("AYI_TEST_CHILD", "1").output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.contains("1 passed"), "there is no test {name}");
    false
}
