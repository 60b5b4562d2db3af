//! Redis' own programs.

use crate::server::{Client, PATIENCE, Server, has, request, wait_until};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

/// Runs the original. It chooses no free port by itself, so this does, and tries another if another process was faster.
pub struct RedisServer {
    address: SocketAddr,
    child: Child,
}

impl RedisServer {
    pub fn start() -> RedisServer {
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut command = Command::new("redis-server");
            command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", ""]);
            command.args(["--appendonly", "no", "--dir", "/"]).stdin(Stdio::null()).stdout(Stdio::null());
            let mut child = command.spawn().unwrap();
            let mut has_ended = false;
            wait_until("redis-server listens", || {
                has_ended = child.try_wait().unwrap().is_some();
                has_ended || TcpStream::connect_timeout(&address, PATIENCE).is_ok()
            });
            if !has_ended {
                return RedisServer { address, child };
            }
        }
        panic!("redis-server does not start");
    }

    pub fn client(&self) -> Client {
        Client::of(self.address)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn redis_benchmark_runs_without_errors() {
    if !has("redis-benchmark") {
        return;
    }
    let server = Server::start();
    for pipelined in ["1", "16", "1000"] {
        let mut benchmark = server.program("redis-benchmark");
        benchmark.args(["-t", "ping,get,set,incr,mset", "-n", "2000", "-c", "50", "-r", "100"]);
        let output = benchmark.args(["-d", "100", "-P", pipelined, "-q"]).output().unwrap();
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && errors.is_empty(), "{}\n{text}\n{errors}", output.status);
        assert!(!text.contains("rror"), "{text}");
        for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
            assert!(text.contains(&format!("{test}: ")), "{test} is missing: {text}");
        }
    }
    // So many keys, and as many counters.
    server.client().expect("DBSIZE", ":200");
}

#[test]
fn redis_cli_sends_requests_in_bulk() {
    if !has("redis-cli") {
        return;
    }
    let server = Server::start();
    let mut cli = server.program("redis-cli");
    let mut cli = cli.arg("--pipe").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = cli.stdin.take().unwrap();
    let writing = thread::spawn(move || {
        for number in 0..50_000 {
            let key = format!("key {number}");
            stdin.write_all(&request(&[b"SET", key.as_bytes(), b"\r\n\x00"])).unwrap();
        }
    });
    let output = cli.wait_with_output().unwrap();
    writing.join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("errors: 0, replies: 50000"), "{text}");
    server.client().expect("DBSIZE", ":50000");
}

#[test]
fn redis_cli_reads_a_value_from_its_input() {
    if !has("redis-cli") {
        return;
    }
    let server = Server::start();
    let value: Vec<u8> = (0..1_000_000).map(|number| (number % 251) as u8).collect();
    let mut cli = server.program("redis-cli");
    let mut cli = cli.args(["-x", "set", "k"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cli.stdin.take().unwrap().write_all(&value).unwrap();
    assert_eq!(cli.wait_with_output().unwrap().stdout, b"OK\n");
    let output = server.program("redis-cli").args(["get", "k"]).output().unwrap();
    assert!(output.stdout.strip_suffix(b"\n") == Some(&value));
}

#[test]
fn redis_cli_subscribes_and_publishes() {
    if !has("redis-cli") {
        return;
    }
    let server = Server::start();
    let mut cli = server.program("redis-cli");
    let mut cli =
        cli.args(["psubscribe", "tea.*"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(cli.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = |count: usize| lines.by_ref().take(count).collect::<Vec<_>>();
    assert_eq!(next(3), ["psubscribe", "tea.*", "1"]);
    let mut subscriber = server.client();
    subscriber.expect("SUBSCRIBE tea.green", "*3\r\n$9\r\nsubscribe\r\n$9\r\ntea.green\r\n:1");
    for message in ["hot", "cold"] {
        let output = server.program("redis-cli").args(["publish", "tea.green", message]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "2\n");
        assert_eq!(next(4), ["pmessage", "tea.*", "tea.green", message]);
        let len = message.len();
        let expected = format!("*3\r\n$7\r\nmessage\r\n$9\r\ntea.green\r\n${len}\r\n{message}\r\n");
        assert_eq!(String::from_utf8(subscriber.reply()).unwrap(), expected);
    }
    // It hangs up when the server does.
    drop(server);
    cli.wait().unwrap();
}
