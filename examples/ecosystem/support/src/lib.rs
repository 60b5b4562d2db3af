//! What the tests share: a process for each, the threads in it, and servers that are started for them.

#[path = "../../../databases/tests/support/postgres.rs"]
pub mod postgres;
#[path = "../../../databases/tests/support/redis.rs"]
pub mod redis;
#[path = "../../../databases/tests/support/server.rs"]
mod server;

pub use server::{PATIENCE, Server};
use server::{free_port, skip};
use std::any::type_name;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::process::Command;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// Runs the test that calls this in a process of its own. The runtime is what `#[tokio::main]` makes: real tokio would
/// start a thread for each core.
///
/// # Panics
///
/// Panics if `body` does, or waits in vain.
pub fn alone<B: AsyncFnOnce()>(body: B) {
    if env::var_os("ECOSYSTEM_TEST_CHILD").is_some() {
        let body = async { timeout(PATIENCE, body()).await.expect("waits for what never comes") };
        return Runtime::new().unwrap().block_on(body);
    }
    // `web::the_test::{{closure}}`: the first is the crate.
    let path = type_name::<B>().split("::").skip(1);
    let test = path.take_while(|part| !part.starts_with('{')).collect::<Vec<_>>().join("::");
    let mut child = Command::new("timeout");
    child.arg("120").arg(env::current_exe().unwrap()).env("ECOSYSTEM_TEST_CHILD", "1");
    let output = child.args(["--exact", &test, "--nocapture", "--test-threads=1"]).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.contains("1 passed"), "there is no test {test}");
}

/// Returns the names of the process's threads, in order, without the one that calls this and the main thread, which
/// waits for the test. Hidden runtimes would be among them.
pub fn threads() -> Vec<String> {
    let this = fs::read_link("/proc/thread-self").unwrap();
    let main = std::process::id().to_string();
    let is_other = |id: &OsStr| Some(id) != this.file_name() && *id != *main;
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    let others = tasks.filter(|task| is_other(&task.file_name()));
    // A thread that has just ended has no name any more.
    let names = others.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let mut names: Vec<_> = names.map(|name| name.trim_end().to_owned()).collect();
    names.sort();
    names
}

/// What [`threads`] returns if nothing has a thread of its own.
pub const NONE: [&str; 0] = [];
