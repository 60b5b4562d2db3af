//! A client: it asks until a server answers, follows redirections, and records what it was answered.

use crate::command::{Command, Found, Op};
use crate::history::History;
use crate::random;
use crate::wire::{self, Call, Reply};
use ayi::io::BufReader;
use ayi::net::TcpStream;
use ayi::time::{Duration, sleep, timeout};
use std::{fmt, io};

/// How long a server has to answer, before the client asks another.
const ATTEMPT: Duration = Duration::from_secs(1);
/// How long a client waits after a server that had no answer, while the servers elect a leader.
const PAUSE: Duration = Duration::from_millis(40);
/// How long a client tries, unless [`Client::with_patience`] says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    id: u64,
    /// The number of the latest request.
    number: u64,
    addresses: Vec<String>,
    /// Which server is asked first: the one that has answered last.
    target: usize,
    connection: Option<BufReader<TcpStream>>,
    history: History,
    patience: Duration,
}

/// No server has answered in time. The operation may have happened, or happen later, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl Client {
    /// Returns a client of the servers with these addresses, who are in the same order as the servers know them.
    pub fn new<A: Into<String>>(addresses: impl IntoIterator<Item = A>, history: &History) -> Client {
        Client {
            id: random::number(),
            number: 0,
            addresses: addresses.into_iter().map(Into::into).collect(),
            target: 0,
            connection: None,
            history: history.clone(),
            patience: PATIENCE,
        }
    }

    /// Sets how long an operation is tried before its outcome is unknown.
    pub fn with_patience(mut self, patience: Duration) -> Client {
        self.patience = patience;
        self
    }

    /// Returns the value.
    pub async fn get(&mut self, key: &str) -> Result<Option<String>, Unknown> {
        self.execute(Op::Get { key: key.to_owned() }).await
    }

    /// Writes a value.
    pub async fn put(&mut self, key: &str, value: &str) -> Result<(), Unknown> {
        self.execute(Op::Put { key: key.to_owned(), value: value.to_owned() }).await.map(drop)
    }

    /// Writes `new` if the value is `old`. Returns the value that was there: if it is `old`, `new` has been written.
    pub async fn cas(&mut self, key: &str, old: Option<&str>, new: &str) -> Result<Option<String>, Unknown> {
        let (key, old, new) = (key.to_owned(), old.map(str::to_owned), new.to_owned());
        self.execute(Op::Cas { key, old, new }).await
    }

    /// Executes an operation, once, whatever happens on the way. If the future is dropped, the outcome is unknown.
    pub async fn execute(&mut self, op: Op) -> Result<Found, Unknown> {
        self.number += 1;
        let ticket = self.history.invoke(self.id, op.clone());
        let command = Command { client: self.id, number: self.number, op };
        let found = timeout(self.patience, self.insist(command)).await.map_err(|_| Unknown)?;
        self.history.respond(ticket, found.clone());
        Ok(found)
    }

    async fn insist(&mut self, command: Command) -> Found {
        let call = Call::Client(command);
        loop {
            match timeout(ATTEMPT, self.attempt(&call)).await {
                Ok(Ok(Reply::Done(found))) => return found,
                Ok(Ok(Reply::Redirect(Some(leader)))) => self.turn_to(leader as usize - 1),
                _ => self.turn_to(self.target + 1),
            }
            sleep(PAUSE).await;
        }
    }

    /// Asks one server. A connection whose answer was not awaited is never used again: that answer may still come.
    async fn attempt(&mut self, call: &Call) -> io::Result<Reply> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(&self.addresses[self.target]).await?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        wire::write(connection.get_mut(), call).await?;
        let reply = wire::read(&mut connection).await?;
        self.connection = Some(connection);
        Ok(reply)
    }

    fn turn_to(&mut self, target: usize) {
        self.target = target % self.addresses.len();
        self.connection = None;
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no server has answered in time, so the operation may or may not have happened")
    }
}

impl std::error::Error for Unknown {}
