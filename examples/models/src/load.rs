//! The client of all measurements: one thread with many connections, each of which asks again when it is answered.
//!
//! The loop is closed: 16 connections never have more than 16 questions under way, and a server that is slow is
//! asked less often. So a latency here is what a client waits for a server at full speed, not at a given rate, and
//! requests per second = connections / mean latency.
//!
//! 1. Every answer is compared, byte by byte, with what it must be.
//! 2. Nothing waits without end: to connect and to be answered may each take [`PATIENCE`].
//! 3. A connection that fails is counted in [`Errors`] and closed; the others go on.
//! 4. Between two calls of [`Clients::ask`] no question is under way: what a server reports before and after is what
//!    the questions of that call have cost.

use crate::epoll::{EDGE, Epoll, Events, READABLE, WRITABLE};
use crate::protocol::{MESSAGE, Message, SLOW};
use crate::{rungs, sys};
use hdrhistogram::Histogram;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long an answer may take, or a connection.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What is longer is counted as this, in nanoseconds.
const LONGEST: u64 = 2 * PATIENCE.as_nanos() as u64;

/// So many connections are opened, and answered once, before the next: they fit into every server's queue.
const BATCH: usize = 64;

/// How many different blocks are asked for. Each server of blocks has some more.
const BLOCKS: u64 = 1_000;

pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    /// More connections, which keep asking what takes long to answer, and are not measured.
    pub slow: usize,
    /// Bytes of an answer. With [`rungs::BLOCK`], questions are numbers of blocks; else they are their own answers.
    pub answer: usize,
    pub warm_up: Duration,
    pub time: Duration,
}

/// What was measured.
pub struct Taken {
    pub requests: u64,
    /// Until the last answer.
    pub elapsed: Duration,
    /// In nanoseconds.
    pub latencies: Histogram<u64>,
    /// The longest latency of each connection.
    pub longest: Vec<Duration>,
    /// All that went wrong since the connections were opened.
    pub errors: Errors,
}

impl Load {
    pub fn run(&self) -> io::Result<Taken> {
        let mut clients = self.connect()?;
        clients.ask(self.warm_up)?;
        clients.ask(self.time)
    }

    /// Opens all connections, and has each answered once: so the server knows them all.
    ///
    /// An error is one of this side, no descriptor left for instance. Others are in [`Clients::errors`].
    pub fn connect(&self) -> io::Result<Clients> {
        let mut clients = Clients {
            epoll: Epoll::new()?,
            clients: Vec::new(),
            measured: self.connections,
            asking: usize::MAX,
            waiting: 0,
            errors: Errors::default(),
        };
        let total = self.connections + self.slow;
        // A server that is not there, or does nothing, is not asked 4,000 times: it would take hours.
        while clients.clients.len() < total && clients.errors.refused + clients.errors.late == 0 {
            let first = clients.clients.len();
            for number in first..total.min(first + BATCH) {
                match Client::connect(self, number)? {
                    Ok(client) => clients.add(client)?,
                    Err(trouble) => {
                        clients.errors.add(number, 0, &trouble);
                        break;
                    }
                }
            }
            clients.talk(first..clients.clients.len(), Duration::ZERO)?;
        }
        Ok(clients)
    }
}

/// The connections. To drop this closes them.
pub struct Clients {
    epoll: Epoll,
    /// `None` where something went wrong.
    clients: Vec<Option<Client>>,
    /// The first so many; the others are the slow ones.
    measured: usize,
    /// How many of them ask: all, unless somebody says so. The others stay connected, and are silent.
    pub asking: usize,
    /// Questions under way.
    waiting: usize,
    pub errors: Errors,
}

impl Clients {
    /// Everybody asks for so long, but at least once; then waits for the last answers.
    pub fn ask(&mut self, time: Duration) -> io::Result<Taken> {
        self.talk(0..self.asking.min(self.clients.len()), time)
    }

    fn add(&mut self, client: Client) -> io::Result<()> {
        self.epoll.add(&client.socket, READABLE | WRITABLE | EDGE, self.clients.len() as u64)?;
        self.clients.push(Some(client));
        Ok(())
    }

    fn talk(&mut self, who: Range<usize>, time: Duration) -> io::Result<Taken> {
        let mut taken = Taken::nothing(self.measured);
        let start = Instant::now();
        for number in who {
            self.act(number, |client| client.ask(Instant::now()));
        }
        // One byte more than an answer, to see when there is too much.
        let mut buf = vec![0; rungs::BLOCK + 1];
        let mut events = Events::new();
        let mut last_look = start;
        while self.waiting > 0 {
            self.epoll.wait(&mut events, Some(PATIENCE / 10))?;
            for (token, _) in events.iter() {
                let number = token as usize;
                let Some(Some((asked, answered))) = self.act(number, |client| client.go_on(&mut buf)) else {
                    continue;
                };
                if number < self.measured {
                    taken.add(number, answered - asked);
                    taken.elapsed = answered - start;
                }
                if answered - start < time {
                    self.act(number, |client| client.ask(answered));
                }
            }
            if last_look.elapsed() > PATIENCE / 10 {
                last_look = Instant::now();
                (0..self.clients.len()).for_each(|number| {
                    self.act(number, |client| client.check_patience());
                });
            }
        }
        taken.errors = self.errors.clone();
        Ok(taken)
    }

    /// Does something with a client, which ends if that fails.
    fn act<T>(&mut self, number: usize, action: impl FnOnce(&mut Client) -> Result<T, Trouble>) -> Option<T> {
        let client = self.clients[number].as_mut()?;
        self.waiting -= usize::from(client.is_waiting());
        match action(client) {
            Ok(result) => {
                self.waiting += usize::from(client.is_waiting());
                Some(result)
            }
            Err(trouble) => {
                self.errors.add(number, client.sequence, &trouble);
                self.clients[number] = None;
                None
            }
        }
    }
}

impl Taken {
    fn nothing(connections: usize) -> Taken {
        Taken {
            requests: 0,
            elapsed: Duration::ZERO,
            latencies: Histogram::new_with_bounds(1, LONGEST, 3)
                .expect("the bounds and the precision are possible"),
            longest: vec![Duration::ZERO; connections],
            errors: Errors::default(),
        }
    }

    fn add(&mut self, number: usize, latency: Duration) {
        self.requests += 1;
        self.latencies.saturating_record(latency.as_nanos() as u64);
        self.longest[number] = self.longest[number].max(latency);
    }

    /// The latency that such a part of the answers, 0.99 for instance, did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(part))
    }
}

/// One connection, and its question.
struct Client {
    socket: TcpStream,
    number: usize,
    is_slow: bool,
    /// Of the question.
    sequence: u64,
    question: Message,
    sent: usize,
    /// What the answer must be.
    answer: Vec<u8>,
    /// How much of that has come: all, when no question is under way.
    received: usize,
    asked: Instant,
}

impl Client {
    fn connect(load: &Load, number: usize) -> io::Result<Result<Client, Trouble>> {
        let socket = match TcpStream::connect_timeout(&load.address, PATIENCE) {
            Ok(socket) => socket,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::TimedOut => {
                    return Ok(Err(Trouble::Refused(error)));
                }
                _ => return Err(error),
            },
        };
        socket.set_nonblocking(true)?;
        Ok(Ok(Client {
            socket,
            number,
            is_slow: number >= load.connections,
            sequence: 0,
            question: [0; MESSAGE],
            sent: MESSAGE,
            answer: vec![0; load.answer],
            received: load.answer,
            asked: Instant::now(),
        }))
    }

    fn is_waiting(&self) -> bool {
        self.received < self.answer.len()
    }

    fn ask(&mut self, now: Instant) -> Result<(), Trouble> {
        self.sequence += 1;
        self.write_question();
        (self.sent, self.received, self.asked) = (0, 0, now);
        self.send()
    }

    /// No two questions are the same, and so no two answers, but for blocks: a server that mixes them up is noticed.
    fn write_question(&mut self) {
        let Client { number, sequence, .. } = *self;
        // The rest of it differs too.
        self.question = [b'a' + ((number as u64 + sequence) % 26) as u8; MESSAGE];
        let mut start = &mut self.question[..];
        let written = if self.answer.len() == rungs::BLOCK {
            let block = (number as u64 * 7 + sequence) % BLOCKS;
            self.answer.copy_from_slice(&rungs::block_content(block));
            write!(start, "{block} ")
        } else if self.is_slow {
            start.write_all(SLOW).and_then(|()| write!(start, " {number} {sequence} "))
        } else {
            write!(start, "{number} {sequence} ")
        };
        written.expect("two numbers are shorter than a message");
        if self.answer.len() != rungs::BLOCK {
            self.answer.copy_from_slice(&self.question);
        }
    }

    fn send(&mut self) -> Result<(), Trouble> {
        while self.sent < MESSAGE {
            match sys::send(&self.socket, &self.question[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(Trouble::Closed(error)),
            }
        }
        Ok(())
    }

    /// Sends and receives what is possible. When that completes the answer: the times of question and answer.
    fn go_on(&mut self, buf: &mut [u8]) -> Result<Option<(Instant, Instant)>, Trouble> {
        self.send()?;
        match sys::recv(&self.socket, buf) {
            Ok(0) => Err(Trouble::Closed(ErrorKind::UnexpectedEof.into())),
            // Less than would fit: all that there is, so that the kernel will report what comes next.
            Ok(bytes) if self.answer[self.received..].starts_with(&buf[..bytes]) => {
                self.received += bytes;
                Ok((!self.is_waiting()).then(|| (self.asked, Instant::now())))
            }
            Ok(bytes) => {
                let expected = self.answer[self.received..].iter().zip(&buf[..bytes]);
                Err(Trouble::Wrong(self.received + expected.take_while(|(one, other)| one == other).count()))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(Trouble::Closed(error)),
        }
    }

    fn check_patience(&mut self) -> Result<(), Trouble> {
        if self.is_waiting() && self.asked.elapsed() > PATIENCE { Err(Trouble::Late) } else { Ok(()) }
    }
}

/// What ends a connection.
enum Trouble {
    Refused(io::Error),
    Closed(io::Error),
    /// From this byte on.
    Wrong(usize),
    Late,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(error) => write!(f, "cannot connect: {error}"),
            Trouble::Closed(error) if error.kind() == ErrorKind::UnexpectedEof => {
                write!(f, "the server has closed the connection")
            }
            Trouble::Closed(error) => write!(f, "the connection is broken: {error}"),
            Trouble::Wrong(byte) => write!(f, "the answer is wrong from byte {byte} on"),
            Trouble::Late => write!(f, "no answer within {} s", PATIENCE.as_secs()),
        }
    }
}

/// How many connections have ended early, by the reason.
#[derive(Clone, Default, Debug)]
pub struct Errors {
    pub refused: usize,
    pub closed: usize,
    pub wrong: usize,
    pub late: usize,
    /// The first of all, described.
    pub first: String,
}

impl Errors {
    fn add(&mut self, number: usize, sequence: u64, trouble: &Trouble) {
        if self.is_empty() {
            self.first = format!("connection {number}, question {sequence}: {trouble}");
        }
        match trouble {
            Trouble::Refused(_) => self.refused += 1,
            Trouble::Closed(_) => self.closed += 1,
            Trouble::Wrong(_) => self.wrong += 1,
            Trouble::Late => self.late += 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.refused + self.closed + self.wrong + self.late == 0
    }

    /// For whom one error is too many.
    pub fn check(&self) -> io::Result<()> {
        if self.is_empty() { Ok(()) } else { Err(io::Error::other(self.to_string())) }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Errors { refused, closed, wrong, late, first } = self;
        let counts =
            [(refused, "refused"), (closed, "closed"), (wrong, "answered wrongly"), (late, "not answered")];
        let counts = counts.iter().filter(|(count, _)| **count > 0);
        let counts: Vec<String> = counts.map(|(count, how)| format!("{count} {how}")).collect();
        write!(f, "connections: {}; first, {first}", counts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread;

    /// What three connections get from a server that does this with the bytes of each question.
    fn ask(answer: fn(&mut TcpStream, Message) -> io::Result<()>) -> Taken {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                thread::spawn(move || -> io::Result<()> {
                    let mut question = [0; MESSAGE];
                    loop {
                        connection.read_exact(&mut question)?;
                        answer(&mut connection, question)?;
                    }
                });
            }
        });
        let (warm_up, time) = (Duration::ZERO, Duration::from_millis(20));
        Load { address, connections: 3, slow: 0, answer: MESSAGE, warm_up, time }.run().unwrap()
    }

    #[test]
    fn correct_answers_in_two_parts() {
        let taken = ask(|connection, question| {
            connection.write_all(&question[..10])?;
            connection.write_all(&question[10..])
        });
        assert!(taken.errors.is_empty(), "{}", taken.errors);
        assert!(taken.requests >= 3);
        assert_eq!(taken.latencies.len(), taken.requests);
        assert!(taken.longest.iter().all(|&longest| longest > Duration::ZERO));
    }

    #[test]
    fn an_answer_with_a_wrong_byte() {
        let taken = ask(|connection, mut question| {
            question[40] ^= 1;
            connection.write_all(&question)
        });
        assert_eq!((taken.requests, taken.errors.wrong), (0, 3));
        assert!(taken.errors.to_string().ends_with("wrong from byte 40 on"), "{}", taken.errors);
    }

    #[test]
    fn an_answer_that_is_too_long() {
        let taken = ask(|connection, question| connection.write_all(&[question; 2].concat()));
        assert_eq!((taken.requests, taken.errors.wrong), (0, 3), "{}", taken.errors);
    }

    #[test]
    fn a_server_that_hangs_up() {
        let taken = ask(|_, _| Err(ErrorKind::Other.into()));
        assert_eq!((taken.requests, taken.errors.closed), (0, 3), "{}", taken.errors);
    }

    #[test]
    fn a_server_that_says_nothing() {
        let taken = ask(|_, _| Ok(()));
        assert_eq!((taken.requests, taken.errors.late), (0, 3), "{}", taken.errors);
    }

    #[test]
    fn nobody_listens() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let time = Duration::ZERO;
        let load = Load { address, connections: 3, slow: 0, answer: MESSAGE, warm_up: time, time };
        let taken = load.run().unwrap();
        // One is enough to know.
        assert_eq!((taken.requests, taken.errors.refused), (0, 1), "{}", taken.errors);
    }
}
