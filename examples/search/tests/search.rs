//! The search, compared with a sequential one by std.

#[path = "../../../tests/support/skipped.rs"]
mod skipped;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// It has a limit of its own: nothing here can hang for longer.
fn command() -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_search")]).stdin(Stdio::null());
    command
}

/// A directory that is removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ayi-search-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes files of all sizes around what is read at once, with matches everywhere, and at every place where a search in
/// parts could lose one.
fn generated() -> Folder {
    let folder = Folder::new();
    let part = 64 * 1024;
    folder.write("empty", "");
    folder.write("newline", "\n");
    folder.write("newlines", "\n\n\n");
    folder.write("alone", "needle");
    folder.write("last", "hay\nneedle");
    folder.write("twice", "needle needle\nhay\n");
    folder.write("no_text", "needle\n\0");
    folder.write("late_zero", [b"needle\n".repeat(1_500), b"\0\nneedle\n".to_vec()].concat());
    folder.write("zero_at_8191", [&[b'x'; 8_191][..], b"\0\nneedle\n"].concat());
    folder.write("zero_at_8192", [&[b'x'; 8_192][..], b"\0\nneedle\n"].concat());
    folder.write("not_utf8", b"\xff\xfeneedle\xff\n");
    folder.write("dos", "hay\r\nneedle\r\n");
    folder.write("one_long_line", [vec![b'x'; 3 * part], b"needle".to_vec(), vec![b'y'; part]].concat());
    for shift in 0..8 {
        // The word, and then the end of the line, on each side of the boundary.
        folder.write(
            &format!("boundary/{shift}"),
            [vec![b'\n'; part - shift], b"needle\nhay\nneedle".to_vec()].concat(),
        );
        folder.write(
            &format!("boundary/long {shift}"),
            ["x".repeat(part - shift), "needle\n".repeat(2_000)].concat(),
        );
    }
    for number in 0..300 {
        let lines =
            (0..number).map(|line| if line % 7 == number % 7 { "a needle here\n" } else { "only hay\n" });
        folder.write(&format!("many/{}/茶 {number}.txt", number % 13), lines.collect::<String>());
    }
    folder
}

/// Returns all lines, each as it should be printed.
fn naive(path: &Path, pattern: &[u8]) -> BTreeSet<Vec<u8>> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.filter(|path| !path.is_symlink()).flat_map(|path| naive(&path, pattern)).collect();
    }
    let content = fs::read(path).unwrap();
    // An empty file has no line; a file with only the end of a line has an empty one.
    if content.is_empty() || content[..content.len().min(8 * 1024)].contains(&0) {
        return BTreeSet::new();
    }
    let lines = content.strip_suffix(b"\n").unwrap_or(&content).split(|byte| *byte == b'\n').enumerate();
    let is_match =
        |line: &[u8]| pattern.is_empty() || line.windows(pattern.len()).any(|part| part == pattern);
    let name = path.as_os_str().as_bytes();
    lines
        .filter(|(_, line)| is_match(line))
        .map(|(number, line)| [name, format!(":{}: ", number + 1).as_bytes(), line, b"\n"].concat())
        .collect()
}

fn lines(output: &Output) -> Vec<Vec<u8>> {
    output.stdout.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[track_caller]
fn expect_same(folder: &Path, pattern: &str, options: &[&str]) {
    let output = command().args(options).arg("--").arg(pattern).arg(folder).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let expected = naive(folder, pattern.as_bytes());
    assert_eq!(
        output.status.code(),
        Some(if expected.is_empty() { 1 } else { 0 }),
        "{pattern:?} {options:?}"
    );
    let found = lines(&output);
    assert_eq!(found.len(), expected.len(), "{pattern:?} {options:?}");
    assert!(found.iter().cloned().collect::<BTreeSet<_>>() == expected, "{pattern:?} {options:?}");
    // Each file's lines are together.
    let mut files: Vec<_> =
        found.iter().map(|line| line.split(|byte| *byte == b':').next().unwrap()).collect();
    files.dedup();
    assert_eq!(files.len(), files.iter().collect::<BTreeSet<_>>().len(), "{pattern:?} {options:?}");
}

#[test]
fn it_finds_what_a_naive_search_finds() {
    let folder = generated();
    for pattern in ["needle", "e", "needlen", "xneedle", "hay", "\r", "茶", "--jobs", ""] {
        expect_same(&folder.0, pattern, &[]);
    }
    for jobs in ["1", "2", "7", "1000"] {
        expect_same(&folder.0, "needle", &["--jobs", jobs]);
    }
}

#[test]
fn it_finds_the_same_without_the_ring() {
    let folder = generated();
    let mut without = command();
    let output = without.env("AYI_IO_URING", "0").arg("needle").arg(&folder.0).output().unwrap();
    assert!(lines(&output).into_iter().collect::<BTreeSet<_>>() == naive(&folder.0, b"needle"));
}

#[test]
fn no_more_files_are_open_than_it_may_have() {
    let folder = generated();
    // Besides the files there are three streams, a directory, and what the runtime has: two or three of each kind.
    let script =
        format!("ulimit -n 20 && exec timeout 60 {} --jobs 4 needle \"$0\"", env!("CARGO_BIN_EXE_search"));
    let output = Command::new("sh").arg("-c").arg(script).arg(&folder.0).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(&output).len(), naive(&folder.0, b"needle").len());
}

#[test]
fn links_are_followed_if_they_are_named() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    elsewhere.write("file", "needle\n");
    symlink(&elsewhere.0, folder.0.join("directory")).unwrap();
    symlink(elsewhere.0.join("file"), folder.0.join("file")).unwrap();
    symlink(".", folder.0.join("round")).unwrap();
    symlink("nowhere", folder.0.join("dangling")).unwrap();
    let made = Command::new("mkfifo").arg(folder.0.join("pipe")).status().unwrap();
    assert!(made.success());
    let output = command().arg("needle").arg(&folder.0).output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout, &*output.stderr), (Some(1), &b""[..], &b""[..]));
    for (link, path) in [("directory", "directory/file"), ("file", "file")] {
        let output = command().arg("needle").arg(folder.0.join(link)).output().unwrap();
        let expected = format!("{}:1: needle\n", folder.0.join(path).display());
        assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap()), (Some(0), expected));
    }
}

#[test]
fn what_goes_wrong_with_a_path_is_told_and_the_rest_is_searched() {
    let folder = Folder::new();
    folder.write("file", "needle\n");
    let made = Command::new("mkfifo").arg(folder.0.join("pipe")).status().unwrap();
    assert!(made.success());
    let path = |name: &str| folder.0.join(name).display().to_string();
    for pattern in ["needle", "nothing"] {
        let mut command = command();
        command.args([pattern, &path("none"), &path("file/none"), &path("pipe"), &path("file")]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let expected =
            if pattern == "needle" { format!("{}:1: needle\n", path("file")) } else { String::new() };
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let errors = [
            format!("search: {}: No such file or directory (os error 2)\n", path("none")),
            format!("search: {}: Not a directory (os error 20)\n", path("file/none")),
            format!("search: {}: this is neither a file nor a directory; name one\n", path("pipe")),
        ];
        assert_eq!(String::from_utf8_lossy(&output.stderr), errors.concat());
    }
}

#[test]
fn patterns_and_paths_need_not_be_text() {
    let folder = Folder::new();
    let name = std::ffi::OsStr::from_bytes(b"\xff");
    fs::write(folder.0.join(name), b"hay\n\xfe\n").unwrap();
    let output = command().arg(std::ffi::OsStr::from_bytes(b"\xfe")).arg(&folder.0).output().unwrap();
    let expected = [folder.0.join(name).as_os_str().as_bytes(), b":2: \xfe\n"].concat();
    assert_eq!((output.status.code(), output.stdout), (Some(0), expected));
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let folder = generated();
    let script =
        format!("{{ timeout 60 {} e \"$0\"; echo $? >&2; }} | head -n 1", env!("CARGO_BIN_EXE_search"));
    let output = Command::new("sh").arg("-c").arg(script).arg(&folder.0).output().unwrap();
    assert_eq!((lines(&output).len(), String::from_utf8_lossy(&output.stderr)), (1, "2\n".into()));
}

/// It has a terminal from `script`, of Debian's package bsdutils.
#[test]
fn a_terminal_sees_how_far_it_is_and_all_lines() {
    let found = Command::new("sh").args(["-c", "command -v script"]).output().unwrap();
    if !found.status.success() {
        assert!(std::env::var_os("CI").is_none(), "script is missing: install Debian's package bsdutils");
        return skipped::skipped("there is no script");
    }
    let folder = generated();
    let search =
        format!("stty cols 200; exec {} needle {}/many", env!("CARGO_BIN_EXE_search"), folder.0.display());
    let mut script = Command::new("timeout");
    script.args(["60", "script", "--quiet", "--return", "--command", &search, "/dev/null"]);
    let output = script.env("TERM", "xterm").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(seen.contains(" files"), "{seen:.1000}");
    assert_eq!(seen.matches(": a needle here\r\n").count(), naive(&folder.0.join("many"), b"needle").len());
}

#[test]
fn wrong_arguments_are_answered_with_what_is_wrong_and_the_usage() {
    let cases: [(&[&str], &str); 8] = [
        (&[], "PATTERN is missing"),
        (&["needle"], "PATH is missing"),
        (&["--", "--jobs"], "PATH is missing"),
        (&["--jobs"], "missing argument for option '--jobs'"),
        (&["--jobs", "0", "needle", "."], "it has to be 1 at least"),
        (&["--jobs", "many", "needle", "."], "invalid digit"),
        (&["-i", "needle", "."], "invalid option '-i'; write -- before a pattern"),
        (&["two\nlines", "."], "PATTERN has the end of a line in it"),
    ];
    for (args, reason) in cases {
        let output = command().args(args).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(errors.starts_with("search: ") && errors.contains(reason), "{args:?}: {errors}");
        assert!(errors.contains("\n\nusage: search [--jobs N]"), "{args:?}: {errors}");
    }
}
