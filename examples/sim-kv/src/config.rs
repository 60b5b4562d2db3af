//! Who the servers are; all times and sizes.

use crate::applied::Applied;
use crate::command::Id;
use ayi::time::Duration;
use std::ops::Range;
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct Config {
    /// Which of the addresses is this server's: 1 for the first.
    pub id: Id,
    /// Where this server keeps its files.
    pub dir: PathBuf,
    /// The addresses of all servers, in the same order for all of them.
    pub addresses: Vec<String>,
    /// A leader sends something to each follower at least this often.
    pub heartbeat: Duration,
    /// A server that hears from no leader for this long asks for votes. Each wait is drawn anew, so that two servers
    /// seldom ask at the same time (§5.2). It is several heartbeats long: one that is late starts no election.
    pub election: Range<Duration>,
    /// The most entries in a message. Small batches make rare interleavings more likely, in a simulation.
    pub batch: usize,
    /// Where a test looks at what is applied. Nobody looks by default.
    pub applied: Option<Applied>,
}

impl Config {
    pub fn new<A: Into<String>>(
        id: Id,
        dir: impl Into<PathBuf>,
        addresses: impl IntoIterator<Item = A>,
    ) -> Config {
        Config {
            id,
            dir: dir.into(),
            addresses: addresses.into_iter().map(Into::into).collect(),
            heartbeat: Duration::from_millis(75),
            election: Duration::from_millis(300)..Duration::from_millis(600),
            batch: 16,
            applied: None,
        }
    }

    /// Returns the address of this server.
    pub fn address(&self) -> &str {
        &self.addresses[self.id as usize - 1]
    }

    /// Returns the other servers.
    pub fn peers(&self) -> impl Iterator<Item = (Id, &str)> {
        (1..)
            .zip(&self.addresses)
            .filter(|(id, _)| *id != self.id)
            .map(|(id, address)| (id, address.as_str()))
    }
}
