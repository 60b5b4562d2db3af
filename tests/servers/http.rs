//! A client for HTTP that blocks, and trusts no answer.

use super::{PATIENCE, Server, connect};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request that the test sends only to see that it is answered.
pub const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

pub struct Client {
    pub stream: BufReader<TcpStream>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(server: &Server) -> Client {
        Client { stream: BufReader::new(server.connect()) }
    }

    /// Returns `None` if nobody listens there.
    pub fn try_new(address: SocketAddr) -> Option<Client> {
        match connect(address) {
            Ok(stream) => Some(Client { stream: BufReader::new(stream) }),
            // The second error: the listener is closed between the handshake and connect's return.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) =>
            {
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns its own port.
    pub fn port(&self) -> u16 {
        self.stream.get_ref().local_addr().unwrap().port()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends like `send`, to a server that may have hung up.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    pub fn response(&mut self) -> Response {
        let mut response = self.response_to_head();
        let len = response.header("content-length").expect("a response says how long it is");
        response.body.resize(len.parse().unwrap(), 0);
        self.stream.read_exact(&mut response.body).expect("the whole body");
        response
    }

    /// Reads like `response`, or returns `None` if the connection ends where a response would begin.
    pub fn response_or_end(&mut self) -> Option<Response> {
        match self.stream.fill_buf() {
            Ok([]) => None,
            Ok(_) => Some(self.response()),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => None,
            Err(error) => panic!("neither a response nor the end of the connection: {error}"),
        }
    }

    /// Returns whether the server has closed the connection or sent something, without waiting.
    pub fn has_ended(&mut self) -> bool {
        !self.has_no_answer()
    }

    /// Returns whether there is neither a response nor the end of the connection, without waiting.
    pub fn has_no_answer(&mut self) -> bool {
        self.stream.get_ref().set_nonblocking(true).unwrap();
        let waits = matches!(self.stream.fill_buf(), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.stream.get_ref().set_nonblocking(false).unwrap();
        waits
    }

    /// Reads a response that says how long its body would be, but has none.
    pub fn response_to_head(&mut self) -> Response {
        let line = self.line();
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
        let status = status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return Response { status, headers, body: Vec::new() };
            }
            let (name, value) = line.split_once(": ").expect("a header line");
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a line of a response");
        line.strip_suffix("\r\n").unwrap_or_else(|| panic!("the connection ends in {line:?}")).to_owned()
    }

    /// Sends a request and returns the response.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        self.send(request);
        self.response()
    }

    /// Sends a byte now and then, until there is a response or the connection ends.
    pub fn trickle(&mut self, mut bytes: impl Iterator<Item = u8>) {
        self.stream.get_ref().set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        loop {
            self.try_send([bytes.next().expect("an answer before all has been sent")]);
            match self.stream.fill_buf() {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                _ => break,
            }
        }
        self.stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// Checks that the server has closed the connection properly, and sent nothing more before.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("the end of the stream, not a reset");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether the response says that the connection ends with it.
    pub fn is_last(&self) -> bool {
        self.header("connection") == Some("close")
    }

    #[track_caller]
    pub fn expect(&self, status: u16, body: &str) {
        assert_eq!((self.status, String::from_utf8_lossy(&self.body).as_ref()), (status, body));
    }
}
