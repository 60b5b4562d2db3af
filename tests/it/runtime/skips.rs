//! A skipped test says so in the output that people see.

use crate::support::{path_of_test, skipped};
use std::process::Command;

#[test]
fn a_test_that_is_skipped_says_so_although_it_passes() {
    if std::env::var_os("AYI_TEST_CHILD").is_some() {
        return skipped("nothing is missing");
    }
    let name = path_of_test(module_path!(), "a_test_that_is_skipped_says_so_although_it_passes");
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.args(["--exact", &name]).env("AYI_TEST_CHILD", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("is skipped: nothing is missing"), "{told}");
}
