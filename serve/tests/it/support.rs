//! What these tests share: time that stands still, and a client of HTTP/2 that does only what it is told to.

use ayi::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ayi::runtime::Builder;
use ayi::serve::{BoxError, Listener};
use ayi::time::{Duration, timeout};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Request, Response};
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub const SECOND: Duration = Duration::from_secs(1);
pub const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Runs a test in a runtime whose time stands still. It waits for a day there at most.
#[track_caller]
pub fn run(test: impl AsyncFnOnce()) {
    let rt = Builder::new_current_thread().start_paused(true).build().unwrap();
    rt.block_on(async { timeout(86_400 * SECOND, test()).await.expect("waits for what never comes") });
}

/// A listener that returns these connections, and no other. The first has the number 0.
pub struct Given {
    streams: std::vec::IntoIter<DuplexStream>,
    given: usize,
}

impl Given {
    pub fn new<const N: usize>() -> (Given, [DuplexStream; N]) {
        let mut streams = Vec::new();
        let clients = std::array::from_fn(|_| {
            let (client, server) = duplex(64 * 1024);
            streams.push(server);
            client
        });
        (Given { streams: streams.into_iter(), given: 0 }, clients)
    }
}

impl Listener for Given {
    type Io = DuplexStream;
    type Addr = usize;

    async fn accept(&mut self) -> io::Result<(DuplexStream, usize)> {
        let Some(stream) = self.streams.next() else { return pending().await };
        self.given += 1;
        Ok((stream, self.given - 1))
    }
}

pub type Answer = Result<Response<String>, BoxError>;

pub async fn hello(_: Request<Incoming>) -> Answer {
    Ok(Response::new("hello".to_owned()))
}

/// A body without end. It counts the bytes that it has returned.
pub struct Endless {
    pub given: Rc<Cell<usize>>,
    pub piece: usize,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.given.set(self.given.get() + self.piece);
        Poll::Ready(Some(Ok(Frame::data(vec![b'x'; self.piece].into()))))
    }
}

/// Returns what comes until the server has closed the connection.
pub async fn rest(client: &mut DuplexStream) -> Vec<u8> {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    rest
}

// The frames of HTTP/2 (RFC 9113, 4.1 and 6).

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Returns the preface, and settings that say how many bytes a response may have before more are asked for.
pub fn begin(window: u32) -> Vec<u8> {
    let setting = [&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// Returns the head of a request: static entries (RFC 7541, A), and a host that is `x`.
fn head(method: u8) -> [u8; 6] {
    [method, 0x84, 0x86, 0x41, 1, b'x']
}

pub fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(0x82))
}

/// Returns the head of a request whose body is to follow.
pub fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &head(0x83))
}

pub fn more(stream: u32, bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

pub struct Received {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// Returns the next frame, or `None` at the end.
pub async fn receive(client: &mut (impl AsyncReadExt + Unpin)) -> Option<Received> {
    let mut head = [0; 9];
    client.read_exact(&mut head).await.ok()?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; len as usize];
    client.read_exact(&mut payload).await.ok()?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some(Received { kind: head[3], stream, payload })
}

/// Reads frames up to one of this kind.
pub async fn receive_until(client: &mut (impl AsyncReadExt + Unpin), kind: u8) -> Received {
    loop {
        let received = receive(client).await.expect("the server goes on");
        if received.kind == kind {
            return received;
        }
    }
}

pub async fn send(client: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) {
    client.write_all(bytes).await.unwrap();
}
