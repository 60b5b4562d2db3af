//! What the attributes accept (`pass/`), and what they answer to mistakes (`ui/`).
//!
//! Each mistake in `ui/` gives exactly one error. After a change of the texts, write them again with
//! `COMPILE_ERRORS=overwrite cargo test -p ayi-macros --test compile`, and read them.
//!
//! The programs are given to rustc directly, with the `ayi` that Cargo has built for these tests. A Cargo project of
//! their own would compile all dependencies anew.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Returns the programs in `folder`, which is not empty.
fn programs(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut programs: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    programs.sort();
    assert!(!programs.is_empty(), "{folder} has no programs");
    programs
}

/// Compiles `program`, with `options`. `ayi` may have been built several times, with other features: what Cargo built
/// last is up to date.
fn compile(program: &Path, options: &[&str]) -> Output {
    let test = env::current_exe().unwrap();
    let built = test.parent().unwrap();
    let is_ayi = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libayi-") && name.ends_with(".rlib")
    };
    let builds = fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path()).filter(is_ayi);
    let ayi = builds.max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    let ayi = ayi.expect("Cargo has built ayi beside this test");
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-name=program", "--diagnostic-width=140", "--verbose"])
        .args(options)
        .arg(format!("--extern=ayi={}", ayi.display()))
        .arg(format!("-Ldependency={}", built.display()))
        // With `--target`, Cargo puts the macros, which run on the host, elsewhere.
        .arg(format!("-Ldependency={}", built.join("../../../debug/deps").display()))
        .arg(program)
        .output()
        .unwrap()
}

/// Returns what rustc says of the mistakes, without its summary, and without the lines' numbers in files of ayi.
fn errors(output: &Output) -> String {
    // rustc gives the path of a trait if a crate in sight has another of its name, as `ayi` has with some features.
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.replace("`impl std::process::Termination`", "`impl Termination`");
    let summary = ["error: aborting due to ", "Some errors have detailed", "For more information about"];
    let lines = text.lines().filter(|line| !summary.iter().any(|start| line.starts_with(start)));
    let without_numbers = |line: &str| match line.split_once(".rs:") {
        Some((path, _)) if path.contains(" runtime/") => format!("{path}.rs"),
        _ => line.to_owned(),
    };
    lines.map(without_numbers).collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
}

#[test]
fn programs_compile_and_run() {
    let executable = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pass");
    let to_executable = format!("-o{}", executable.display());
    for program in programs("tests/pass") {
        let output = compile(&program, &[&to_executable]);
        assert!(output.status.success(), "{}:\n{}", program.display(), errors(&output));
        let output = Command::new(&executable).output().unwrap();
        assert!(output.status.success(), "{}: {output:?}", program.display());
    }
}

#[test]
fn mistakes_are_explained() {
    let overwrites = env::var_os("COMPILE_ERRORS").is_some_and(|value| value == "overwrite");
    let metadata = format!("--out-dir={}", env!("CARGO_TARGET_TMPDIR"));
    let mut changed = String::new();
    for program in programs("tests/ui") {
        let output = compile(&program, &["--emit=metadata", &metadata]);
        assert!(!output.status.success(), "{} compiles", program.display());
        let (expected, errors) = (program.with_extension("stderr"), errors(&output));
        if fs::read_to_string(&expected).is_ok_and(|text| text == errors) {
            continue;
        }
        if overwrites {
            fs::write(&expected, errors).unwrap();
        } else {
            changed +=
                &format!("\n{}, which is not what {} says:\n{errors}", program.display(), expected.display());
        }
    }
    assert!(changed.is_empty(), "{changed}");
}
