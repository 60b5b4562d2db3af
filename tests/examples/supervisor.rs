//! The example that starts and restarts programs, seen from outside.

use crate::servers::run;

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    let cases: [(&[&str], &str); 8] = [
        (&[], "a program is missing after --"),
        (&["--"], "a program is missing after --"),
        (&["--", "true", "--"], "a program is missing after --"),
        (&["--", "--", "true"], "a program is missing after --"),
        (&["--max-restart", "1"], "invalid option '--max-restart'"),
        (&["--max-restarts"], "missing argument for option '--max-restarts'"),
        (
            &["--max-restarts", "few", "--", "true"],
            "cannot parse argument \"few\": invalid digit found in string",
        ),
        (
            &["--max-restarts", "-1", "--", "true"],
            "cannot parse argument \"-1\": invalid digit found in string",
        ),
    ];
    for (args, reason) in cases {
        let output = run("supervisor", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        let (what, usage) = errors.split_once("\n\n").unwrap();
        assert!(usage.starts_with("usage: supervisor "), "{usage}");
        assert_eq!(what, format!("supervisor: {reason}"), "{args:?}");
    }
}

#[test]
fn programs_are_restarted_ever_later_and_their_lines_are_labelled() {
    let script = "echo green; echo cold >&2; printf tea; exit 7";
    let args = ["--max-restarts", "2", "--", "sh", "-c", script, "--", "/no/such/kettle"];
    let output = run("supervisor", &args);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut runs = Vec::new();
    for lines in text.lines().collect::<Vec<_>>().chunks(2) {
        let label = lines[0].strip_suffix(": green").unwrap();
        assert!(label.starts_with("sh[") && label.ends_with(']'), "{label}");
        // The end of the output makes a line of what is not one.
        assert_eq!(lines[1], format!("{label}: tea"));
        runs.push(label);
    }
    assert_eq!(runs.len(), 3, "{text}");
    let errors = String::from_utf8(output.stderr).unwrap();
    let ends = ["restart in 100 ms", "restart in 200 ms", "restarted 2 times, that was it"];
    for (label, end) in runs.iter().zip(ends) {
        assert!(errors.contains(&format!("{label}: cold\n")), "{errors}");
        assert!(errors.contains(&format!("{label}: exit status: 7; {end}\n")), "{errors}");
        let missing =
            format!("cannot start \"/no/such/kettle\": No such file or directory (os error 2); {end}\n");
        assert!(errors.contains(&missing), "{errors}");
    }
}
