//! What a client is sent: heads of answers, refusals, and bytes that must be taken in time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// How long a client may take for a piece of what it is sent. It is longer than a laptop needs that is busy with the page.
const PATIENCE: Duration = Duration::from_secs(5);
const PIECE: usize = 64 << 10;
/// How long is waited for what a client goes on to send after it was refused.
const LINGER: Duration = Duration::from_millis(500);

/// For every answer. The page may run its own scripts and fetch from here, and nothing else.
const COMMON: &str = "Connection: close\r\n\
    Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Referrer-Policy: no-referrer\r\n\
    Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

pub(super) const OK: &str = "200 OK";

/// Why a request is not answered.
pub(super) struct Refusal {
    pub(super) status: &'static str,
    why: &'static str,
}

impl Refusal {
    /// There is nobody to answer.
    pub(super) const GONE: Refusal = Refusal { status: "", why: "" };
    pub(super) const NOT_HTTP: Refusal =
        Refusal { status: "400 Bad Request", why: "This is no request of HTTP/1.1." };
    pub(super) const FOREIGN: Refusal = Refusal {
        status: "403 Forbidden",
        why: "The host must be an IP address or localhost: other names may be those of a page that is not to see this.",
    };
    pub(super) const UNKNOWN: Refusal =
        Refusal { status: "404 Not Found", why: "There are /, /dump, /events and /recording." };
    pub(super) const NOT_GET: Refusal = Refusal {
        status: "405 Method Not Allowed",
        why: "Only GET is allowed: nothing can be changed here.",
    };
    pub(super) const SLOW: Refusal =
        Refusal { status: "408 Request Timeout", why: "The head of the request did not come within 5 s." };
    pub(super) const LARGE: Refusal = Refusal {
        status: "431 Request Header Fields Too Large",
        why: "The head of a request may have 8 KiB.",
    };
    pub(super) const FULL: Refusal = Refusal {
        status: "503 Service Unavailable",
        why: "Eight clients look on already. Close one of the pages.",
    };
}

/// Sends the head of an answer. `more`: further fields, each with its end of line.
pub(super) fn head(stream: &mut TcpStream, status: &str, kind: &str, more: &str) -> io::Result<()> {
    // By this field `ayi-lens dump` knows the view of the process that it looks for.
    let process = std::process::id();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nAyi-Process: {process}\r\n{more}{COMMON}\r\n");
    send(stream, head.as_bytes())
}

/// Sends `bytes`.
///
/// # Errors
///
/// Fails if the client is gone, or does not take a piece of them in time.
pub(super) fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    bytes.chunks(PIECE).try_for_each(|piece| send_piece(stream, piece))
}

/// Like `write_all`, which would give a client that takes single bytes as much time for each.
fn send_piece(stream: &mut TcpStream, mut piece: &[u8]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !piece.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(piece) {
            Ok(written) => piece = &piece[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Says why there is no answer.
pub(super) fn refuse(stream: &mut TcpStream, refusal: &Refusal) -> io::Result<()> {
    if refusal.status.is_empty() {
        return Ok(());
    }
    let allow = if refusal.status == Refusal::NOT_GET.status { "Allow: GET\r\n" } else { "" };
    let more = format!("Content-Length: {}\r\n{allow}", refusal.why.len() + 1);
    head(stream, refusal.status, "text/plain; charset=utf-8", &more)?;
    send(stream, format!("{}\n", refusal.why).as_bytes())?;
    linger(stream)
}

/// Reads on for a moment. If a socket is closed before all was read, the answer may be lost on its way.
fn linger(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let (deadline, mut rest) = (Instant::now() + LINGER, [0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        if stream.read(&mut rest)? == 0 {
            return Ok(());
        }
    }
}
