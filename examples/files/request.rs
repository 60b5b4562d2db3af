//! The head of a request, and the part of a file that it asks for.

use crate::tree::Status;
use httpdate::HttpDate;
use std::mem::MaybeUninit;
use std::ops::Range;

/// The most bytes of a head.
const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 100;

#[derive(Default)]
pub struct Request {
    /// In bytes.
    pub len: usize,
    pub method: Method,
    /// The path as it was sent: without the host and what follows `?`, but still encoded.
    pub path: String,
    /// What follows the path: nothing, or everything from `?` on.
    pub query: String,
    pub is_http_1_0: bool,
    /// Whether another request may follow on this connection.
    pub keeps_alive: bool,
    pub if_modified_since: Option<HttpDate>,
    /// The version of the file of which the part is wanted. Of another version, the whole file is wanted.
    pub if_range: Option<String>,
    pub range: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    #[default]
    Get,
    Head,
    Other,
}

impl Request {
    /// Parses the request that `bytes` begins with. Returns `None` if it is not complete.
    pub fn parse(bytes: &[u8]) -> Result<Option<Request>, Status> {
        let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut head = httparse::Request::new(&mut []);
        let len = match head.parse_with_uninit_headers(bytes, &mut fields) {
            Ok(httparse::Status::Complete(len)) if len <= MAX_HEAD => len,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Status::HEAD_TOO_LARGE),
            Err(_) => return Err(Status::BAD_REQUEST),
        };
        let method = match head.method.unwrap_or_default() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        let target = head.path.unwrap_or_default();
        // A server has to understand a whole URL too.
        let target = match target.strip_prefix("http://") {
            Some(rest) => rest.find(['/', '?']).map_or("/", |at| &rest[at..]),
            None => target,
        };
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let is_http_1_0 = head.version == Some(0);
        let mut request = Request {
            len,
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            is_http_1_0,
            keeps_alive: !is_http_1_0,
            ..Request::default()
        };
        request.read_fields(head.headers)?;
        Ok(Some(request))
    }

    fn read_fields(&mut self, fields: &[httparse::Header<'_>]) -> Result<(), Status> {
        let (mut hosts, mut has_body, mut closes, mut has_tags) = (0, false, false, false);
        for field in fields {
            let value = || String::from_utf8_lossy(field.value).into_owned();
            match field.name.to_ascii_lowercase().as_str() {
                "host" => hosts += 1,
                "connection" => {
                    let mut options = field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                    closes |= options.clone().any(|option| option.eq_ignore_ascii_case(b"close"));
                    self.keeps_alive |= options.any(|option| option.eq_ignore_ascii_case(b"keep-alive"));
                }
                "content-length" => has_body |= field.value != b"0",
                "transfer-encoding" => has_body = true,
                "if-modified-since" => self.if_modified_since = value().parse().ok(),
                // It would decide (RFC 9110, 13.1.3), but there are no tags here that it could know.
                "if-none-match" => has_tags = true,
                "if-range" => self.if_range = Some(value()),
                "range" => self.range = Some(value()),
                _ => {}
            }
        }
        self.keeps_alive &= !closes;
        if has_tags {
            self.if_modified_since = None;
        }
        if has_body {
            // Nothing here reads bodies, so what follows is no request. Other methods are refused anyway.
            self.keeps_alive = false;
            if self.method != Method::Other {
                return Err(Status::BAD_REQUEST);
            }
        }
        // RFC 9112, 3.2.
        if hosts > 1 || (hosts == 0 && !self.is_http_1_0) { Err(Status::BAD_REQUEST) } else { Ok(()) }
    }
}

/// Returns the part of a file of `len` bytes that a range asks for, such as `bytes=2-5`, `bytes=2-` and `bytes=-5` (RFC
/// 9110, 14.2). Returns `Ok(None)`, for the whole file, if there are several ranges or they cannot be understood.
pub fn part(range: &str, len: u64) -> Result<Option<Range<u64>>, Status> {
    let Some((unit, (first, last))) =
        range.split_once('=').and_then(|(unit, part)| Some((unit, part.split_once('-')?)))
    else {
        return Ok(None);
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Ok(None);
    }
    let part = match (first, number(first), last, number(last)) {
        ("", _, _, Some(last)) => len.saturating_sub(last)..len,
        (_, Some(first), "", _) => first..len,
        (_, Some(first), _, Some(last)) if first <= last => first..len.min(last.saturating_add(1)),
        _ => return Ok(None),
    };
    if part.is_empty() { Err(Status::NOT_SATISFIABLE) } else { Ok(Some(part)) }
}

/// Parses a number. One that is too large is as good as the largest: no file has so many bytes.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
