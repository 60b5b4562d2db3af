//! What users read if the kernel refuses the runtime.

use std::fs::File;
use std::process::Command;

const CHILD: &str = "AYI_TEST_OUT_OF_DESCRIPTORS";

#[ayi::main]
async fn never_runs() {
    unreachable!("there is no descriptor for the runtime");
}

/// The test runs itself in a process of its own, where it may use up all descriptors.
#[test]
fn says_what_the_kernel_refused() {
    if std::env::var_os(CHILD).is_some() {
        let _open: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        return never_runs();
    }

    let output = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact says_what_the_kernel_refused --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("cannot create an ayi runtime: the kernel refused"), "{stderr}");
    assert!(stderr.contains("Too many open files"), "{stderr}");
}
