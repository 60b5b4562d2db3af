//! What the clients say while a rung is watched: the same for each.
//!
//! ```text
//! client 1   connect ask · · ·            ask · · · · ·   ask ask ask     half half   leave
//! client 2          connect ask · ·           ask · · ·   ask ask ask         ·       leave
//! client 3                 connect ask           ask ·    ask ask ask         ·       leave
//!            one after another            one at a time   all at once    in two parts
//! ```

use crate::protocol::Questions;
use crate::rungs::Rung;
use crate::sys;
use load::Protocol;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// How many clients there are, if the rung takes as many.
pub const CLIENTS: usize = 6;
/// How often the clients ask together.
const ROUNDS: usize = 3;
/// Between the parts, so that one sees where a server sleeps.
const PAUSE: Duration = Duration::from_micros(300);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// When it began and ended, by the system's monotonic clock.
pub struct Times {
    pub begin: u64,
    pub end: u64,
}

impl Times {
    pub fn took(&self) -> Duration {
        Duration::from_nanos(self.end - self.begin)
    }
}

/// Returns how many clients talk to a rung.
pub fn clients(rung: &Rung) -> usize {
    rung.limit.as_ref().map_or(CLIENTS, |limit| limit.clients.min(CLIENTS))
}

/// Holds the conversation, on a thread that shares no core with the rung if there are two.
pub fn hold(rung: &Rung, address: SocketAddr) -> io::Result<Times> {
    let talk = || {
        load::stay_on_last_core()?;
        let begin = sys::now();
        talk(rung, address)?;
        Ok(Times { begin, end: sys::now() })
    };
    thread::scope(|scope| scope.spawn(talk).join().expect("the client's thread does not panic"))
}

fn talk(rung: &Rung, address: SocketAddr) -> io::Result<()> {
    let protocol = Questions { answer: rung.answer, slow_from: usize::MAX };
    let mut clients: Vec<Client<'_>> = Vec::new();
    for number in 0..self::clients(rung) {
        clients.push(Client::connect(number, address, &protocol)?);
        clients[number].ask_and_hear()?;
    }
    thread::sleep(PAUSE);
    for client in &mut clients {
        client.ask_and_hear()?;
        thread::sleep(PAUSE / 3);
    }
    thread::sleep(PAUSE);
    for _ in 0..ROUNDS {
        clients.iter_mut().try_for_each(Client::ask)?;
        clients.iter_mut().try_for_each(Client::hear)?;
    }
    thread::sleep(PAUSE);
    clients[0].ask_in_two_parts()?;
    clients[0].hear()?;
    thread::sleep(PAUSE);
    clients.iter().try_for_each(Client::leave)?;
    clients.iter_mut().try_for_each(Client::hear_the_end)
}

struct Client<'a> {
    number: usize,
    socket: TcpStream,
    protocol: &'a Questions,
    sequence: u64,
    question: Vec<u8>,
    answer: Vec<u8>,
}

impl<'a> Client<'a> {
    fn connect(number: usize, address: SocketAddr, protocol: &'a Questions) -> io::Result<Client<'a>> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { number, socket, protocol, sequence: 0, question: Vec::new(), answer: Vec::new() })
    }

    fn next(&mut self) {
        self.sequence += 1;
        self.protocol.ask(self.number, self.sequence, &mut self.question, &mut self.answer);
    }

    fn ask(&mut self) -> io::Result<()> {
        self.next();
        self.socket.write_all(&self.question)
    }

    fn ask_in_two_parts(&mut self) -> io::Result<()> {
        self.next();
        let (first, second) = self.question.split_at(self.question.len() / 2);
        self.socket.write_all(first)?;
        thread::sleep(PAUSE);
        self.socket.write_all(second)
    }

    fn hear(&mut self) -> io::Result<()> {
        let mut heard = vec![0; self.answer.len()];
        self.socket.read_exact(&mut heard)?;
        if heard == self.answer { Ok(()) } else { Err(io::Error::other("a wrong answer")) }
    }

    fn leave(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// Waits until the server has closed the connection, however busy the machine is.
    fn hear_the_end(&mut self) -> io::Result<()> {
        match self.socket.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::other("more than the answer")),
        }
    }

    fn ask_and_hear(&mut self) -> io::Result<()> {
        self.ask()?;
        self.hear()
    }
}
