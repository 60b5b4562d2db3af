//! The server as a process of its own, and clients that block.

// Each test file is a program of its own, and uses only a part of this.
#![allow(dead_code)]

use async_tungstenite::tungstenite::{Error, Message, WebSocket, client};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a busy machine. No test waits this long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. It is killed when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    pub fn start(args: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_websockets"));
        let mut child = command.arg("127.0.0.1:0").args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap().parse().unwrap();
        Server { address, child }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends `request`, and returns everything that comes until the end.
    pub fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Returns its resident memory, in KiB.
    pub fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// Returns the most that it ever was.
    pub fn largest_memory(&self) -> usize {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client in the room.
pub struct Guest {
    pub socket: WebSocket<TcpStream>,
}

impl Guest {
    /// Enters, and sees that it has entered.
    pub fn new(server: &Server, name: &str) -> Guest {
        let mut guest = Guest::nameless(server);
        guest.say(name);
        guest.expect(&format!("\t{name} has come"));
        guest
    }

    pub fn nameless(server: &Server) -> Guest {
        let url = format!("ws://{}/chat", server.address);
        let (socket, _) = client(url, server.connect()).unwrap();
        Guest { socket }
    }

    pub fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// Returns the next text. Pings are answered on the way.
    pub fn hear(&mut self) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            // The server's pings go on for ever.
            assert!(Instant::now() < until, "nobody says anything");
            match self.socket.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until it hears `text`, possibly after others.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        while self.hear() != text {}
    }

    /// Sends frames as they are, right or wrong.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).unwrap();
    }

    /// Reads on until the server closes, and returns the code and the reason. Then the connection has to end.
    #[track_caller]
    pub fn expect_close(&mut self) -> (u16, String) {
        let frame = loop {
            if let Message::Close(frame) = self.socket.read().unwrap() {
                break frame.expect("the server says why");
            }
        };
        match self.socket.read() {
            Err(Error::ConnectionClosed) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

/// Waits for something that nothing reports. It waits for the condition, and never just for time.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
