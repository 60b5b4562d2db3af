//! `examples/scale-out`: servers behind HAProxy, all replaced under load.
//!
//! It needs Debian's package `haproxy`. Without it the test is skipped, and says so. With the variable `CI` set it
//! fails.

use crate::servers::{has, path_of, run, run_within};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

/// Returns `None` without HAProxy, which Debian installs where only root looks for programs.
fn scale_out(args: &[&str]) -> Option<Output> {
    if !Path::new("/usr/sbin/haproxy").exists() && !has("haproxy") {
        return None;
    }
    let http = path_of("http");
    let args = [&["--http", http.to_str().unwrap()], args].concat();
    // It takes some six seconds, of which five are the servers' drain delay.
    Some(run_within(Duration::from_secs(60), "scale-out", &args))
}

#[test]
fn all_servers_are_replaced_twice_and_no_request_fails() {
    let Some(output) = scale_out(&["--servers", "2", "--clients", "8"]) else { return };
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}\n{errors}");
    for round in 1..=2 {
        for server in ["s1", "s2"] {
            for event in ["is DOWN for HAProxy", "has ended well", "is UP for HAProxy"] {
                assert!(printed.contains(&format!("round {round}: {server} {event}")), "{printed}");
            }
        }
    }
    assert!(printed.contains(" answered, 0 failed\n") && !printed.contains(" 0 answered"), "{printed}");
}

#[test]
fn with_one_server_there_are_requests_that_fail_and_are_counted() {
    let Some(output) = scale_out(&["--servers", "1", "--rounds", "1", "--clients", "4"]) else { return };
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains(" failed\n") && !printed.contains(" 0 failed"), "{printed}");
}

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    for args in [&["--servers", "0"][..], &["--servers"], &["--rounds", "many"], &["now"]] {
        let output = run("scale-out", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() && errors.contains("\n\nusage: scale-out "), "{args:?}: {errors}");
    }
}
