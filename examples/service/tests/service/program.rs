//! The program, and a client of it that knows no runtime.

use crate::server::{PATIENCE, Server};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

pub struct Service {
    pub address: SocketAddr,
    child: Child,
    log: Option<JoinHandle<String>>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ str| line.to_ascii_lowercase().starts_with(&format!("{name}: "));
        self.head.lines().find(|it| line(it)).map(|it| it[name.len() + 2..].trim())
    }

    pub fn parse(text: &str) -> Option<Answer> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }
}

impl Service {
    /// Starts it with two cores, on any port.
    pub fn start(database: &Server, more: &[(&str, &str)]) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.env(
            "SERVICE_DATABASE",
            format!("host=127.0.0.1 port={} user=ayi dbname=postgres", database.port),
        );
        command.env("SERVICE_CORES", "2").args(["--listen", "127.0.0.1:0"]);
        for (key, value) in more {
            command.env(format!("SERVICE_{}", key.to_uppercase()), value);
        }
        Service::spawn(command)
    }

    pub fn spawn(mut command: Command) -> Service {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            panic!("it does not listen: {line}{}", log.join().unwrap())
        };
        Service { address, child, log: Some(log) }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    pub fn post(&self, path: &str, json: &str) -> Answer {
        self.ask_with("POST", path, json, "content-type: application/json\r\n")
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, body, "")
    }

    pub fn ask_with(&self, method: &str, path: &str, body: &str, headers: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request(method, path, body, headers).as_bytes()).unwrap();
        let mut text = String::new();
        // An answer that comes before the whole body was read may end with a reset.
        let _ = stream.read_to_string(&mut text);
        Answer::parse(&text).unwrap_or_else(|| panic!("{method} {path}: {text:?}"))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn wait(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }

    /// Ends it in order, and returns its log.
    pub fn end(mut self) -> String {
        self.signal("-TERM");
        let (status, log) = self.wait();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn request(method: &str, path: &str, body: &str, headers: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}
