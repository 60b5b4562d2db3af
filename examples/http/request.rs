//! The head of a request: from bytes to what the server has to know.
//!
//! If two servers in a row could disagree about where a request ends, somebody can hide a second request in the first
//! ("request smuggling", RFC 9112, 11.2). So anything doubtful is refused here.

use crate::body::{Body, MAX_BODY};
use crate::response::Status;
use crate::routes::Route;
use std::mem::MaybeUninit;

/// The most bytes of a head.
pub const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;

/// It borrows nothing from the buffer it was read from, so more can be read into that.
pub struct Head {
    /// In bytes, up to the body.
    pub len: usize,
    pub method: Method,
    pub route: Route,
    pub body: Body,
    pub is_http_1_0: bool,
    /// Whether another request may follow on this connection.
    pub keeps_alive: bool,
    /// Whether the client waits for a `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Other,
}

impl Head {
    /// Parses the head that `bytes` begins with. Returns `None` if it is not complete.
    pub fn parse(bytes: &[u8]) -> Result<Option<Head>, Status> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let len = match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(httparse::Status::Complete(len)) if len <= MAX_HEAD => len,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Status::HEAD_TOO_LARGE),
            Err(_) => return Err(Status::BAD_REQUEST),
        };
        let fields = Fields::read(request.headers)?;
        let is_http_1_0 = request.version == Some(0);
        // RFC 9112, 3.2 and 6.1.
        let is_chunked = matches!(fields.body, Some(Body::ChunkSize));
        if fields.hosts > 1 || (fields.hosts == 0 && !is_http_1_0) || (is_http_1_0 && is_chunked) {
            return Err(Status::BAD_REQUEST);
        }
        let method = match request.method.unwrap_or_default() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => Method::Other,
        };
        Ok(Some(Head {
            len,
            method,
            route: Route::find(request.path.unwrap_or_default()),
            body: fields.body.unwrap_or(Body::Length(0)),
            is_http_1_0,
            keeps_alive: !fields.closes && (fields.keeps_alive || !is_http_1_0),
            expects_continue: fields.expects_continue && !is_http_1_0,
        }))
    }
}

/// The header fields that this server uses.
#[derive(Default)]
struct Fields {
    body: Option<Body>,
    hosts: usize,
    closes: bool,
    keeps_alive: bool,
    expects_continue: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Fields, Status> {
        let mut fields = Fields::default();
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("host") {
                fields.hosts += 1;
            } else if is("connection") {
                for option in header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    fields.closes |= option.eq_ignore_ascii_case(b"close");
                    fields.keeps_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            } else if is("content-length") {
                fields.set_body(content_length(header.value)?)?;
            } else if is("transfer-encoding") {
                let is_chunked = header.value.eq_ignore_ascii_case(b"chunked");
                fields.set_body(Body::ChunkSize)?;
                if !is_chunked {
                    return Err(Status::NOT_IMPLEMENTED);
                }
            } else if is("expect") {
                // One such field is enough, wherever it stands.
                fields.expects_continue |= header.value.eq_ignore_ascii_case(b"100-continue");
            }
        }
        Ok(fields)
    }

    /// A request that says twice how long its body is may be read in two ways, even if both say the same.
    fn set_body(&mut self, body: Body) -> Result<(), Status> {
        if self.body.replace(body).is_some() { Err(Status::BAD_REQUEST) } else { Ok(()) }
    }
}

/// Parses digits and nothing else: `parse` alone would accept a sign.
fn content_length(value: &[u8]) -> Result<Body, Status> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Status::BAD_REQUEST);
    }
    let len = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
    match len {
        Some(len) if len <= MAX_BODY => Ok(Body::Length(len)),
        _ => Err(Status::CONTENT_TOO_LARGE),
    }
}
