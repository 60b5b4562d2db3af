//! The cost of building with a runtime.

use crate::groups::{AYI, Figure, Rounds, Side, Size, TOKIO, Unit, Whom, Work};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs, process};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Name, dependency, and what is done with `async { println!("hello") }`. Each has what a server needs: sockets,
/// timers, macros.
const PROGRAMS: [(&str, &str, &str); 5] = [
    (AYI, "ayi = { path = \"{ROOT}\" }", "ayi::runtime::Runtime::new().unwrap().block_on"),
    (
        TOKIO,
        "tokio = { version = \"{VERSION}\", features = [\"io-util\", \"macros\", \"net\", \"rt\", \"time\"] }",
        "tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on",
    ),
    ("smol", "smol = \"{VERSION}\"", "smol::block_on"),
    (
        "monoio epoll",
        "monoio = \"{VERSION}\"",
        "monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().enable_timer().build().unwrap().block_on",
    ),
    (
        "compio",
        "compio = { version = \"{VERSION}\", features = [\"macros\", \"time\"] }",
        "compio::runtime::Runtime::new().unwrap().block_on",
    ),
];

/// A folder that is removed when this is dropped.
pub struct Folder(pub PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn cargo(folder: &Path, arguments: &[&str]) -> io::Result<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn build(runtime: &str, dependency: &str, block_on: &str) -> io::Result<Vec<f64>> {
    let name = runtime.split(' ').next().expect("it has a first word");
    let folder = Folder(env::temp_dir().join(format!("ayi-bench-{}-{name}", process::id())));
    let _ = fs::remove_dir_all(&folder.0);
    fs::create_dir_all(folder.0.join("src"))?;
    let version = crate::report::version(name).unwrap_or_default();
    let dependency = dependency.replace("{ROOT}", ROOT).replace("{VERSION}", &format!("={version}"));
    let manifest = "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n";
    fs::write(folder.0.join("Cargo.toml"), format!("{manifest}{dependency}\n\n[workspace]\n"))?;
    let main = format!("fn main() {{\n    {block_on}(async {{ println!(\"hello\") }})\n}}\n");
    fs::write(folder.0.join("src/main.rs"), main)?;
    // Downloads come first.
    cargo(&folder.0, &["fetch", "--quiet"])?;
    let start = Instant::now();
    cargo(&folder.0, &["build", "--release", "--quiet"])?;
    let time = start.elapsed();
    let tree = cargo(&folder.0, &["tree", "--prefix", "none", "--edges", "normal,build", "--quiet"])?;
    let crates: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let size = fs::metadata(folder.0.join("target/release/hello"))?.len();
    // `hello` itself does not count.
    Ok(vec![time.as_nanos() as f64, crates.len() as f64 - 1.0, size as f64])
}

pub fn work() -> Work {
    let side =
        |(runtime, dependency, block_on)| Side::new(runtime, move |_| build(runtime, dependency, block_on));
    Work {
        name: "hello world".into(),
        size: Size::Fixed(1),
        rounds: Rounds::Few,
        figures: vec![
            Figure::new("time to build", Unit::Nanoseconds, &[(Whom::Tokio, 3.0)]),
            Figure::new("crates", Unit::Count, &[(Whom::Tokio, 2.0)]),
            Figure::new("size of the program", Unit::Bytes, &[]),
        ],
        sides: PROGRAMS.map(side).into(),
    }
}
