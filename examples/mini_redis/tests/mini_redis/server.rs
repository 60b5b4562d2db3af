//! A server that runs as a process of its own, and a client for it.

#[path = "../../../../tests/support/skipped.rs"]
mod skipped;

use socket2::SockRef;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Anything that takes longer will never happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Server {
    pub address: SocketAddr,
    child: Child,
    /// What it has written to stderr, when it has ended.
    errors: Option<JoinHandle<String>>,
}

impl Server {
    pub fn start() -> Server {
        Server::with(&[])
    }

    pub fn with(options: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mini_redis"));
        command.arg("127.0.0.1:0").args(options);
        Server::spawn(command)
    }

    /// Starts one with so many file descriptors and no more.
    pub fn with_descriptors(limit: usize) -> Server {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mini_redis"), "127.0.0.1:0"]);
        Server::spawn(shell)
    }

    fn spawn(mut command: Command) -> Server {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut errors = String::new();
            let _ = stderr.read_to_string(&mut errors);
            errors
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { address: nowhere, child, errors: Some(errors) };
        let line = lines.recv_timeout(PATIENCE).expect("it says where it listens");
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        server.address = address.unwrap_or_else(|| panic!("the line is {line:?}"));
        server
    }

    pub fn client(&self) -> Client {
        Client::of(self.address)
    }

    /// Returns a redis-cli or redis-benchmark that talks to it, and ends before long.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new("timeout");
        let port = self.address.port().to_string();
        command
            .args([&PATIENCE.as_secs().to_string(), name, "-h", "127.0.0.1", "-p", &port])
            .stdin(Stdio::null());
        command
    }

    /// Returns its memory in KiB.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(self.proc("status")).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
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

    /// Returns its user and system time so far, in clock ticks of 10 ms.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(self.proc("stat")).expect("the server runs");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it ends by itself. Returns what it has written to stderr, too.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), self.errors.take().unwrap().join().unwrap())
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

/// Waits for something that nothing reports. It waits for the condition, and never just for time.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A client that reads replies as bytes. A reply tells where it ends.
pub struct Client {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub fn of(address: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server takes connections");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Client { stream, reader }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads one reply, as it is sent.
    pub fn reply(&mut self) -> Vec<u8> {
        self.try_reply().unwrap()
    }

    /// Reads one reply, and fails with `UnexpectedEof` if there is none.
    pub fn try_reply(&mut self) -> io::Result<Vec<u8>> {
        let mut reply = Vec::new();
        self.read_reply(&mut reply)?;
        Ok(reply)
    }

    fn read_reply(&mut self, reply: &mut Vec<u8>) -> io::Result<()> {
        let start = reply.len();
        self.reader.read_until(b'\n', reply)?;
        let line = &reply[start..];
        if !line.ends_with(b"\r\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let number = std::str::from_utf8(&line[1..]).unwrap_or_default().trim_end().parse::<i64>();
        match line[0] {
            b'+' | b'-' | b':' => Ok(()),
            b'$' => {
                let Ok(len) = usize::try_from(number.unwrap()) else { return Ok(()) };
                let start = reply.len();
                reply.resize(start + len + 2, 0);
                self.reader.read_exact(&mut reply[start..])
            }
            b'*' => (0..number.unwrap()).try_for_each(|_| self.read_reply(reply)),
            _ => panic!("this is no reply: {}", line.escape_ascii()),
        }
    }

    /// Sends a request with arguments of any bytes, and reads the reply.
    pub fn ask(&mut self, args: &[&[u8]]) -> Vec<u8> {
        self.send(request(args));
        self.reply()
    }

    /// Sends a line, as a person would type it, and reads the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        String::from_utf8(self.reply()).unwrap()
    }

    #[track_caller]
    pub fn expect(&mut self, line: &str, reply: &str) {
        let actual = self.say(line);
        assert_eq!(actual.trim_end(), reply, "{line}");
    }

    /// Reads everything up to the end of the stream.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Closes like a crashed client: the server meets a reset.
    pub fn crash(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Returns one field of INFO.
    pub fn info(&mut self, field: &str) -> u64 {
        let info = self.say("INFO");
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("{field} is not in {info}")).parse().unwrap()
    }
}

pub fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        request.extend(format!("${}\r\n", arg.len()).as_bytes());
        request.extend(*arg);
        request.extend(b"\r\n");
    }
    request
}

/// Returns whether a program that a test needs is here. In CI it has to be.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        let package = if program == "redis-server" { program } else { "redis-tools" };
        assert!(std::env::var_os("CI").is_none(), "{program} is missing: install Debian's package {package}");
        skipped::skipped(format_args!("there is no {program}"));
    }
    found.status.success()
}
