//! Asks a program that runs what each of its tasks waits for: its live view, see `runtime/src/watch/live`.
//!
//! ```text
//!   PID ──▶ the addresses that the process listens at ──▶ GET /dump ──▶ an answer with the field Ayi-Process ──▶ its text
//! ```
//!
//! An address whose answer has no such field belongs to another server, and is asked nothing else. The number in it has to
//! be that of the process: one that was forked has the sockets of its parent, and no view.

use super::Error;
use super::listeners::Process;
use ayi_lens::text::shown;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The variable that tells a program where to serve its live view.
const VARIABLE: &str = "AYI_LIVE";
/// The field of an answer that names the process.
const FIELD: &str = "Ayi-Process";
/// How long a connection may take, the answer's beginning, and each further piece of the answer. The view itself waits for
/// a second if a runtime is stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest head of an answer.
const LARGEST_HEAD: usize = 16 << 10;

/// Whom to ask.
#[derive(Debug, PartialEq)]
pub enum Target {
    Process(u32),
    Address(String),
}

impl Target {
    pub fn parse(word: &str) -> Option<Target> {
        match word.parse() {
            Ok(number) => Some(Target::Process(number)),
            // A port alone is one of this machine, like in AYI_LIVE.
            Err(_) if word.starts_with(':') => {
                Some(Target::Address(format!("{}{word}", Ipv4Addr::LOCALHOST)))
            }
            Err(_) => word.contains(':').then(|| Target::Address(word.to_owned())),
        }
    }
}

/// Returns what the program says, as it can be printed.
pub fn dump(target: &Target) -> Result<String, Error> {
    let said = match target {
        Target::Process(number) => of_process(*number)?,
        Target::Address(address) => of_address(address)?,
    };
    Ok(said.lines().map(|line| shown(line) + "\n").collect())
}

fn of_address(said: &str) -> Result<String, Error> {
    let addresses =
        said.to_socket_addrs().map_err(|error| format!("cannot find the address {said}: {error}"))?;
    let mut failed = Vec::new();
    for address in addresses {
        match ask(address, |_| true) {
            Ok(text) => return Ok(text),
            Err(why) => failed.push(format!("{address}: {why}")),
        }
    }
    Err(format!("{said} has given no dump. {}. {}", failed.join("; "), what_to_do(None)))
}

fn of_process(number: u32) -> Result<String, Error> {
    let process = Process::find(number)?;
    let addresses = process.addresses()?;
    let said = process.variable(VARIABLE).filter(|said| !said.is_empty());
    if addresses.is_empty() {
        let advice = what_to_do(said.as_deref());
        return Err(format!("process {number} listens nowhere, so it has no live view. {advice}"));
    }
    let is_likely = |address: &SocketAddr| said.as_deref().is_some_and(|said| matches(said, *address));
    let (likely, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_likely);
    let (process, mut failed) = (Arc::new(process), Vec::new());
    for addresses in [likely, others] {
        match ask_all(addresses, &process) {
            Ok(text) => return Ok(text),
            Err(mut more) => failed.append(&mut more),
        }
    }
    let (tried, advice) = (failed.join("; "), what_to_do(said.as_deref()));
    Err(format!("process {number} has no live view that answers. It listens at {tried}. {advice}"))
}

/// Returns whether this is an address at which a view is served that is wanted at `said`: the port 0 means any.
fn matches(said: &str, address: SocketAddr) -> bool {
    let port = said.strip_prefix(':').unwrap_or(said).parse().ok();
    let own = port.map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    let wanted = said.parse().ok().or(own);
    wanted.is_some_and(|it: SocketAddr| it.ip() == address.ip() && [0, address.port()].contains(&it.port()))
}

/// Says how a program gets a live view. `said`: where it was told to serve one.
fn what_to_do(said: Option<&str>) -> String {
    match said {
        Some(said) => format!("It has {VARIABLE}={said}: is it built with ayi's feature `live`?"),
        None => format!("Build it with ayi's feature `live`, and run it with {VARIABLE}=127.0.0.1:0"),
    }
}

/// Asks at all addresses at the same time, and returns the first dump, or why there is none.
fn ask_all(addresses: Vec<SocketAddr>, process: &Arc<Process>) -> Result<String, Vec<String>> {
    let (sender, answers) = mpsc::channel();
    for address in addresses {
        let (sender, process) = (sender.clone(), process.clone());
        thread::spawn(move || {
            let answer = ask(address, |number| process.calls_itself(number));
            // If another address has answered, nobody waits for this one.
            let _ = sender.send(answer.map_err(|why| format!("{address}: {why}")));
        });
    }
    drop(sender);
    let mut failed = Vec::new();
    for answer in answers {
        match answer {
            Ok(text) => return Ok(text),
            Err(why) => failed.push(why),
        }
    }
    failed.sort();
    Err(failed)
}

/// Asks a live view, whose process must be one that `is_wanted`.
fn ask(address: SocketAddr, is_wanted: impl Fn(u32) -> bool) -> Result<String, String> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => format!("no answer within {PATIENCE:?}"),
        _ => error.to_string(),
    };
    let mut stream = connect(address).map_err(failed)?;
    let (mut answer, mut head) = (Vec::new(), None);
    let mut deadline = Instant::now() + PATIENCE;
    while read_more(&mut stream, &mut answer, deadline).map_err(failed)? {
        if head.is_none() {
            head = Head::of(&answer)?;
        }
        // What follows a head that is right is worth waiting for.
        if let Some(head) = &head {
            head.check(&is_wanted)?;
            deadline = Instant::now() + PATIENCE;
        }
    }
    let Some(head) = head else { return Err("it has closed the connection without an answer".into()) };
    let body = String::from_utf8_lossy(&answer[head.length..]).into_owned();
    match head.status.split(' ').next() {
        Some("200") => Ok(body),
        _ => Err(format!("{}: {}", shown(&head.status), shown(body.trim_end()))),
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    // What listens at all addresses is reached at that of this machine.
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, address.port());
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(
        format!("GET /dump HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    Ok(stream)
}

/// Reads what comes until the deadline. Returns false at the end.
fn read_more(stream: &mut TcpStream, answer: &mut Vec<u8>, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    let mut piece = [0; 8 << 10];
    match stream.read(&mut piece) {
        Ok(length) => {
            answer.extend_from_slice(&piece[..length]);
            Ok(length > 0)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}

/// The head of an answer of a live view.
struct Head {
    /// With what it says in words.
    status: String,
    process: u32,
    length: usize,
}

impl Head {
    /// Reads the head, if all of it is there. It is an error if it is that of something else.
    fn of(answer: &[u8]) -> Result<Option<Head>, String> {
        let foreign = || "it answers, but is no live view".to_owned();
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            let is_like_http = answer.iter().zip(b"HTTP/1.").all(|(one, other)| one == other);
            return if is_like_http && answer.len() < LARGEST_HEAD { Ok(None) } else { Err(foreign()) };
        };
        let head = std::str::from_utf8(&answer[..end]).map_err(|_| foreign())?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or_else(foreign)?;
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        let process = fields.find(|(name, _)| name.eq_ignore_ascii_case(FIELD));
        let process = process.and_then(|(_, value)| value.trim().parse().ok()).ok_or_else(foreign)?;
        Ok(Some(Head { status: status.to_owned(), process, length: end + 4 }))
    }

    fn check(&self, is_wanted: impl Fn(u32) -> bool) -> Result<(), String> {
        match is_wanted(self.process) {
            true => Ok(()),
            false => Err(format!("it is the live view of process {}", self.process)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let address = |text: &str| Some(Target::Address(text.to_owned()));
        assert_eq!(Target::parse("4711"), Some(Target::Process(4711)));
        assert_eq!(Target::parse("localhost:80"), address("localhost:80"));
        assert_eq!(Target::parse("[::1]:80"), address("[::1]:80"));
        assert_eq!(Target::parse(":80"), address("127.0.0.1:80"));
        for neither in ["", "server", "-1", "1.5"] {
            assert_eq!(Target::parse(neither), None, "{neither}");
        }
    }

    #[test]
    fn what_the_environment_says_comes_first() {
        let matches = |said, address: &str| matches(said, address.parse().unwrap());
        for said in ["127.0.0.1:80", "127.0.0.1:0", ":80", "80", "0"] {
            assert!(matches(said, "127.0.0.1:80"), "{said}");
        }
        for said in ["127.0.0.1:81", "[::1]:80", "0.0.0.0:0", "nonsense"] {
            assert!(!matches(said, "127.0.0.1:80"), "{said}");
        }
    }

    #[test]
    fn heads() {
        let status = |text: &str| Head::of(text.as_bytes()).map(|head| head.map(|head| head.process));
        assert_eq!(status("HTTP/1.1 200 OK\r\nA: b\r\nayi-process: 7\r\n\r\nx"), Ok(Some(7)));
        for unfinished in ["", "HT", "HTTP/1.1 200 OK\r\nAyi-Process: 7\r\n"] {
            assert_eq!(status(unfinished), Ok(None), "{unfinished}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LARGEST_HEAD));
        for foreign in
            ["SSH-2.0", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nAyi-Process: x\r\n\r\n", &endless]
        {
            assert!(status(foreign).is_err(), "{foreign}");
        }
    }
}
