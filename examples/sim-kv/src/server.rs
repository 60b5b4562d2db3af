//! Accepts connections, and runs the protocol.
//!
//! ```text
//!  connections ──▶ inbox ──▶ the loop: one event at a time ──▶ peers
//!      ▲                        │      ▲
//!      └─────── replies ────────┘    timer
//! ```
//!
//! One task has the protocol's state, and handles one event after the other, with all that it writes to the disk. So no
//! handler sees the state of another that is half done.

use crate::command::Command;
use crate::config::Config;
use crate::raft::Raft;
use crate::wire::{self, Call, Envelope, Reply};
use ayi::io::BufReader;
use ayi::net::{TcpListener, TcpStream};
use ayi::sync::{mpsc, oneshot};
use ayi::task::JoinSet;
use ayi::time::sleep_until;
use std::io;

/// How many events wait for the protocol, before connections wait.
const INBOX: usize = 64;

pub enum Event {
    Peer(Envelope),
    Request(Request),
}

/// What a client asks for, and where the answer goes. A client whose request is dropped asks another server.
pub struct Request {
    pub command: Command,
    pub reply: oneshot::Sender<Reply>,
}

/// Serves at the server's address, until something fails. Everything ends when the future is dropped.
pub async fn server(config: Config) -> io::Result<()> {
    let listener = TcpListener::bind(config.address()).await?;
    serve(config, listener).await
}

/// Serves by a listener that the caller has bound.
pub async fn serve(config: Config, listener: TcpListener) -> io::Result<()> {
    let (events, inbox) = mpsc::channel(INBOX);
    let raft = Raft::open(config).await?;
    ayi::select! {
        result = accept(listener, events) => result,
        result = run(raft, inbox) => result,
    }
}

async fn accept(listener: TcpListener, events: mpsc::Sender<Event>) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        ayi::select! {
            accepted = listener.accept() => {
                connections.spawn(converse(accepted?.0, events.clone()));
            }
            // A connection that has ended is forgotten, with its error: whoever was there comes back.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Reads what a server or a client sends, and answers a client.
async fn converse(stream: TcpStream, events: mpsc::Sender<Event>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let ended = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    loop {
        match wire::read(&mut stream).await? {
            Call::Peer(envelope) => events.send(Event::Peer(envelope)).await.map_err(ended)?,
            Call::Client(command) => {
                let (reply, answer) = oneshot::channel();
                events.send(Event::Request(Request { command, reply })).await.map_err(ended)?;
                let answer = answer.await.unwrap_or(Reply::Redirect(None));
                wire::write(stream.get_mut(), &answer).await?;
            }
        }
    }
}

async fn run(mut raft: Raft, mut inbox: mpsc::Receiver<Event>) -> io::Result<()> {
    loop {
        ayi::select! {
            biased;
            // The timer comes first: a leader that has much to do sends heartbeats nevertheless.
            () = sleep_until(raft.deadline()) => raft.on_timer().await?,
            event = inbox.recv() => {
                let Some(event) = event else { return Ok(()) };
                handle(&mut raft, event, &mut inbox).await?;
            }
        }
    }
}

/// Handles an event, and with a request all others that wait: they share one write to the disk.
async fn handle(raft: &mut Raft, event: Event, inbox: &mut mpsc::Receiver<Event>) -> io::Result<()> {
    let mut requests = Vec::new();
    let mut next = Some(event);
    while let Some(event) = next {
        match event {
            Event::Request(request) => requests.push(request),
            Event::Peer(envelope) => {
                raft.propose(std::mem::take(&mut requests)).await?;
                return raft.receive(envelope).await;
            }
        }
        next = if requests.len() < INBOX { inbox.try_recv().ok() } else { None };
    }
    raft.propose(requests).await
}
