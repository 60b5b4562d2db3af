//! Rung 3b: the client's side: connections are kept and used again.
//!
//! ```text
//!   without   connect··✓ send recv···▓ close   connect··✓ send recv···▓ close
//!   with      connect··✓ send recv···▓         send recv···▓  send recv···▓
//!             (from the pool, and back)
//!
//!   phase 1, until there is data    the client's thread, in recv (·)
//!   phase 2, the copy               the client's thread, in recv (▓)
//! ```
//!
//! Every rung is a server; this one is a client. Opening a connection takes a round trip of its own, a socket on both
//! sides, and for a server of rung 3 a thread: more than the question. So a client that asks often keeps its
//! connections. It is tried on the server of rung 3, whose threads are held by kept connections even while nobody asks:
//! what helps one side costs the other.
//!
//! The server may have closed a kept connection meanwhile, and nothing reports it; one finds out by asking. Only then
//! is the question asked again on a new one.
//!
//! In tokio: not its business; hyper's client and the pools for databases do this.

use super::{Family, Rung, thread_pool};
use crate::measure::Reuse;
use crate::protocol::{MESSAGE, Message};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub const RUNG: Rung = Rung {
    number: "3b",
    name: "connection_pool",
    family: Family::Threads,
    summary: "the client's side of rung 3: connections are kept, since to open one costs more than to ask",
    serve: thread_pool::serve,
    ..thread_pool::RUNG
};

/// Connections that nobody uses at the moment. Any number of threads may share it.
pub struct Pool {
    address: SocketAddr,
    idle: Mutex<Vec<TcpStream>>,
}

impl Pool {
    /// How many are kept. A connection that comes back beyond that is closed.
    const KEPT: usize = 16;

    pub fn new(address: SocketAddr) -> Pool {
        Pool { address, idle: Mutex::default() }
    }

    /// Asks over a kept connection, or a new one if all are in use.
    pub fn ask(&self, question: &Message) -> io::Result<Message> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let kept = kept.and_then(|connection| Some((ask(&connection, question).ok()?, connection)));
        let (answer, connection) = match kept {
            Some(answered) => answered,
            None => {
                let connection = TcpStream::connect(self.address)?;
                (ask(&connection, question)?, connection)
            }
        };
        let mut idle = idle();
        if idle.len() < Pool::KEPT {
            idle.push(connection);
        }
        Ok(answer)
    }
}

fn ask(mut connection: &TcpStream, question: &Message) -> io::Result<Message> {
    let mut answer = [0; MESSAGE];
    connection.write_all(question)?;
    connection.read_exact(&mut answer)?;
    Ok(answer)
}

/// Returns how long a question takes, in the median, with a pool and without.
pub fn with_and_without_reuse(address: SocketAddr) -> io::Result<Reuse> {
    let pool = Pool::new(address);
    let with = median(|question| pool.ask(question))?;
    let without = median(|question| ask(&TcpStream::connect(address)?, question))?;
    Ok(Reuse { with, without })
}

fn median(mut ask: impl FnMut(&Message) -> io::Result<Message>) -> io::Result<Duration> {
    const QUESTIONS: usize = 1001;
    let mut times = Vec::with_capacity(QUESTIONS);
    for number in 0..QUESTIONS {
        let question = [number as u8; MESSAGE];
        let start = Instant::now();
        if ask(&question)? != question {
            return Err(io::Error::other("a wrong answer: it must be what was asked"));
        }
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[QUESTIONS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn a_kept_connection_that_the_server_has_closed_is_replaced() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pool = Pool::new(listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            // Each connection gets one answer; the first is closed before it is asked again.
            for _ in 0..2 {
                let (mut connection, _) = listener.accept().unwrap();
                let mut message = [0; MESSAGE];
                connection.read_exact(&mut message).unwrap();
                connection.write_all(&message).unwrap();
            }
        });
        assert_eq!(pool.ask(&[1; MESSAGE]).unwrap(), [1; MESSAGE]);
        assert_eq!(pool.ask(&[2; MESSAGE]).unwrap(), [2; MESSAGE]);
        server.join().unwrap();
    }
}
