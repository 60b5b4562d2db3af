//! What all examples have in common: a usage, errors that say what is wrong, and a line in examples/README.md.

use crate::servers::path_of;
use crate::support::skipped;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Returns the examples that are one file or folder, and not a package.
fn single() -> BTreeSet<String> {
    let entries = fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let is_one =
        |path: &PathBuf| path.extension().is_some_and(|it| it == "rs") || path.join("main.rs").exists();
    entries.filter(is_one).map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Returns the programs of the packages that are in this workspace.
fn of_packages() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(examples()).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let is_workspace = manifest.contains("[workspace]");
        let name = manifest
            .lines()
            .find_map(|line| line.strip_prefix("name = \""))
            .map(|it| it.trim_end_matches('"'));
        if folder.join("src/main.rs").exists() && !is_workspace {
            found.insert(name.expect("a package has a name").to_owned());
        }
        let bins = manifest.split("[[bin]]").skip(1);
        let names = bins.filter_map(|bin| Some(bin.split("name = \"").nth(1)?.split('"').next()?.to_owned()));
        found.extend(names);
    }
    found
}

/// Runs a program, if it has been built. Those of packages are built with the whole workspace only.
fn run(name: &str, arg: &str) -> Option<Output> {
    let path = match single().contains(name) {
        true => path_of(name),
        // Beside the folder of the examples.
        false => path_of("hello").ancestors().nth(2).unwrap().join(name),
    };
    if !path.exists() {
        skipped(format!("{name} is not built: cargo test --workspace"));
        return None;
    }
    Some(Command::new(path).arg(arg).output().unwrap())
}

#[test]
fn all_examples_tell_how_they_are_used_and_what_is_wrong() {
    let mut all: BTreeSet<String> = single().union(&of_packages()).cloned().collect();
    assert!(all.len() >= 28, "{all:?}");
    // With sanitizers, only this package is built.
    if cfg!(uncached) {
        all = single();
    }
    for name in &all {
        let Some(help) = run(name, "--help") else { continue };
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(help.status.success() && help.stderr.is_empty(), "{name} --help");
        assert!(text.starts_with(&format!("usage: {name}")), "{name}: {text}");
        assert_eq!(run(name, "-h").unwrap().stdout, text.as_bytes(), "{name} -h");

        let wrong = run(name, "--no-such-option").unwrap();
        let errors = String::from_utf8(wrong.stderr).unwrap();
        assert_eq!(wrong.status.code(), Some(2), "{name}: {errors}");
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("{name}: ")), "{name}: {errors}");
        assert!(errors.contains(&format!("\n\n{text}")) && wrong.stdout.is_empty(), "{name}: {errors}");
        // The ladder's first word is a command.
        assert!(first.contains("--no-such-option") || ["models"].contains(&&**name), "{name}: {errors}");
    }
}

#[test]
fn each_example_has_its_line_with_a_command() {
    let page = fs::read_to_string(examples().join("README.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| [`"))
        .map(|line| line.split(" | ").collect())
        .collect();
    let named: BTreeSet<String> =
        rows.iter().map(|row| row[0].split('`').nth(1).unwrap().to_owned()).collect();
    let mut all: BTreeSet<String> = single().union(&of_packages()).cloned().collect();
    // A workspace of its own.
    all.insert("console".into());
    assert_eq!(named, all);
    for row in &rows {
        let (name, command) = (row[0].split('`').nth(1).unwrap(), row[2]);
        let runs = ["--example", "-p", "--bin"].iter().any(|how| command.contains(&format!("{how} {name}")));
        assert!(runs || command.contains(&format!("examples/{name} && cargo run")), "{name}: {command}");
        assert!(row[1].len() > 15, "{name} says nothing");
    }
}
