//! What the page `ayi::production` names exists, and systemd accepts its unit.

use crate::servers::{path_of, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../src/production.md");

/// Returns the first block of the page in this language.
fn block(language: &str) -> &'static str {
    let start = format!("```{language}\n");
    PAGE.split(&start).nth(1).and_then(|rest| rest.split("\n```").next()).expect("the page has one")
}

/// Returns the value of a setting in the unit.
fn setting(name: &str) -> &'static str {
    let mut lines = block("ini").lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_else(|| panic!("no {name}"))
}

/// Returns all words of the page that begin like this, up to the letters that such names cannot have.
fn words(begin: &str, also: &str) -> BTreeSet<&'static str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    PAGE.match_indices(begin)
        .filter(|(at, _)| !PAGE[..*at].ends_with(is_part))
        .map(|(at, _)| PAGE[at..].split(|c| !is_part(c)).next().unwrap().trim_end_matches('.'))
        .collect()
}

#[test]
fn the_options_of_the_examples_exist() {
    let usage = String::from_utf8(run("http", &["--help"]).stdout).unwrap();
    let redis = include_str!("../../examples/mini_redis/src/args.rs");
    let options = words("--", "-");
    let named = options.iter().filter(|option| option.len() > 2 && **option != "--release");
    let named: Vec<_> = named.filter(|option| !option.starts_with("---")).collect();
    assert!(named.len() >= 7, "only {named:?} were found");
    for option in named {
        assert!(usage.contains(option) || redis.contains(option), "there is no option {option}");
    }
}

#[test]
fn the_settings_of_the_kernel_exist() {
    let names: BTreeSet<_> =
        ["net.core.", "net.ipv4.", "fs."].into_iter().flat_map(|begin| words(begin, "._-")).collect();
    assert!(names.len() >= 8, "only {names:?} were found");
    for name in names {
        let file = Path::new("/proc/sys").join(name.replace('.', "/"));
        assert!(file.exists(), "there is no setting {name}");
    }
}

#[test]
fn the_times_and_limits_of_the_unit_fit_together() {
    let command = setting("ExecStart");
    let option = |name: &str| -> u64 {
        let mut words = command.split(' ');
        words
            .find(|word| *word == name)
            .and_then(|_| words.next())
            .and_then(|value| value.parse().ok())
            .unwrap()
    };
    let patience = 1_000 * setting("TimeoutStopSec").parse::<u64>().unwrap();
    assert!(option("--drain-delay") + option("--stop-timeout") < patience);
    assert!(setting("LimitNOFILE").parse::<u64>().unwrap() >= option("--max-connections") * 11 / 10);
}

#[test]
fn systemd_takes_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "systemd-analyze, of Debian's package systemd, is missing");
        return crate::support::skipped("there is no systemd-analyze, of Debian's package systemd");
    }
    let folder = std::env::temp_dir().join(format!("ayi-production-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let unit = folder.join("http.service");
    let program = path_of("http");
    fs::write(&unit, block("ini").replace("/usr/local/bin/http", program.to_str().unwrap())).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output();
    fs::remove_dir_all(&folder).unwrap();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    // It complains about other units of this machine, too.
    let ours: Vec<_> = errors.lines().filter(|line| line.contains("http.service")).collect();
    assert!(ours.is_empty(), "{errors}");
    assert!(output.status.success(), "{errors}");
}
