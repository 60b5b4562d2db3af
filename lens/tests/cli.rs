//! The program, from outside.

mod support;

use ayi_lens::recording::Section;
use ayi_lens::writer;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::small;

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ayi-lens-test-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The lens, in a folder, whose temporary files go to the folder `tmp` there.
fn lens(folder: &Folder) -> Command {
    // Whoever runs the tests in the background may ignore Ctrl-C, and programs inherit that.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "--default-signal=QUIT", env!("CARGO_BIN_EXE_ayi-lens")]);
    fs::create_dir_all(folder.0.join("tmp")).unwrap();
    command.current_dir(&folder.0).env("TMPDIR", folder.0.join("tmp")).stdin(Stdio::null());
    command
}

fn run(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = lens(folder).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Says that `run` has left nothing among the temporary files.
fn is_clean(folder: &Folder) {
    assert_eq!(fs::read_dir(folder.0.join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_page_is_written_beside_the_recording() {
    let folder = Folder::new("page");
    let file = folder.file("run.ayi", &writer::file(&[small()]));
    let (code, out, err) = run(&folder, &[&file]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let page = file.replace(".ayi", ".html");
    assert_eq!(out, format!("{page}\n"));
    assert!(fs::read_to_string(page).unwrap().contains(r#"<script id="recording" type="text/plain">YXlp"#));
    let (code, out, _) = run(&folder, &[&file, "--out", "other.html"]);
    assert_eq!((code, out.as_str()), (Some(0), "other.html\n"));
    assert!(folder.0.join("other.html").exists());
}

#[test]
fn a_page_is_opened() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("open");
    let file = folder.file("run", &writer::file(&[small()]));
    let with = |script: &str| {
        let opener = folder.file("xdg-open", script.as_bytes());
        fs::set_permissions(opener, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
        lens(&folder).args([&file, "--open", "--out=-x.html"]).env("PATH", path).output().unwrap()
    };
    assert!(with("#!/bin/sh\necho \"$1\" > opened\n").status.success());
    let opened = fs::read_to_string(folder.0.join("opened")).unwrap();
    assert_eq!(opened, format!("{}/-x.html\n", folder.0.display()));
    let failed = with("#!/bin/sh\nexit 3\n");
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8(failed.stderr).unwrap().contains("Open it in a browser"));
}

#[test]
fn a_recording_is_never_overwritten() {
    let folder = Folder::new("same");
    let file = folder.file("run.html", &writer::file(&[small()]));
    for arguments in
        [vec![&file[..]], vec!["chrome", &file, "--out=run.html"], vec![&file, "--out", "./run.html"]]
    {
        let (code, _, err) = run(&folder, &arguments);
        assert_eq!(code, Some(1));
        assert!(err.contains("is the recording itself. Name another file by --out"), "{err}");
    }
    assert_eq!(fs::read(&file).unwrap(), writer::file(&[small()]));
}

#[test]
fn the_tables_of_a_small_run() {
    let folder = Folder::new("text");
    let file = folder.file("run", &writer::file(&[small()]));
    let (code, out, err) = run(&folder, &["text", &file, "--top", "2"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let expected = include_str!("small.txt");
    if std::env::var_os("AYI_WRITE").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/small.txt"), &out).unwrap();
    } else {
        assert_eq!(out, expected, "AYI_WRITE=1 writes tests/small.txt anew");
    }
}

#[test]
fn traces_are_written() {
    let folder = Folder::new("traces");
    let file = folder.file("run", &writer::file(&[small()]));
    let (code, out, _) = run(&folder, &["chrome", &file, "--out", "x.json"]);
    assert_eq!((code, out.as_str()), (Some(0), "x.json\n"));
    let json = fs::read(folder.0.join("x.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&json).unwrap();
    let (code, out, _) = run(&folder, &["perfetto", &file, "--out", "x.pb"]);
    assert_eq!((code, out.as_str()), (Some(0), "x.pb\n"));
    assert_eq!(fs::read(folder.0.join("x.pb")).unwrap()[0], 0x0a);
}

#[test]
fn damage_is_told_and_the_rest_is_shown() {
    let folder = Folder::new("damage");
    let mut bytes = writer::file(&[small(), Section { runtime: 2, ..small() }]);
    bytes[100] ^= 1;
    let file = folder.file("run", &bytes);
    let (code, out, err) = run(&folder, &["text", &file]);
    assert_eq!(code, Some(0));
    assert!(
        err.starts_with(&format!("ayi-lens: {file}, byte 24: the section is damaged, and left out")),
        "{err}"
    );
    assert!(out.contains("runtime 2") && !out.contains("runtime 1,"), "{out}");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = Folder::new("errors");
    let many = [writer::header(), [0; 24].repeat(30)].concat();
    let files: [(&str, &[u8], &str); 5] = [
        ("empty", b"", "the file is empty"),
        ("other", b"hello", "not a recording of ayi"),
        ("cut", &writer::header()[..20], "the file is cut: 24 bytes should follow, and 20 do"),
        ("header", &writer::header(), "no runtime has been recorded in it"),
        ("many", &many, "the section is damaged"),
    ];
    for (name, bytes, told) in files {
        let file = folder.file(name, bytes);
        let (code, out, err) = run(&folder, &[&file]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{name}");
        assert!(err.contains(told) && err.lines().count() == 1, "{name}: {err}");
        assert!(!folder.0.join(format!("{name}.html")).exists());
    }
    let (code, _, err) = run(&folder, &["text", "absent"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(1), "ayi-lens: cannot read absent: No such file or directory (os error 2)\n")
    );
    let (code, _, err) = run(&folder, &["text", "."]);
    assert!(code == Some(1) && err.contains("it is a directory"), "{err}");
    let file = folder.file("good", &writer::file(&[small()]));
    let (code, _, err) = run(&folder, &[&file, "--out", "no/such/folder.html"]);
    assert!(code == Some(1) && err.contains("cannot create no/such/folder.html"), "{err}");
    let (code, _, err) = run(&folder, &[&file, "--out", "/dev/full"]);
    assert!(code == Some(1) && err.contains("cannot write all of /dev/full"), "{err}");
}

#[test]
fn the_command_line_explains_itself() {
    let folder = Folder::new("help");
    let (code, out, _) = run(&folder, &["--help"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("ayi-lens run"));
    assert_eq!(run(&folder, &["--version"]).1, concat!("ayi-lens ", env!("CARGO_PKG_VERSION"), "\n"));
    let (code, _, err) = run(&folder, &["run"]);
    assert_eq!(code, Some(2));
    assert!(err.ends_with("Try: ayi-lens --help\n"), "{err}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = Folder::new("pipe");
    let file = folder.file("run", &writer::file(&[small()]));
    let mut lens =
        lens(&folder).args(["text", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(lens.stdout.take());
    let output = lens.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

/// A program that copies a recording to where the lens wants it, and then ends as `end` says.
fn program(recording: &str, end: &str) -> String {
    format!("cp '{recording}' \"$AYI_RECORD\"; {end}")
}

#[test]
fn a_program_runs_and_its_page_is_written() {
    let folder = Folder::new("run");
    let recording = folder.file("recording", &writer::file(&[small()]));
    let script = program(&recording, "cat; echo \"to stdout: $1\"; echo to stderr >&2; exit 7");
    let mut command = lens(&folder);
    command.args(["run", "--out", "page.html", "--", "sh", "-c", &script, "name", "two  words"]);
    command.stdin(fs::File::open(folder.file("stdin", b"from stdin\n")).unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "from stdin\nto stdout: two  words\n");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "to stderr\nayi-lens: page.html\n");
    assert!(fs::read_to_string(folder.0.join("page.html")).unwrap().contains("YXlp"));
    is_clean(&folder);
}

#[test]
fn the_page_is_called_like_the_program() {
    let folder = Folder::new("called");
    let recording = folder.file("recording", &writer::file(&[small()]));
    let (code, out, err) = run(&folder, &["run", "/bin/sh", "-c", &program(&recording, "exit 0")]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", "ayi-lens: sh.html\n"));
    assert!(folder.0.join("sh.html").exists());
}

#[test]
fn a_program_without_a_recording_is_told_why() {
    let folder = Folder::new("none");
    let (code, out, err) = run(&folder, &["run", "--", "sh", "-c", "echo hello; exit 3"]);
    assert_eq!((code, out.as_str()), (Some(3), "hello\n"));
    assert!(
        err.contains("no recording") && err.contains("feature `record`") && !err.contains("signal"),
        "{err}"
    );
    let (code, _, err) = run(&folder, &["run", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(code, Some(128 + 9));
    assert!(err.contains("ended by signal 9"), "{err}");
    let (code, _, err) = run(&folder, &["run", "--", "./absent"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(127), "ayi-lens: cannot run ./absent: No such file or directory (os error 2)\n")
    );
    is_clean(&folder);
}

#[test]
fn a_recording_that_cannot_be_shown_is_kept() {
    let folder = Folder::new("kept");
    let recording = folder.file("recording", b"something else");
    let (code, _, err) = run(&folder, &["run", "--", "sh", "-c", &program(&recording, "exit 4")]);
    assert_eq!(code, Some(4));
    let kept = err.lines().last().unwrap().strip_prefix("ayi-lens: the recording is still there: ").unwrap();
    assert_eq!(fs::read(Path::new(kept)).unwrap(), b"something else");
}

/// Ctrl-C goes to the program and to the lens. The program takes its time, and the lens waits for it.
#[test]
fn the_program_decides_what_ctrl_c_does() {
    use std::os::unix::process::CommandExt;
    let folder = Folder::new("interrupt");
    let recording = folder.file("recording", &writer::file(&[small()]));
    // The signal is not ignored in the program. It writes its recording after the signal.
    let end = "sleep 0.2; cp \"$0\" \"$AYI_RECORD\"; exit 9";
    let script =
        format!("trap '{end}' INT; echo ready; i=0; while [ $i -lt 600 ]; do sleep 0.05; i=$((i+1)); done");
    let mut command = lens(&folder);
    command.args(["run", "--out", "page.html", "--", "sh", "-c", &script, &recording]);
    let mut lens = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(lens.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    let group = format!("-{}", lens.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let output = lens.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "ayi-lens: page.html\n");
    is_clean(&folder);
}

/// A program without a handler is ended by Ctrl-C, and the lens lives on to tell.
#[test]
fn ctrl_c_is_not_ignored_in_the_program() {
    use std::os::unix::process::CommandExt;
    let folder = Folder::new("default");
    let mut command = lens(&folder);
    command.args(["run", "--", "sh", "-c", "echo ready; exec sleep 60"]);
    let mut lens = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(lens.stdout.take().unwrap()), &mut line)
        .unwrap();
    let group = format!("-{}", lens.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let output = lens.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("ended by signal 2"));
    is_clean(&folder);
}

/// A program that starts another one: each has a recording of its own, and the page has both.
#[test]
fn a_program_that_starts_another_one_is_shown_with_it() {
    let folder = Folder::new("two");
    let recording = folder.file("recording", &writer::file(&[small()]));
    let script = "cp \"$0\" \"${AYI_RECORD%\\%p}1\"; head -c 40 \"$0\" > \"${AYI_RECORD%\\%p}2\"; cp \"$0\" \"${AYI_RECORD%\\%p}3\"";
    let mut command = lens(&folder);
    let output =
        command.args(["run", "--out", "page.html", "--", "sh", "-c", script, &recording]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("the file is cut"), "{told}");
    assert!(folder.0.join("page.html").metadata().unwrap().len() > 0);
}
