//! The requests in a stream, by the shortest code that implements RFC 9112: the whole stream is here, so nothing is
//! ever half read.

/// The server's limits, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 1024 * 1024;

pub struct Request {
    pub is_head: bool,
    /// Whether it is `POST /echo`: the answer is the body.
    pub is_echo: bool,
    pub is_chunked: bool,
    pub body: Vec<u8>,
}

/// Returns all requests up to the first that is incomplete or doubtful.
pub fn requests(mut stream: &[u8]) -> Vec<Request> {
    let mut found = Vec::new();
    while let Some((request, len)) = request(stream) {
        found.push(request);
        stream = &stream[len..];
    }
    found
}

fn request(stream: &[u8]) -> Option<(Request, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(len) = head.parse(stream).ok()? else { return None };
    let values = |name: &str| {
        let named = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value).collect::<Vec<_>>()
    };
    let (hosts, lengths, codings) = (values("host"), values("content-length"), values("transfer-encoding"));
    let is_old = head.version == Some(0);
    let is_chunked = !codings.is_empty();
    // RFC 9112, 3.2, 6.1 and 6.3.
    let is_doubtful = hosts.len() > 1
        || (hosts.is_empty() && !is_old)
        || lengths.len() + codings.len() > 1
        || (is_chunked && (is_old || !codings[0].eq_ignore_ascii_case(b"chunked")));
    if is_doubtful || len > MAX_HEAD {
        return None;
    }
    let (mut body, mut rest) = (Vec::new(), &stream[len..]);
    if is_chunked {
        rest = chunks(rest, &mut body)?;
    } else if let [length] = lengths[..] {
        let (content, after) = rest.split_at_checked(number(length, 10)?)?;
        (body, rest) = (content.to_vec(), after);
    }
    let is_head = head.method == Some("HEAD");
    let target = head.path?.split('?').next()?;
    let is_echo = head.method == Some("POST") && target == "/echo";
    (body.len() <= MAX_BODY)
        .then_some((Request { is_head, is_echo, is_chunked, body }, stream.len() - rest.len()))
}

fn number(digits: &[u8], radix: u32) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.iter().all(|digit| char::from(*digit).is_digit(radix));
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok().filter(|_| is_number)
}

/// Reads chunks into `body`, and returns what follows.
fn chunks<'a>(mut rest: &'a [u8], body: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let (line, after) = (&rest[..end], &rest[end + 2..]);
        // Anything that is no digit may follow the number, but no other end of a line.
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let len = number(&line[..digits], 16).filter(|_| !line.contains(&b'\n') && !line.contains(&b'\r'))?;
        if len == 0 {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let trailer = httparse::parse_headers(after, &mut fields).ok()?;
            let httparse::Status::Complete((len, _)) = trailer else { return None };
            return Some(&after[len..]);
        }
        let (content, after) = after.split_at_checked(len)?;
        body.extend_from_slice(content);
        rest = after.strip_prefix(b"\r\n")?;
    }
}
