//! Sends messages to the other servers: a task and a connection for each of them. A message may be lost, as on any
//! network, and the protocol repeats what matters. So nothing here waits for a server that is away.

use crate::command::Id;
use crate::config::Config;
use crate::wire::{self, Call, Envelope};
use ayi::net::TcpStream;
use ayi::sync::mpsc;
use ayi::task::JoinSet;
use ayi::time::{Duration, timeout};
use std::collections::BTreeMap;
use std::io;

/// How many messages wait for a server. If it does not take them, later ones are lost.
const OUTBOX: usize = 16;
/// How long connecting and sending may take, before the connection is given up with its message.
const PATIENCE: Duration = Duration::from_millis(500);

pub struct Peers {
    outboxes: BTreeMap<Id, mpsc::Sender<Envelope>>,
    /// The tasks end with this.
    _tasks: JoinSet<()>,
}

impl Peers {
    pub fn new(config: &Config) -> Peers {
        let (mut outboxes, mut tasks) = (BTreeMap::new(), JoinSet::new());
        for (id, address) in config.peers() {
            let (sender, outbox) = mpsc::channel(OUTBOX);
            outboxes.insert(id, sender);
            tasks.spawn(deliver(address.to_owned(), outbox));
        }
        Peers { outboxes, _tasks: tasks }
    }

    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.outboxes.keys().copied()
    }

    pub fn send(&self, to: Id, envelope: Envelope) {
        if let Some(outbox) = self.outboxes.get(&to) {
            let _ = outbox.try_send(envelope);
        }
    }
}

async fn deliver(address: String, mut outbox: mpsc::Receiver<Envelope>) {
    let mut connection = None;
    while let Some(envelope) = outbox.recv().await {
        let sent = timeout(PATIENCE, send(&address, &mut connection, envelope)).await;
        if !matches!(sent, Ok(Ok(()))) {
            connection = None;
        }
    }
}

async fn send(address: &str, connection: &mut Option<TcpStream>, envelope: Envelope) -> io::Result<()> {
    let stream = match connection {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            connection.insert(stream)
        }
    };
    wire::write(stream, &Call::Peer(envelope)).await
}
