//! A Redis for tests.

use super::{Server, free_port, skip};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

/// Starts one that stores nothing, with a Unix socket in its directory and a port on the loopback. Returns `None` if it
/// is not installed.
pub fn start() -> Option<Server> {
    let found = Command::new("sh").args(["-c", "command -v redis-server"]).output().unwrap();
    if !found.status.success() {
        skip("redis-server", "redis-server");
        return None;
    }
    loop {
        let made = Command::new("mktemp").args(["-d", "/tmp/ayi-redis-XXXXXX"]).output().unwrap();
        let folder = std::path::PathBuf::from(String::from_utf8(made.stdout).unwrap().trim_end());
        let port = free_port();
        let port_text = port.to_string();
        let command = ["redis-server", "--port", &port_text, "--bind", "127.0.0.1", "--unixsocket", "socket"];
        let command = [&command[..], &["--save", "", "--appendonly", "no"]].concat();
        let command: Vec<String> = command.into_iter().map(String::from).collect();
        let mut server = Server::start(Command::new("sh"), folder.clone(), port, "KILL", &command);
        let answers = || {
            let Ok(mut stream) = UnixStream::connect(folder.join("socket")) else { return false };
            let mut answer = [0; 7];
            stream.write_all(b"PING\r\n").is_ok()
                && stream.read_exact(&mut answer).is_ok()
                && answer == *b"+PONG\r\n"
        };
        if server.wait_until(answers) {
            return Some(server);
        }
    }
}
