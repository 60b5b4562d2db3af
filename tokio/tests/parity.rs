//! Every public item of tokio is here, by its name, or stands in `PARITY.md` with the reason why not.
//!
//! `items.txt` has tokio's items: see `.ci/parity`. A program that names them all is given to rustc, with the package that
//! Cargo has built for this test. What rustc does not find is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the `tokio` that Cargo has built from this folder: crates.io's has a library of the same name.
fn library() -> PathBuf {
    let built = env::current_exe().unwrap().parent().unwrap().to_owned();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let is_ours = |path: &PathBuf| {
        let sources = fs::read_to_string(path).unwrap_or_default();
        // Cargo writes the paths of a workspace's members relative to its root.
        sources.lines().any(|line| {
            line.ends_with("tokio/src/lib.rs:")
                && (line.starts_with("tokio/") || line.starts_with(&*ours.to_string_lossy()))
        })
    };
    let files = fs::read_dir(&built).unwrap().map(|file| file.unwrap().path());
    let lists = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("tokio-") && name.ends_with(".d") && is_ours(path)
    });
    let libraries = lists.map(|list| {
        built.join(format!("lib{}", list.file_name().unwrap().to_string_lossy())).with_extension("rlib")
    });
    let newest = libraries
        .filter(|path| path.exists())
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    newest.expect("Cargo has built tokio beside this test")
}

/// Compiles a program whose line `n` names the item `n`, and returns the lines with which something is wrong.
fn wrong_lines(name: &str, lines: &[String]) -> BTreeSet<usize> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("parity");
    fs::create_dir_all(&folder).unwrap();
    let source = folder.join(format!("{name}.rs"));
    fs::write(&source, lines.join("\n") + "\nfn main() {}\n").unwrap();
    let library = library();
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--emit=metadata", "--error-format=short", "--cap-lints=allow"])
        .arg(format!("--extern=tokio={}", library.display()))
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .arg("--out-dir")
        .arg(&folder)
        .arg(&source)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    // E0599: there is no such function. E0282, E0283 and E0284 only say that its generics are not known.
    let not_found = ["E0432", "E0433", "E0412", "E0576", "E0599", "E0405", "E0609", "E0560"];
    let lines = text.lines().filter(|line| not_found.iter().any(|error| line.contains(error)));
    lines.map(|line| line.split(':').nth(1).unwrap().parse::<usize>().unwrap() - 1).collect()
}

/// Returns the items of `items` that are missing. `name` makes a line that names one.
fn missing<'a>(kind: &str, items: &[&'a str], name: impl Fn(usize, &str) -> String) -> BTreeSet<&'a str> {
    let lines: Vec<_> = items.iter().enumerate().map(|(number, item)| name(number, item)).collect();
    wrong_lines(kind, &lines).into_iter().map(|line| items[line]).collect()
}

#[test]
fn what_is_missing_stands_on_the_page_with_a_reason() {
    let items = include_str!("../items.txt");
    let of_kind = |kind: &str| -> Vec<&str> {
        items
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(it, _)| *it == kind)
            .map(|(_, path)| path)
            .collect()
    };
    let imports = of_kind("use");
    let mut all = missing("imports", &imports, |n, path| format!("use {path} as _i{n};"));
    assert!(all.len() < imports.len() / 2, "nearly nothing is found: {all:?}");
    let gone = all.clone();
    let is_there = move |path: &&str| !gone.iter().any(|gone| path.starts_with(&format!("{gone}::")));
    for (kind, part) in [("trait_method", "trait_methods"), ("method", "methods")] {
        let (present, absent): (Vec<&str>, Vec<&str>) =
            of_kind(kind).into_iter().partition(|path| is_there(path));
        all.extend(absent);
        all.extend(missing(part, &present, |n, path| format!("fn _m{n}() {{ let _ = {path}; }}")));
    }
    let fields = of_kind("field");
    all.extend(missing("fields", &fields, |n, path| {
        let (parent, field) = path.rsplit_once("::").unwrap();
        format!("fn _f{n}(it: {parent}) {{ let _ = it.{field}; }}")
    }));

    let page = include_str!("../PARITY.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let reasons: BTreeMap<&str, &str> = rows.collect();
    let unexplained: Vec<_> = all.iter().filter(|path| !reasons.contains_key(*path)).collect();
    assert!(
        unexplained.is_empty(),
        "{} items are missing without a reason: {unexplained:#?}",
        unexplained.len()
    );
    let known: BTreeSet<&str> =
        items.lines().filter_map(|line| line.split_once(' ')).map(|(_, path)| path).collect();
    let stale: Vec<_> = reasons.keys().filter(|path| known.contains(*path) && !all.contains(*path)).collect();
    assert!(stale.is_empty(), "these are said to be missing, and are there: {stale:#?}");
    let count = known.len();
    assert!(
        all.len() * 100 <= count * 3,
        "{} of {count} items are missing, more than three in a hundred",
        all.len()
    );
    println!("{} of {count} items are missing", all.len());
}
