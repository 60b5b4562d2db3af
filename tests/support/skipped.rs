//! Tests that cannot be run everywhere.

use std::io::Write;

/// Reports that the current test is skipped, and why. The test harness would keep the output of `eprintln!` if the test
/// passes, so this goes to the process's own stderr.
pub fn skipped(why: impl std::fmt::Display) {
    let thread = std::thread::current();
    let _ =
        writeln!(std::io::stderr(), "test {} is skipped: {why}", thread.name().unwrap_or("of this program"));
}
