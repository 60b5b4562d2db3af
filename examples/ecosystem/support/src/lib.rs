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
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::time::timeout;

/// The environment variable that says to the process of a test which runtime it has.
const RUNTIME: &str = "ECOSYSTEM_TEST_RUNTIME";

/// Runs the test that calls this in two processes of its own. In the first, the runtime has one thread; in the second, it is
/// what `#[tokio::main]` makes, with two workers.
///
/// # Panics
///
/// Panics if `body` does, or waits in vain.
pub fn alone<B: AsyncFnOnce()>(body: B) {
    if let Some(runtime) = env::var_os(RUNTIME) {
        let body = async { timeout(PATIENCE, body()).await.expect("waits for what never comes") };
        let runtime = match runtime.to_str() {
            Some("current_thread") => Builder::new_current_thread().enable_all().build(),
            _ => Runtime::new(),
        };
        return runtime.unwrap().block_on(body);
    }
    // `web::the_test::{{closure}}`: the first is the crate.
    let path = type_name::<B>().split("::").skip(1);
    let test = path.take_while(|part| !part.starts_with('{')).collect::<Vec<_>>().join("::");
    for runtime in ["current_thread", "multi_thread"] {
        let mut child = Command::new("timeout");
        child
            .arg("120")
            .arg(env::current_exe().unwrap())
            .env(RUNTIME, runtime)
            .env("TOKIO_WORKER_THREADS", "2");
        let output = child.args(["--exact", &test, "--nocapture", "--test-threads=1"]).output().unwrap();
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{runtime}: {}\n{text}\n{errors}", output.status);
        assert!(text.contains("1 passed"), "there is no test {test}");
    }
}

/// Whether all tasks run on the thread that calls this.
pub fn has_one_thread() -> bool {
    Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread
}

/// Returns the names of the process's threads, in order, without the one that calls this, the main thread, which waits for
/// the test, and the workers of the runtime. Hidden runtimes would be among them.
pub fn threads() -> Vec<String> {
    let this = fs::read_link("/proc/thread-self").unwrap();
    let main = std::process::id().to_string();
    let is_other = |id: &OsStr| Some(id) != this.file_name() && *id != *main;
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    let others = tasks.filter(|task| is_other(&task.file_name()));
    // A thread that has just ended has no name any more.
    let names = others.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let names = names.map(|name| name.trim_end().to_owned());
    let (workers, mut names): (Vec<_>, Vec<_>) = names.partition(|name| name == "ayi-runtime");
    assert_eq!(workers.len(), if has_one_thread() { 0 } else { 2 });
    names.sort();
    names
}

/// What [`threads`] returns if nothing has a thread of its own.
pub const NONE: [&str; 0] = [];
