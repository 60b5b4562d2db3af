//! Runs the example servers as processes of their own, for tests that talk to them through blocking sockets.
//!
//! Nothing here can hang: what a server should do it must do within [`PATIENCE`], or the test fails.

// Each test program uses only a part of this.
#![allow(dead_code)]

pub mod http;
pub mod load;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Long enough for a busy machine. No test waits this long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running example. It is killed when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    /// What it has written to stderr, when it has ended.
    errors: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts an example on a free port of 127.0.0.1.
    pub fn start(example: &str, more_args: &[&str]) -> Server {
        let mut command = Command::new(path_of(example));
        command.arg("127.0.0.1:0").args(more_args);
        Server::spawn(command)
    }

    /// Starts like `start`, in a process that may have `limit` open files.
    pub fn start_with_open_files(limit: usize, example: &str) -> Server {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {limit} && exec \"$0\" 127.0.0.1:0");
        command.arg("-c").arg(script).arg(path_of(example));
        Server::spawn(command)
    }

    /// Starts any command that prints where it listens.
    pub fn spawn(mut command: Command) -> Server {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example can be started");
        let stdout = child.stdout.take().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut errors = Vec::new();
            let _ = stderr.read_to_end(&mut errors);
            String::from_utf8_lossy(&errors).into_owned()
        });
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let _ = sender.send(line.expect("the example writes text"));
            }
        });
        let no_address = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { address: no_address, child, errors: Some(errors) };
        let line = lines.recv_timeout(PATIENCE).expect("the example prints a line");
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        server.address = address.unwrap_or_else(|| panic!("the line is {line:?}"));
        server
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.address).expect("the server takes connections")
    }

    /// Returns whether nobody listens at its address.
    pub fn refuses_connections(&self) -> bool {
        TcpStream::connect_timeout(&self.address, PATIENCE).is_err()
    }

    pub fn open_files(&self) -> usize {
        self.open_files_below(usize::MAX)
    }

    /// Returns how many descriptors with a number below `limit` are in use. A limit holds for new ones; the process may
    /// have inherited others.
    pub fn open_files_below(&self, limit: usize) -> usize {
        let files = std::fs::read_dir(self.proc("fd")).expect("the server runs");
        let numbers = files.map(|file| file.unwrap().file_name().to_str().unwrap().parse::<usize>().unwrap());
        numbers.filter(|number| *number < limit).count()
    }

    pub fn threads(&self) -> usize {
        std::fs::read_dir(self.proc("task")).expect("the server runs").count()
    }

    /// Returns what it has in memory, in KiB.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(self.proc("status")).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Returns its user and system time so far, in clock ticks: the 14th and 15th field of proc_pid_stat(5).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(self.proc("stat")).expect("the server runs");
        let after_name = stat.rsplit(')').next().unwrap();
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    pub fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: kill(2) takes no pointers. The process has not been waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits like `wait`, and returns what it has written to stderr too.
    pub fn wait_and_read_errors(&mut self) -> (ExitStatus, String) {
        let status = self.wait();
        (status, self.errors.take().expect("they are read once").join().unwrap())
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.pid()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let errors = self.errors.take().map(|errors| errors.join().unwrap()).unwrap_or_default();
        if thread::panicking() {
            eprintln!("the server's stderr: {errors}");
        } else {
            assert!(!errors.contains("panicked"), "a task panicked: {errors}");
        }
    }
}

pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Runs an example that ends by itself.
pub fn run(example: &str, args: &[&str]) -> Output {
    run_within(PATIENCE, example, args)
}

pub fn run_within(time: Duration, example: &str, args: &[&str]) -> Output {
    let mut command = Command::new(path_of(example));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the example can be started");
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < time {
        thread::sleep(Duration::from_millis(2));
    }
    // This fails if it has ended, as it should have.
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

/// Returns whether a program that a test needs is here. In CI it has to be.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is missing: install Debian's package of this name"
        );
        // The test harness would keep the output of `eprintln!`.
        let test = thread::current();
        let test = test.name().unwrap_or("of this program");
        let _ = writeln!(io::stderr(), "test {test} is skipped: there is no {program}");
    }
    found.status.success()
}

/// Waits for something that nothing reports. It waits for the condition, and never just for time.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Accepts the next connection to this process.
pub fn accept(listener: &TcpListener) -> TcpStream {
    // An accept that blocks could wait for ever, so this checks first whether there is a connection.
    listener.set_nonblocking(true).unwrap();
    let mut accepted = None;
    wait_until("somebody connects", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (stream, _) = accepted.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Closes a connection like a crashed client: its peer meets a reset (socket(7), SO_LINGER with time 0).
pub fn reset(stream: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let len = size_of::<libc::linger>() as libc::socklen_t;
    let value = (&raw const linger).cast();
    // SAFETY: setsockopt(2) reads `len` bytes at the pointer, which a `linger` has.
    let set = unsafe { libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, len) };
    assert_eq!(set, 0);
}

/// Lets this process, and the servers it starts, open as many files as the system allows. Returns that number.
pub fn raise_open_files() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) writes one `rlimit`.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: setrlimit(2) reads one `rlimit`.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Cargo puts examples into a folder of the profile, and test binaries somewhere below the profile's folder.
pub fn path_of(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let path =
        test.ancestors().map(|folder| folder.join("examples").join(example)).find(|path| path.is_file());
    path.unwrap_or_else(|| {
        panic!(
            "the example {example} is missing near {}: `cargo test` builds the examples, but not with `--test` or \
             `--all-targets`. Run `cargo build --examples` first (with `--release` if the tests are)",
            test.display()
        )
    })
}
