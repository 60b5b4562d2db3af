//! Servers for tests. Each is started in a directory of its own, and ended with the test program, however that ends.

// Each test file is a program of its own, and uses only a part of this.
#![allow(dead_code)]

pub mod postgres;
pub mod redis;
mod server;

use ayi::runtime::Runtime;
use ayi::time::timeout;
pub use server::{PATIENCE, Server, free_port, skip};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

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
