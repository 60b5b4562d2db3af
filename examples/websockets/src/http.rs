//! The first request of a connection.
//!
//! ```text
//!   GET /      the page, and the end
//!   GET /chat  with the fields of a handshake (RFC 6455, 4.1): a WebSocket from here on
//! ```
//!
//! `accept_async` would read the request itself, and knows only handshakes. So the request is read here, and
//! tungstenite's parts for the handshake are used one by one.

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::error::{Error, ProtocolError};
use async_tungstenite::tungstenite::handshake::machine::TryParse;
use async_tungstenite::tungstenite::handshake::server::{Request, Response, create_response, write_response};
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use ayi::io::AsyncWriteExt;
use ayi::net::TcpStream;
use ayi::time::{Duration, timeout};
use std::io;

const PAGE: &str = include_str!("page.html");
const BAD: &str = "400 Bad Request";
const FORBIDDEN: &str = "403 Forbidden";
const UPGRADE: &str = "426 Upgrade Required";
/// In bytes.
const MAX_HEAD: usize = 8 * 1024;
/// The limit for the whole request. Otherwise a client could send a byte now and then for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// In bytes. Nobody types that much; a client that sends more is disconnected.
pub const MAX_MESSAGE: usize = 16 * 1024;
/// The bytes that may wait in a socket for a client that does not read: the longest message with a name before it, the
/// answer to a ping and the last frame. Anything beyond ends the conversation. tungstenite's own limit is that of
/// `usize`.
const MAX_WAITING: usize = 2 * MAX_MESSAGE;

pub type Socket<'a> = WebSocketStream<&'a TcpStream>;

/// Answers it. Returns `None` if that was all, or if the client has vanished.
pub async fn answer(stream: &TcpStream) -> Option<Socket<'_>> {
    timeout(PATIENCE, try_answer(stream)).await.ok()?.ok()?
}

async fn try_answer(mut stream: &TcpStream) -> io::Result<Option<Socket<'_>>> {
    let mut input = Vec::new();
    let (len, request) = match read_head(stream, &mut input).await? {
        Ok(head) => head,
        Err(status) => return refuse(stream, status).await,
    };
    match request.uri().path() {
        "/" => {
            let head = head("200 OK", "Content-Type: text/html; charset=utf-8", PAGE.len());
            stream.write_all(format!("{head}{PAGE}").as_bytes()).await?;
            Ok(None)
        }
        "/chat" => match invite(&request) {
            Ok(response) => {
                let mut head = Vec::new();
                write_response(&mut head, &response)
                    .expect("it was made by tungstenite, and a Vec takes all");
                stream.write_all(&head).await?;
                // The buffers are small: most clients say little, and there may be many.
                let config = WebSocketConfig::default()
                    .read_buffer_size(4 * 1024)
                    .write_buffer_size(4 * 1024)
                    .max_write_buffer_size(MAX_WAITING)
                    .max_message_size(Some(MAX_MESSAGE))
                    .max_frame_size(Some(MAX_MESSAGE));
                let rest = input.split_off(len);
                Ok(Some(Socket::from_partially_read(stream, rest, Role::Server, Some(config)).await))
            }
            Err(status) => refuse(stream, status).await,
        },
        _ => refuse(stream, "404 Not Found").await,
    }
}

/// Returns the request and its length in `input`, or the status that it deserves.
async fn read_head(
    stream: &TcpStream,
    input: &mut Vec<u8>,
) -> io::Result<Result<(usize, Request), &'static str>> {
    let mut chunk = [0; 1024];
    loop {
        match Request::try_parse(input) {
            Ok(Some(head)) => return Ok(Ok(head)),
            Ok(None) if input.len() > MAX_HEAD => return Ok(Err("431 Request Header Fields Too Large")),
            Ok(None) => {}
            Err(Error::Protocol(ProtocolError::WrongHttpMethod)) => return Ok(Err("405 Method Not Allowed")),
            Err(_) => return Ok(Err(BAD)),
        }
        match stream.read(&mut chunk).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => input.extend_from_slice(&chunk[..n]),
        }
    }
}

/// Returns the answer to a handshake that is beyond doubt, or the status that it deserves.
///
/// A field that decides something must stand only once. Of two, a proxy in front could use one and we the other. A list
/// in one field is as good as several (RFC 9110, 5.3), but what we look for in `Connection` has to be in the first.
fn invite(request: &Request) -> Result<Response, &'static str> {
    let host = only(request, "host")?.ok_or(BAD)?;
    let origin = only(request, "origin")?;
    if request.uri().authority().is_some_and(|authority| *authority != host) {
        return Err(BAD);
    }
    for name in ["upgrade", "sec-websocket-key", "sec-websocket-version"] {
        only(request, name)?;
    }
    // The bytes after the head would be a body to a proxy, and frames to us.
    let has_body = only(request, "content-length")?.is_some_and(|len| len != "0");
    if has_body || request.headers().contains_key("transfer-encoding") {
        return Err(BAD);
    }
    if origin.is_some_and(|origin| is_foreign(origin, host)) {
        return Err(FORBIDDEN);
    }
    create_response(request).map_err(|error| match error {
        // It is not sixteen bytes in base64 (RFC 6455, 4.2.1).
        Error::Protocol(ProtocolError::InvalidSecWebSocketKey) => BAD,
        _ => UPGRADE,
    })
}

/// Returns the value of a field that may stand at most once, and has to be printable ASCII: anything else is no host or
/// origin.
fn only<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, &'static str> {
    let mut values = request.headers().get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| BAD),
        (Some(_), Some(_)) => Err(BAD),
    }
}

/// Browsers let any page of the web open WebSockets to anywhere, and say in `Origin` which page it was.
fn is_foreign(origin: &str, host: &str) -> bool {
    let Some((scheme, from)) = origin.split_once("://") else { return true };
    !matches!(scheme, "http" | "https") || !from.eq_ignore_ascii_case(host)
}

async fn refuse<'a>(mut stream: &'a TcpStream, status: &str) -> io::Result<Option<Socket<'a>>> {
    let fields = match status {
        UPGRADE => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Type: text/plain",
        _ => "Content-Type: text/plain",
    };
    let head = head(status, fields, status.len() + 1);
    stream.write_all(format!("{head}{status}\n").as_bytes()).await?;
    Ok(None)
}

fn head(status: &str, fields: &str, len: usize) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n")
}
