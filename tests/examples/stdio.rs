//! Standard streams of whole programs: pipes, sockets, files, terminals, and none at all.

use crate::servers::{self, PATIENCE, path_of};
use crate::support::{self, in_a_child, is_child, poll_once, run, turn, watched};
use ayi::io::{AsyncReadExt, AsyncWriteExt, Stderr, Stdin, Stdout, stderr, stdin, stdout};
use ayi::runtime::Runtime;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Makes a pipe in blocking mode: its ends for reading and for writing.
fn pipe() -> (File, File) {
    let mut fds = [0; 2];
    // SAFETY: two descriptors, for which there is room.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: it has just made these descriptors, nobody else owns them.
    let [read, write] = fds.map(|fd| File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
    (read, write)
}

fn socket_pair() -> (File, File) {
    let (a, b) = UnixStream::pair().unwrap();
    (OwnedFd::from(a).into(), OwnedFd::from(b).into())
}

/// Makes a terminal that gives lines, and neither echoes nor translates anything: the emulator's end, and the
/// program's.
fn terminal() -> (File, File) {
    let (mut ours, mut theirs) = (-1, -1);
    let (name, size) = (std::ptr::null_mut(), std::ptr::null());
    // SAFETY: all zeros is a valid termios, which openpty does not read past.
    let mut mode: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: it writes two descriptors, and accepts null for what it should not report or set.
    assert_eq!(unsafe { libc::openpty(&mut ours, &mut theirs, name, std::ptr::null(), size) }, 0);
    // SAFETY: it has just made these descriptors, nobody else owns them.
    let [ours, theirs] = [ours, theirs].map(|fd| File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
    // SAFETY: one termios, which outlives the calls.
    unsafe {
        assert_eq!(libc::tcgetattr(theirs.as_raw_fd(), &mut mode), 0);
        libc::cfmakeraw(&mut mode);
        mode.c_lflag |= libc::ICANON;
        assert_eq!(libc::tcsetattr(theirs.as_raw_fd(), libc::TCSANOW, &mode), 0);
        // Programs that are started later must not hold it open.
        for file in [&ours, &theirs] {
            assert_eq!(libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC), 0);
        }
    }
    (ours, theirs)
}

fn is_blocking(fd: impl AsFd) -> bool {
    // SAFETY: takes no pointers.
    let flags = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFL) };
    assert_ne!(flags, -1);
    flags & libc::O_NONBLOCK == 0
}

fn data(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

/// A running program. It is killed when this is dropped.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Program {
        Program(command.spawn().unwrap())
    }

    fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the program does not end");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns how many pipes and terminals it has opened in non-blocking mode: those are its own.
    fn own_descriptions(&self) -> usize {
        let proc = PathBuf::from(format!("/proc/{}", self.0.id()));
        let is_own = |entry: io::Result<fs::DirEntry>| {
            let name = entry.unwrap().file_name();
            // A descriptor that is closed meanwhile does not count.
            let Ok(target) = fs::read_link(proc.join("fd").join(&name)) else { return false };
            let Ok(info) = fs::read_to_string(proc.join("fdinfo").join(&name)) else { return false };
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
            let flags = i32::from_str_radix(flags, 8).unwrap();
            let target = target.to_string_lossy();
            flags & libc::O_NONBLOCK != 0 && (target.starts_with("pipe:") || target.starts_with("/dev/pts"))
        };
        fs::read_dir(proc.join("fd")).unwrap().map(is_own).filter(|own| *own).count()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends `sent` through `cat`, whose streams are `input` and `output`, and compares what comes out, read in small
/// pieces. Meanwhile, and after it, the streams have to stay in blocking mode.
fn through_cat(
    cat: &mut Command,
    (input, output): (File, File),
    (mut to, mut from): (File, File),
    sent: &[u8],
    end: impl FnOnce(File) + Send,
    own_descriptions: usize,
) {
    let shared = [input.try_clone().unwrap(), output.try_clone().unwrap()];
    let mut program = Program::start(cat.stdin(input).stdout(output));
    // The command keeps its streams until it is given others.
    cat.stdin(Stdio::null()).stdout(Stdio::null());
    thread::scope(|scope| {
        scope.spawn(move || {
            to.write_all(sent).unwrap();
            end(to);
        });
        let mut received = Vec::new();
        let mut piece = [0; 777];
        while received.len() < sent.len() {
            let n = from.read(&mut piece).unwrap();
            assert_ne!(n, 0, "{} bytes have come", received.len());
            if received.is_empty() {
                assert!(shared.iter().all(is_blocking));
                assert_eq!(program.own_descriptions(), own_descriptions);
            }
            received.extend_from_slice(&piece[..n]);
        }
        assert!(received == sent);
    });
    assert!(program.wait().success());
    assert!(shared.iter().all(is_blocking));
}

#[test]
fn a_megabyte_passes_through_pipes() {
    watched(|| {
        let ((input, to), (from, output)) = (pipe(), pipe());
        let cat = &mut Command::new(path_of("cat"));
        through_cat(cat, (input, output), (to, from), &data(1_000_000), drop, 2);
    });
}

#[test]
fn a_megabyte_passes_through_sockets() {
    watched(|| {
        let ((input, to), (from, output)) = (socket_pair(), socket_pair());
        let cat = &mut Command::new(path_of("cat"));
        // The copies that the test keeps would keep it open.
        let end = |to: File| UnixStream::from(OwnedFd::from(to)).shutdown(std::net::Shutdown::Write).unwrap();
        through_cat(cat, (input, output), (to, from), &data(1_000_000), end, 0);
    });
}

#[test]
fn thousands_of_lines_pass_through_a_terminal() {
    watched(|| {
        let (ours, theirs) = terminal();
        let (input, output) = (theirs.try_clone().unwrap(), theirs);
        let cat = &mut Command::new(path_of("cat"));
        through_cat(cat, (input, output), (ours.try_clone().unwrap(), ours), &lines(), end_of_file, 2);
    });
}

fn lines() -> Vec<u8> {
    (0..10_000).flat_map(|n| format!("this is line number {n}\n").into_bytes()).collect()
}

/// Sends Ctrl-D, at the beginning of a line.
fn end_of_file(mut terminal: File) {
    terminal.write_all(&[4]).unwrap();
}

/// Returns `cat` as a user who may not open the streams again, if a test may choose the user.
fn cat_of_nobody(streams: [&File; 2]) -> Option<(Command, Temporary)> {
    for stream in streams {
        stream.set_permissions(Permissions::from_mode(0o000)).unwrap();
    }
    // That user may not be able to reach the example, so this makes a copy.
    let copy = Temporary::new("cat");
    fs::copy(path_of("cat"), &copy.0).unwrap();
    fs::set_permissions(&copy.0, Permissions::from_mode(0o755)).unwrap();
    let mut cat = Command::new(&copy.0);
    // SAFETY: takes nothing.
    if unsafe { libc::geteuid() } == 0 {
        cat.uid(65534).gid(65534);
    }
    cat.stdin(Stdio::null()).stdout(Stdio::null());
    // It is busy while a process that another test has just started has the copy open. Such a process inherits it for a
    // moment.
    let status = loop {
        match cat.status() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::yield_now(),
            status => break status,
        }
    };
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        crate::support::skipped("no program can be run as another user here");
    }
    runs.then_some((cat, copy))
}

#[test]
fn pipes_that_cannot_be_opened_again_are_asked_before_each_call() {
    watched(|| {
        let ((input, to), (from, output)) = (pipe(), pipe());
        let Some((mut cat, _copy)) = cat_of_nobody([&input, &output]) else { return };
        through_cat(&mut cat, (input, output), (to, from), &data(1_000_000), drop, 0);
    });
}

#[test]
fn terminals_that_cannot_be_opened_again_are_asked_before_each_call() {
    watched(|| {
        let (ours, theirs) = terminal();
        let (input, output) = (theirs.try_clone().unwrap(), theirs);
        let Some((mut cat, _copy)) = cat_of_nobody([&input, &output]) else { return };
        through_cat(&mut cat, (input, output), (ours.try_clone().unwrap(), ours), &lines(), end_of_file, 0);
    });
}

/// A name for a file, which is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        let thread = thread::current().id();
        let name = format!("ayi-stdio-{}-{thread:?}-{name}", std::process::id());
        Temporary(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn files_are_read_and_written() {
    watched(|| {
        let (input, output) = (Temporary::new("in"), Temporary::new("out"));
        let sent = data(1_000_000);
        fs::write(&input.0, &sent).unwrap();
        fs::write(&output.0, b"before it").unwrap();
        let append = OpenOptions::new().append(true).open(&output.0).unwrap();
        let mut cat = Command::new(path_of("cat"));
        cat.stdin(File::open(&input.0).unwrap()).stdout(append);
        assert!(Program::start(&mut cat).wait().success());
        let written = fs::read(&output.0).unwrap();
        assert_eq!(&written[..9], b"before it");
        assert!(written[9..] == sent);
        // Several files, by name, and standard input between them.
        let mut cat = Command::new(path_of("cat"));
        cat.arg(&input.0).arg("-").arg(&input.0).stdin(File::open(&input.0).unwrap());
        let Output { status, stdout, .. } = cat.output().unwrap();
        assert!(status.success());
        assert!(stdout == [&sent[..]; 3].concat());
    });
}

#[test]
fn the_rest_of_a_file_is_for_the_next_program() {
    if is_child() {
        run(async || {
            let mut buf = [0; 10];
            stdin().read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, *b"0123456789");
        });
        return;
    }
    watched(|| {
        let input = Temporary::new("shared");
        fs::write(&input.0, b"0123456789 and the rest").unwrap();
        let mut file = File::open(&input.0).unwrap();
        let mut child = child("the_rest_of_a_file_is_for_the_next_program");
        assert!(child.stdin(file.try_clone().unwrap()).output().unwrap().status.success());
        let mut rest = String::new();
        file.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, " and the rest");
    });
}

/// Runs the test `name` in a process of its own whose streams are chosen here, unlike `in_a_child`.
fn child(name: &str) -> Command {
    support::child(module_path!(), name)
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    watched(|| {
        let (from, output) = pipe();
        let mut cat = Command::new(path_of("cat"));
        let zero = File::open("/dev/zero").unwrap();
        let mut program = Program::start(cat.stdin(zero).stdout(output).stderr(Stdio::piped()));
        drop(cat);
        let mut from = from.take(100_000);
        assert_eq!(io::copy(&mut from, &mut io::sink()).unwrap(), 100_000);
        drop(from);
        assert!(program.wait().success());
        let mut errors = String::new();
        program.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(errors, "");
    });
}

#[test]
fn a_full_disk_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(path_of("cat")).arg("Cargo.toml").stdout(full).output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("cat: Cargo.toml: No space left on device"), "{errors}");
}

#[test]
fn without_standard_input_nothing_is_read() {
    for no_input in ["<&-", "</dev/null"] {
        let cat = path_of("cat");
        let output = Command::new("sh").args(["-c", &format!("exec \"$0\" {no_input}")]).arg(cat).output();
        let output = output.unwrap();
        assert!(
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
}

#[test]
fn descriptors_that_were_closed_are_errors_that_say_so() {
    if !in_a_child(module_path!(), "descriptors_that_were_closed_are_errors_that_say_so") {
        return;
    }
    run(async || {
        // SAFETY: nothing in this process uses it except what is tested.
        assert_eq!(unsafe { libc::close(0) }, 0);
        for _ in 0..2 {
            let error = stdin().read(&mut [0; 8]).await.unwrap_err();
            let text = "standard input is not open: something has closed descriptor 0";
            assert!(error.to_string().starts_with(text), "{error}");
        }
        // SAFETY: takes no pointers; the copy gets the number back at once.
        let copy = unsafe { libc::dup(2) };
        // SAFETY: nothing is written to it meanwhile.
        assert_eq!(unsafe { libc::close(2) }, 0);
        let error = stderr().write(b"x").await.unwrap_err();
        // SAFETY: takes no pointers.
        assert_eq!(unsafe { libc::dup2(copy, 2) }, 2);
        assert!(error.to_string().starts_with("standard error is not open: "), "{error}");
    });
}

/// A read that waits for ever must not keep the program: the pool would wait for its thread.
#[test]
fn a_pending_read_does_not_keep_the_program_from_ending() {
    let ends_soon = |input: &File, keep: &File| {
        let begin = Instant::now();
        let mut prompt = Command::new(path_of("prompt"));
        let mut program =
            Program::start(prompt.arg("0.01").stdin(input.try_clone().unwrap()).stdout(Stdio::piped()));
        assert!(program.wait().success());
        let took = begin.elapsed();
        let mut output = String::new();
        program.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert_eq!(output, "your name? \nnever mind\n");
        assert!(is_blocking(keep));
        took < Duration::from_secs(5)
    };
    watched(|| {
        let (keep, input) = terminal();
        for (input, keep) in [pipe(), socket_pair(), (input, keep)] {
            // This is tried three times, because a machine may stand still for a while. A program that is kept never ends.
            assert!((0..3).any(|_| ends_soon(&input, &keep)));
        }
    });
}

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    for args in [&["soon"][..], &["-1"], &["1", "2"]] {
        let output = servers::run("prompt", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() && errors.contains("\n\nusage: prompt "), "{args:?}: {errors}");
    }
    let output = servers::run("cat", &["no such file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"cat: no such file: "));
}

#[test]
fn an_answer_is_read_when_it_comes() {
    watched(|| {
        let (mut ours, theirs) = terminal();
        let mut prompt = Command::new(path_of("prompt"));
        let streams = prompt.arg("60").stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap());
        let mut program = Program::start(streams);
        let mut expect = |text: &str| {
            let mut got = vec![0; text.len()];
            ours.read_exact(&mut got).unwrap();
            assert_eq!(String::from_utf8(got).unwrap(), text);
            ours.try_clone().unwrap()
        };
        let mut keys = expect("your name? ");
        keys.write_all(b"an").unwrap();
        keys.write_all(b"n\n").unwrap();
        expect("hello, ann\n");
        assert!(program.wait().success());
        assert!(is_blocking(&theirs));
    });
}

#[test]
fn a_read_that_is_dropped_loses_nothing() {
    if is_child() {
        run(async || {
            let mut stdin = stdin();
            // Another handle takes nothing away while it only waits.
            let mut other = ayi::io::stdin();
            assert!(poll_once(pin!(other.read(&mut [0; 8]))).is_pending());
            for _ in 0..2 {
                assert!(poll_once(pin!(stdin.read(&mut [0; 8]))).is_pending());
            }
            stdout().write_all(b"<ready>").await.unwrap();
            let mut buf = [0; 8];
            while poll_once(pin!(stdin.read(&mut buf[..1]))).is_pending() {
                turn().await;
            }
            assert_eq!(stdin.read(&mut buf[1..]).await.unwrap(), 2);
            assert_eq!(&buf[..3], b"tea");
        });
        return;
    }
    watched(|| {
        let mut child = child("a_read_that_is_dropped_loses_nothing");
        let mut child = Program::start(child.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut output = child.0.stdout.take().unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"<ready>") {
            let mut byte = [0];
            output.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        child.0.stdin.as_mut().unwrap().write_all(b"tea").unwrap();
        io::copy(&mut output, &mut io::sink()).unwrap();
        assert!(child.wait().success());
    });
}

#[test]
fn output_and_errors_into_one_pipe_keep_their_order() {
    let lines = || (0..1_000).flat_map(|n| [format!("o{n}\n"), format!("e{n}\n")]);
    if is_child() {
        run(async || {
            let (mut stdout, mut stderr) = (stdout(), stderr());
            stdout.write_all(b"<begin>").await.unwrap();
            for line in lines() {
                match line.starts_with('o') {
                    true => stdout.write_all(line.as_bytes()).await.unwrap(),
                    false => stderr.write_all(line.as_bytes()).await.unwrap(),
                }
            }
            stderr.flush().await.unwrap();
            stdout.shutdown().await.unwrap();
            stdout.write_all(b"<end>").await.unwrap();
        });
        return;
    }
    watched(|| {
        let (mut from, output) = pipe();
        let mut child = child("output_and_errors_into_one_pipe_keep_their_order");
        let mut program = Program::start(child.stdout(output.try_clone().unwrap()).stderr(output));
        drop(child);
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        assert!(program.wait().success(), "{text}");
        let written = text.split("<begin>").nth(1).unwrap().split("<end>").next().unwrap();
        assert_eq!(written, lines().collect::<String>());
    });
}

#[test]
fn other_tasks_run_while_a_read_waits_and_the_runtime_ends_at_once() {
    if is_child() {
        watched(|| {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async {
                let waiting = ayi::spawn(async { stdin().read(&mut [0; 8]).await });
                for _ in 0..10 {
                    turn().await;
                }
                assert!(!waiting.is_finished());
            });
            // No thread waits in its place. The end would wait for that thread.
            assert_eq!(runtime.metrics().num_blocking_threads(), 0);
            drop(runtime);
        });
        return;
    }
    watched(|| {
        let (input, _keep) = pipe();
        let mut child = child("other_tasks_run_while_a_read_waits_and_the_runtime_ends_at_once");
        let output = child.stdin(input).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
}

#[test]
fn streams_may_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Stdin>();
    check::<Stdout>();
    check::<Stderr>();
    assert_eq!((stdin().as_raw_fd(), stdout().as_raw_fd(), stderr().as_raw_fd()), (0, 1, 2));
    assert_eq!(stdin().as_fd().as_raw_fd(), 0);
}
