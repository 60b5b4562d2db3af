//! ARCHITECTURE.md and PROOFS.md tell the truth: which module uses which, and where the unsafe code is.
//!
//! The tests are apart from `tests/it` because they need nothing of ayi, and are compiled in a moment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Every Rust file below `folder`, with its path from the root.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn unsafe_is_only_where_the_list_says() {
    let section =
        page("PROOFS.md").split("## Unsafe").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let listed: BTreeSet<String> = section
        .lines()
        .filter_map(|line| line.strip_prefix("- `"))
        .map(|line| line.split('`').next().unwrap().to_owned())
        .collect();
    let is_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap();
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait"].iter().any(|word| code.contains(word))
    };
    let found: BTreeSet<String> = [
        "src",
        "runtime/src",
        "net/src",
        "fs/src",
        "process/src",
        "hyper/src",
        "serve/src",
        "macros/src",
        "faults/src",
        "examples",
    ]
    .into_iter()
    .flat_map(rust_files)
    .filter(|(name, text)| !name.ends_with("tests.rs") && text.lines().any(is_unsafe))
    .map(|(name, _)| name)
    .collect();
    assert_eq!(found, listed);
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let text = page("ARCHITECTURE.md");
    let order: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| line.split('`').nth(1).unwrap())
        .collect();
    assert!(order.len() > 10, "the table of layers was not found");
    // `time/wheel` before `time`: the first name that fits is the most exact one.
    let place = |path: &str| {
        order.iter().position(|module| path == *module || path.starts_with(&format!("{module}/")))
    };

    let mut checked = 0;
    for (name, text) in rust_files("runtime/src") {
        let path = name.strip_prefix("runtime/src/").unwrap().strip_suffix(".rs").unwrap();
        let Some(own) = place(path.strip_suffix("/mod").unwrap_or(path)) else {
            assert_eq!(path, "lib", "{name} is missing in the table of layers");
            continue;
        };
        // What is re-exported for users (`pub use`) is not used.
        for line in text.lines().filter(|line| line.starts_with("use crate::")) {
            let rest = line.trim_start_matches("use crate::");
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.trim_end_matches("};").split(", ").collect(),
                None => vec![rest.split("::").next().unwrap().trim_end_matches(';')],
            };
            for used in names {
                // Of `time`, the layers below use what is on their own layer: see the table.
                let theirs = if used == "time" { place("time/wheel") } else { place(used) };
                let theirs =
                    theirs.unwrap_or_else(|| panic!("{name}: {used} is missing in the table of layers"));
                assert!(theirs <= own, "{name} uses {used}, which stands after it");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} uses were found");
}

/// The files that a journey leads through exist, and so do the functions.
#[test]
fn the_journeys_lead_through_what_there_is() {
    let text = page("ARCHITECTURE.md");
    assert!(text.split_whitespace().count() < 3_000, "it is to be read in one go");
    let journeys = text.split("## A byte comes in").nth(1).unwrap().split("## Invariants").next().unwrap();
    let code: String = ["runtime/src", "net/src", "fs/src", "process/src"]
        .into_iter()
        .flat_map(rust_files)
        .map(|(_, text)| text)
        .collect();
    let mut checked = 0;
    for name in journeys.split('`').skip(1).step_by(2) {
        if name.ends_with(".rs") {
            let is_there = ["", "runtime/src/"].iter().any(|folder| root().join(folder).join(name).exists());
            assert!(is_there, "there is no {name}");
        } else if let Some((_, function)) = name.split_once("::").filter(|(_, name)| !name.contains(':')) {
            let is_function =
                code.contains(&format!("fn {function}(")) || code.contains(&format!("fn {function}<"));
            assert!(is_function || code.contains(&format!("    {function},")), "there is no {name}");
        } else {
            continue;
        }
        checked += 1;
    }
    assert!(checked > 30, "only {checked} names were found");
}

/// Of a package in a lock file: all versions.
fn locked(lock: &str, package: &str) -> Vec<String> {
    let name = format!("name = \"{package}\"");
    let version = |part: &str| Some(part.split("version = \"").nth(1)?.split('"').next()?.to_owned());
    lock.split("[[package]]")
        .filter(|part| part.lines().any(|line| line == name))
        .filter_map(version)
        .collect()
}

#[test]
fn what_ayi_works_with_is_what_is_built_and_tested() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let console = fs::read_to_string(root().join("examples/console/Cargo.lock")).unwrap();
    let features = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    let section =
        readme.split("## Works with").nth(1).unwrap().split("\nThe page").next().unwrap().to_owned();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').collect())
        .collect();
    assert!(rows.len() > 10, "the list was not found");
    for row in rows {
        let [_, crates, versions, feature, examples, _] = row[..] else { panic!("{row:?}") };
        let versions = versions.split(',').map(str::trim);
        // (What is in brackets are parts of a crate.)
        for (name, version) in quoted(crates.split('(').next().unwrap()).into_iter().zip(versions) {
            let lock = if examples.contains("examples/console") { &console } else { &lock };
            let locked = locked(lock, &name);
            let is_it = |locked: &String| locked.starts_with(&format!("{version}."));
            assert!(locked.iter().any(is_it), "{name} {version} is listed, {locked:?} is built");
        }
        for feature in quoted(feature) {
            assert!(features.contains(&format!("\n{feature} = [")), "there is no feature {feature}");
        }
        for example in quoted(examples) {
            assert!(root().join(&example).exists(), "{example} does not exist");
        }
    }
}
