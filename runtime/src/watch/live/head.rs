//! The head of a request: as much of HTTP as a page needs that fetches three things.

use super::reply::Refusal;
use std::io::Read;
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

/// The longest head. A browser's has some 600 bytes.
const LARGEST: usize = 8 << 10;
/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the head of a request, and returns the path that it asks for.
///
/// # Errors
///
/// Fails with what is to be answered instead.
pub(super) fn path(stream: &mut TcpStream) -> Result<String, Refusal> {
    path_in(&read(stream)?).map(str::to_owned)
}

fn read(stream: &mut TcpStream) -> Result<String, Refusal> {
    let deadline = Instant::now() + PATIENCE;
    let mut head = vec![0; LARGEST];
    let mut length = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err(Refusal::SLOW);
        }
        match stream.read(&mut head[length..]) {
            Ok(0) => return Err(Refusal::GONE),
            Ok(bytes) => length += bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(Refusal::SLOW),
        }
        if let Some(end) = head[..length].windows(4).position(|four| four == b"\r\n\r\n") {
            head.truncate(end);
            return String::from_utf8(head).map_err(|_| Refusal::NOT_HTTP);
        }
        if length == LARGEST {
            return Err(Refusal::LARGE);
        }
    }
}

fn path_in(head: &str) -> Result<&str, Refusal> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::NOT_HTTP);
    };
    if !version.starts_with("HTTP/1.") {
        return Err(Refusal::NOT_HTTP);
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let mut hosts = fields.filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host.trim());
    // A page of another site could have its name lead to this address, and would then be allowed to read what is here.
    if !hosts.next().is_some_and(is_no_name) || hosts.next().is_some() {
        return Err(Refusal::FOREIGN);
    }
    if method != "GET" {
        return Err(Refusal::NOT_GET);
    }
    Ok(target.split('?').next().unwrap_or_default())
}

/// Whether a host is an address or `localhost`, with a port or without.
fn is_no_name(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    let inside = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_address = [host, inside].iter().any(|it| it.parse::<IpAddr>().is_ok());
    is_address || name.eq_ignore_ascii_case("localhost")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "10.1.2.3:6060", "[::1]", "[::1]:6060", "::1"]
        {
            assert!(is_no_name(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io", "localhost:x", "[::1"]
        {
            assert!(!is_no_name(host), "{host}");
        }
    }

    #[test]
    fn heads() {
        fn status(head: &str) -> Result<&str, &'static str> {
            path_in(head).map_err(|refusal| refusal.status)
        }
        assert_eq!(status("GET /events?a=b HTTP/1.1\r\nHost: [::1]:1\r\nX: y"), Ok("/events"));
        assert_eq!(status("GET / HTTP/1.1\r\nhOsT:localhost"), Ok("/"));
        assert_eq!(status("GET / HTTP/1.1\r\nHost: a.example"), Err("403 Forbidden"));
        assert_eq!(status("GET / HTTP/1.1\r\nHost: ::1\r\nHost: a.example"), Err("403 Forbidden"));
        assert_eq!(status("GET / HTTP/1.1"), Err("403 Forbidden"));
        assert_eq!(status("HEAD / HTTP/1.1\r\nHost: ::1"), Err("405 Method Not Allowed"));
        for head in ["", "GET /", "GET / HTTP/2", "GET  / HTTP/1.1", "GET / HTTP/1.1 x"] {
            assert_eq!(status(head), Err("400 Bad Request"), "{head}");
        }
    }
}
