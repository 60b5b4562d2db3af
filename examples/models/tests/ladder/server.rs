//! A rung that runs as a process of its own, and clients for it.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Anything that takes longer will never happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// It is not recorded: a recorder keeps a descriptor, which a rung would be said to have left open.
pub fn models() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_models"));
    command.env_remove("AYI_RECORD");
    command
}

pub struct Server {
    pub name: &'static str,
    pub address: SocketAddr,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Server {
    pub fn start(name: &'static str) -> Server {
        Server::of(name, models())
    }

    /// Starts one with so many descriptors and no more.
    pub fn with_descriptors(name: &'static str, limit: usize) -> Server {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_models")]);
        Server::of(name, shell)
    }

    /// Starts one by `command`, which gets the arguments of `models`.
    pub fn of(name: &'static str, mut command: Command) -> Server {
        command.args(["serve", name, "127.0.0.1:0", "--controlled"]);
        command.env_remove("AYI_RECORD");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let stdin = child.stdin.take();
        let mut server = Server { name, address: SocketAddr::from(([127, 0, 0, 1], 0)), child, stdin, lines };
        let line = server.line();
        let (said, address) = line.split_once(" listens on ").expect(&line);
        assert_eq!(said, name);
        server.address = address.parse().unwrap();
        server
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{} says nothing", self.name))
    }

    pub fn report(&mut self) -> HashMap<String, u64> {
        writeln!(self.stdin.as_mut().unwrap(), "report").unwrap();
        let line = self.line();
        let words: Vec<&str> = line.split(' ').collect();
        words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].parse().expect(&line))).collect()
    }

    /// Returns its CPU time in clock ticks, seen from outside: this needs none of the server's descriptors.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Asks it to stop. Its exit code says whether it has given everything back.
    pub fn stop(mut self) {
        writeln!(self.stdin.as_mut().unwrap(), "stop").unwrap();
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < until, "{} does not stop", self.name),
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{} has not stopped well: {status}", self.name);
    }

    pub fn client(&self) -> TcpStream {
        self.try_client().unwrap()
    }

    /// Connects, and fails if it is turned away at once.
    pub fn try_client(&self) -> io::Result<TcpStream> {
        let client = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_write_timeout(Some(PATIENCE))?;
        client.set_nodelay(true)?;
        Ok(client)
    }

    pub fn serves_blocks(&self) -> bool {
        self.name.starts_with("aio_")
    }

    pub fn question(&self, number: usize) -> Vec<u8> {
        let number = if self.serves_blocks() { number % 1024 } else { number };
        format!("{number:<64}").into_bytes()
    }

    pub fn right_answer(&self, question: &[u8]) -> Vec<u8> {
        if !self.serves_blocks() {
            return question.to_vec();
        }
        let number = std::str::from_utf8(question).unwrap().trim();
        format!("{:<63}\n", format!("block {number}")).repeat(64).into_bytes()
    }

    pub fn expect_answer(&self, mut client: &TcpStream, question: &[u8]) {
        let right = self.right_answer(question);
        let mut answer = vec![0; right.len()];
        client
            .read_exact(&mut answer)
            .unwrap_or_else(|error| panic!("{} does not answer: {error}", self.name));
        assert!(answer == right, "{}: {:?}", self.name, String::from_utf8_lossy(&answer));
    }

    pub fn ask(&self, mut client: &TcpStream, number: usize) {
        let question = self.question(number);
        client.write_all(&question).unwrap();
        self.expect_answer(client, &question);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
