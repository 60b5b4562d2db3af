//! The client of all measurements: one thread with many connections. The ladder of models and `bench/` use it.
//!
//! There are two ways to ask. In a closed loop ([`Clients::ask`]) each connection asks again when it is answered: 16
//! connections never have more than 16 questions under way, and a slow server is asked less often. So a latency there
//! is how long a client waits for a server at full speed, and requests per second = connections / mean latency. In an
//! open loop ([`Clients::ask_at`]) questions come at a given rate whatever the server does, and a latency counts from
//! when the question was due: a question that has to wait for a connection has waited too.
//!
//! 1. Every answer is compared, byte by byte, with what it must be.
//! 2. Nothing waits without end: connecting and being answered may each take [`PATIENCE`].
//! 3. A connection that fails is counted in [`Errors`] and closed; the others go on.
//! 4. Between two calls of [`Clients::ask`] no question is under way: the difference of a server's reports before and
//!    after is what the questions of that call have cost.

mod machine;

pub use machine::{allow_descriptors, stay_on_first_core, stay_on_first_cores, stay_on_last_core};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventFlags};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long an answer may take, or a connection.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Anything longer is counted as this, in nanoseconds.
const LONGEST: u64 = 2 * PATIENCE.as_nanos() as u64;

/// This many connections are opened, and answered once, before the next: they fit into every server's queue.
const BATCH: usize = 64;

/// How many events one call of `epoll_wait` brings.
const ROOM: usize = 256;

/// What clients and server say.
pub trait Protocol: Sync {
    /// Writes a question, and the answer to it, into what was there before. No two questions should be the same, and so
    /// no two answers: a server that mixes them up is then noticed.
    fn ask(&self, connection: usize, sequence: u64, question: &mut Vec<u8>, answer: &mut Vec<u8>);

    /// Returns whether `byte` is right where `expected` was announced.
    fn is_right(&self, expected: u8, byte: u8) -> bool {
        expected == byte
    }
}

pub struct Load<'a> {
    pub address: SocketAddr,
    pub connections: usize,
    /// How many more connections ask and are not measured. Their numbers come after those of the others.
    pub beside: usize,
    pub protocol: &'a dyn Protocol,
}

/// What was measured.
pub struct Taken {
    pub requests: u64,
    /// The time until the last answer.
    pub elapsed: Duration,
    /// In nanoseconds.
    pub latencies: Histogram<u64>,
    /// The longest latency of each connection.
    pub longest: Vec<Duration>,
    /// Everything that went wrong since the connections were opened.
    pub errors: Errors,
}

impl<'a> Load<'a> {
    /// Connects, and asks for both times. Only the second is reported.
    pub fn run(&self, warm_up: Duration, time: Duration) -> io::Result<Taken> {
        let mut clients = self.connect()?;
        clients.ask(warm_up)?;
        clients.ask(time)
    }

    /// Opens all connections, and has each answered once, so that the server knows them all.
    ///
    /// Fails if this side fails, for example because no descriptor is left. Other errors are in [`Clients::errors`].
    pub fn connect(&self) -> io::Result<Clients<'a>> {
        let mut clients = Clients {
            protocol: self.protocol,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: Vec::new(),
            measured: self.connections,
            asking: usize::MAX,
            waiting: 0,
            errors: Errors::default(),
            events: Vec::with_capacity(ROOM),
            buf: Vec::new(),
        };
        let total = self.connections + self.beside;
        // A server that is not there, or does nothing, is not asked 4,000 times: it would take hours.
        while clients.clients.len() < total && clients.errors.refused + clients.errors.late == 0 {
            let first = clients.clients.len();
            for number in first..total.min(first + BATCH) {
                match Client::connect(self.address)? {
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

/// The connections. Dropping this closes them.
pub struct Clients<'a> {
    protocol: &'a dyn Protocol,
    epoll: OwnedFd,
    /// `None` for a connection that has failed.
    clients: Vec<Option<Client>>,
    /// How many are measured, from the first on.
    measured: usize,
    /// How many of them ask. The default is all. The others stay connected, and are silent.
    pub asking: usize,
    /// The number of questions under way.
    waiting: usize,
    pub errors: Errors,
    events: Vec<epoll::Event>,
    buf: Vec<u8>,
}

impl Clients<'_> {
    /// Lets every connection ask for so long, but at least once, and then waits for the last answers.
    pub fn ask(&mut self, time: Duration) -> io::Result<Taken> {
        self.talk(0..self.asking.min(self.clients.len()), time)
    }

    /// Does the same with only the connections that have these numbers, each once.
    pub fn ask_these(&mut self, numbers: &[usize], time: Duration) -> io::Result<Taken> {
        self.talk(numbers.iter().copied(), time)
    }

    /// Asks so many questions a second for so long, whether they are answered or not, and then waits for the last
    /// answers. The free connections take turns.
    ///
    /// It checks for answers all the time, without sleeping, so it wants a core of its own.
    pub fn ask_at(&mut self, rate: f64, time: Duration) -> io::Result<Taken> {
        let mut taken = Taken::nothing(self.measured);
        let mut free: VecDeque<usize> = (0..self.asking.min(self.clients.len())).collect();
        let start = Instant::now();
        let due = |question: u64| Duration::from_secs_f64(question as f64 / rate);
        let (mut question, mut last_look) = (0, start);
        loop {
            while due(question) <= start.elapsed().min(time) {
                let Some(number) = free.pop_front() else { break };
                self.say(number, start + due(question));
                question += 1;
            }
            let is_over = due(question) > time || self.clients.iter().all(Option::is_none);
            if is_over && self.waiting == 0 {
                break;
            }
            self.hear(Duration::ZERO, start, &mut taken, |_, number, _| free.push_back(number))?;
            self.check_patience(&mut last_look);
        }
        taken.errors = self.errors.clone();
        Ok(taken)
    }

    /// Asks at these times, each on the connection of this number, and then waits for the last answers. The times
    /// rise. A question whose connection still waits for an answer waits for that one.
    ///
    /// It sleeps until the next question is due, so it may share a core with the server.
    pub fn ask_when(&mut self, questions: impl IntoIterator<Item = (Duration, usize)>) -> io::Result<Taken> {
        let mut taken = Taken::nothing(self.measured);
        let mut questions = questions.into_iter().peekable();
        let mut queues = vec![VecDeque::new(); self.clients.len()];
        let start = Instant::now();
        let mut last_look = start;
        loop {
            while let Some((due, number)) = questions.next_if(|(due, _)| *due <= start.elapsed()) {
                match &self.clients[number] {
                    Some(client) if client.is_waiting() => queues[number].push_back(start + due),
                    _ => self.say(number, start + due),
                }
            }
            let until_next = questions.peek().map(|(due, _)| due.saturating_sub(start.elapsed()));
            if until_next.is_none() && self.waiting == 0 {
                break;
            }
            let timeout = until_next.unwrap_or(PATIENCE).min(PATIENCE / 10);
            self.hear(timeout, start, &mut taken, |clients, number, _| {
                if let Some(due) = queues[number].pop_front() {
                    clients.say(number, due);
                }
            })?;
            self.check_patience(&mut last_look);
        }
        taken.errors = self.errors.clone();
        Ok(taken)
    }

    fn add(&mut self, client: Client) -> io::Result<()> {
        let data = epoll::EventData::new_u64(self.clients.len() as u64);
        epoll::add(&self.epoll, &client.socket, data, EventFlags::IN | EventFlags::OUT | EventFlags::ET)?;
        self.clients.push(Some(client));
        Ok(())
    }

    fn talk(&mut self, who: impl Iterator<Item = usize>, time: Duration) -> io::Result<Taken> {
        let mut taken = Taken::nothing(self.measured);
        let start = Instant::now();
        for number in who {
            self.say(number, Instant::now());
        }
        let mut last_look = start;
        while self.waiting > 0 {
            self.hear(PATIENCE / 10, start, &mut taken, |clients, number, answered| {
                if answered - start < time {
                    clients.say(number, answered);
                }
            })?;
            self.check_patience(&mut last_look);
        }
        taken.errors = self.errors.clone();
        Ok(taken)
    }

    /// Asks a question that was due at `due`.
    fn say(&mut self, number: usize, due: Instant) {
        let protocol = self.protocol;
        self.act(number, |client| client.ask(protocol, number, due));
    }

    /// Waits until something happens, at most for `timeout`, and reports who was answered, and when.
    fn hear(
        &mut self,
        timeout: Duration,
        start: Instant,
        taken: &mut Taken,
        mut answered: impl FnMut(&mut Self, usize, Instant),
    ) -> io::Result<()> {
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let protocol = self.protocol;
        for event in &events {
            let number = event.data.u64() as usize;
            let mut buf = std::mem::take(&mut self.buf);
            let times = self.act(number, |client| client.go_on(protocol, &mut buf));
            self.buf = buf;
            if let Some(Some((due, now))) = times {
                if number < self.measured {
                    taken.add(number, now - due);
                    taken.elapsed = now - start;
                }
                answered(self, number, now);
            }
        }
        self.events = events;
        Ok(())
    }

    /// Ends now and then those that have waited for too long.
    fn check_patience(&mut self, last_look: &mut Instant) {
        if last_look.elapsed() > PATIENCE / 10 {
            *last_look = Instant::now();
            (0..self.clients.len()).for_each(|number| {
                self.act(number, |client| client.check_patience());
            });
        }
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

    /// Returns the latency that this part of the answers, for example 0.99, did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(part))
    }
}

/// One connection, and its question.
struct Client {
    socket: TcpStream,
    /// The number of the question.
    sequence: u64,
    question: Vec<u8>,
    sent: usize,
    /// What the answer must be.
    answer: Vec<u8>,
    /// How much of the answer has come: all of it, when no question is under way.
    received: usize,
    /// When the question was asked, or should have been.
    due: Instant,
}

impl Client {
    fn connect(address: SocketAddr) -> io::Result<Result<Client, Trouble>> {
        let socket = match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => socket,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::TimedOut => {
                    return Ok(Err(Trouble::Refused(error)));
                }
                _ => return Err(error),
            },
        };
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Ok(Client {
            socket,
            sequence: 0,
            question: Vec::new(),
            sent: 0,
            answer: Vec::new(),
            received: 0,
            due: Instant::now(),
        }))
    }

    fn is_waiting(&self) -> bool {
        self.received < self.answer.len()
    }

    fn ask(&mut self, protocol: &dyn Protocol, number: usize, due: Instant) -> Result<(), Trouble> {
        self.sequence += 1;
        protocol.ask(number, self.sequence, &mut self.question, &mut self.answer);
        (self.sent, self.received, self.due) = (0, 0, due);
        self.send()
    }

    fn send(&mut self) -> Result<(), Trouble> {
        while self.sent < self.question.len() {
            match self.socket.write(&self.question[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::Closed(error)),
            }
        }
        Ok(())
    }

    /// Sends and receives what is possible. If that completes the answer, it returns the times of question and answer.
    fn go_on(
        &mut self,
        protocol: &dyn Protocol,
        buf: &mut Vec<u8>,
    ) -> Result<Option<(Instant, Instant)>, Trouble> {
        self.send()?;
        // One byte more than an answer, to notice when there is too much.
        buf.resize(buf.len().max(self.answer.len() + 1), 0);
        loop {
            return match self.socket.read(buf) {
                Ok(0) => Err(Trouble::Closed(ErrorKind::UnexpectedEof.into())),
                // Less than would fit means that nothing is left, so the kernel will report what comes next.
                Ok(bytes) => {
                    self.check(protocol, &buf[..bytes])?;
                    self.received += bytes;
                    Ok((!self.is_waiting()).then(|| (self.due, Instant::now())))
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(Trouble::Closed(error)),
            };
        }
    }

    fn check(&self, protocol: &dyn Protocol, bytes: &[u8]) -> Result<(), Trouble> {
        let expected = &self.answer[self.received..];
        if expected.starts_with(bytes) {
            return Ok(());
        }
        let mut pairs = expected.iter().zip(bytes);
        let right = pairs.position(|(&expected, &byte)| !protocol.is_right(expected, byte));
        match right {
            None if bytes.len() <= expected.len() => Ok(()),
            _ => Err(Trouble::Wrong(self.received + right.unwrap_or(expected.len()))),
        }
    }

    fn check_patience(&mut self) -> Result<(), Trouble> {
        if self.is_waiting() && self.due.elapsed() > PATIENCE { Err(Trouble::Late) } else { Ok(()) }
    }
}

/// The reason why a connection ends.
enum Trouble {
    Refused(io::Error),
    Closed(io::Error),
    /// The answer is wrong from this byte on.
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
    /// The first error of all, described.
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

    /// Fails if there was any error.
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
    use std::net::TcpListener;
    use std::thread;

    type Message = [u8; 64];

    struct Echo;

    impl Protocol for Echo {
        fn ask(&self, connection: usize, sequence: u64, question: &mut Vec<u8>, answer: &mut Vec<u8>) {
            *question = format!("{:<64}", format!("{connection} {sequence}")).into_bytes();
            answer.clone_from(question);
        }
    }

    /// Starts a server that does this with the bytes of each question.
    fn serve(answer: fn(&mut TcpStream, Message) -> io::Result<()>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                thread::spawn(move || -> io::Result<()> {
                    let mut question = [0; 64];
                    loop {
                        connection.read_exact(&mut question)?;
                        answer(&mut connection, question)?;
                    }
                });
            }
        });
        address
    }

    /// Returns what three connections get from it.
    fn ask(answer: fn(&mut TcpStream, Message) -> io::Result<()>) -> Taken {
        let load = Load { address: serve(answer), connections: 3, beside: 0, protocol: &Echo };
        load.run(Duration::ZERO, Duration::from_millis(20)).unwrap()
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
        let load = Load { address, connections: 3, beside: 0, protocol: &Echo };
        let taken = load.run(Duration::ZERO, Duration::ZERO).unwrap();
        // One is enough to know.
        assert_eq!((taken.requests, taken.errors.refused), (0, 1), "{}", taken.errors);
    }

    #[test]
    fn only_those_that_are_named_ask() {
        let address = serve(|connection, question| connection.write_all(&question));
        let mut clients = Load { address, connections: 3, beside: 0, protocol: &Echo }.connect().unwrap();
        let taken = clients.ask_these(&[0, 2], Duration::ZERO).unwrap();
        assert!(taken.errors.is_empty(), "{}", taken.errors);
        let have_asked: Vec<_> = taken.longest.iter().map(|&longest| longest > Duration::ZERO).collect();
        assert_eq!((taken.requests, have_asked), (2, vec![true, false, true]));
    }

    #[test]
    fn at_a_rate_every_question_that_is_due_is_asked() {
        let address = serve(|connection, question| connection.write_all(&question));
        let mut clients = Load { address, connections: 3, beside: 0, protocol: &Echo }.connect().unwrap();
        let taken = clients.ask_at(1_000.0, Duration::from_millis(50)).unwrap();
        assert!(taken.errors.is_empty(), "{}", taken.errors);
        // One question at once, and one after each millisecond.
        assert_eq!(taken.requests, 51);
    }

    #[test]
    fn questions_at_given_times_are_asked_in_turn_on_the_connections_that_are_named() {
        let address = serve(|connection, question| {
            thread::sleep(Duration::from_millis(10));
            connection.write_all(&question)
        });
        let mut clients = Load { address, connections: 3, beside: 0, protocol: &Echo }.connect().unwrap();
        let times =
            [(0, 0), (0, 2), (1, 2), (30, 2)].map(|(due, number)| (Duration::from_millis(due), number));
        let taken = clients.ask_when(times).unwrap();
        assert!(taken.errors.is_empty(), "{}", taken.errors);
        assert_eq!(taken.requests, 4);
        assert_eq!(taken.longest[1], Duration::ZERO);
        // The second question of this connection has waited for the first one since it was due.
        assert!(taken.longest[2] >= Duration::from_millis(19), "{:?}", taken.longest);
    }

    #[test]
    fn at_a_rate_that_is_too_high_questions_have_waited_since_they_were_due() {
        let address = serve(|connection, question| {
            thread::sleep(Duration::from_millis(10));
            connection.write_all(&question)
        });
        let mut clients = Load { address, connections: 1, beside: 0, protocol: &Echo }.connect().unwrap();
        let taken = clients.ask_at(1_000.0, Duration::from_millis(9)).unwrap();
        assert_eq!(taken.requests, 10, "{}", taken.errors);
        // The tenth was due after 9 ms, and nine had to be answered before it.
        assert!(taken.quantile(1.0) > Duration::from_millis(90), "{:?}", taken.quantile(1.0));
    }
}
