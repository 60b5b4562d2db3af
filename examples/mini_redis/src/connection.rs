//! A conversation with one client.
//!
//! ```text
//!    ┌──▶ execute what has arrived ──▶ send the replies ──▶ wait ──┐    for requests, for messages, for the stop
//!    └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! Replies gather, and are sent before anything is waited for. So the replies to requests that came together leave
//! together, and a lone request costs one read and one write. A client that does not read its replies is not read from
//! either: it waits, and its replies take no more memory than those to one request and [`ENOUGH`]. With `--timeout` it
//! waits no longer than that. What a client may have executed before the others get a turn is limited too: see
//! [`Turn`].

use crate::commands::{self, Call, Client, Going};
use crate::input::Input;
use crate::pubsub::Subscriptions;
use crate::resp::{Parser, ProtocolError, Replies};
use crate::server::Server;
use crate::turn::{PER_ARG, Turn, copying};
use ayi::io::{AsyncReadExt, AsyncWriteExt, TimeoutStream};
use ayi::net::TcpStream;
use ayi::runtime::shutdown_token;
use ayi::task::yield_now;
use ayi::time::Duration;
use std::future::pending;
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;

/// The bytes of replies that are sent before more requests are executed.
const ENOUGH: usize = 32 * 1024;
/// In bytes. A buffer for replies keeps this much when it is empty: the next large one may be far away.
const KEPT: usize = 2 * ENOUGH;
/// How long to wait for a client to take its last reply, which may say what was wrong with its request.
const LINGER: Duration = Duration::from_secs(2);

/// The reason why a conversation ends.
enum End {
    /// There is nobody to talk to, or nothing to say.
    Silent,
    /// The client should know why. What it sends from here on cannot be understood.
    Refused(ProtocolError),
}

impl From<ProtocolError> for End {
    fn from(error: ProtocolError) -> End {
        End::Refused(error)
    }
}

/// What to do when requests have been executed.
enum Next {
    Wait,
    /// There may be more to execute.
    GoOn,
    Leave,
}

pub async fn serve(server: &Server, id: u64, stream: Rc<TcpStream>) {
    // Replies are written in one piece, so there is nothing to gain from holding small ones back.
    let _ = stream.set_nodelay(true);
    let (input, parser, replies) = Default::default();
    let client = Client::new(id, stream.clone());
    let stream = TimeoutStream::new(&*stream);
    let mut conversation = Conversation { server, stream, client, input, parser, replies };
    let end = conversation.run().await;
    if let Some(subscriptions) = conversation.client.subscriptions.take() {
        subscriptions.leave_all(&mut Turn::default()).await;
    }
    match end {
        Ok(()) => {}
        Err(End::Refused(ProtocolError(text))) => conversation.replies.error(&[b"ERR ", &*text].concat()),
        Err(End::Silent) => return,
    }
    conversation.part().await;
}

struct Conversation<'a> {
    server: &'a Server,
    stream: TimeoutStream<&'a TcpStream>,
    client: Client,
    input: Input,
    parser: Parser,
    replies: Replies,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<(), End> {
        // One token for all rounds: waiting for it costs its price only once.
        let token = shutdown_token();
        let mut stop = pin!(token.cancelled());
        let mut is_stopping = false;
        loop {
            let next = self.execute().await?;
            // A client that waits for messages may be silent, as in Redis.
            let is_listening = self.client.subscriptions.is_some();
            self.stream.set_idle_timeout(self.server.timeout.filter(|_| !is_listening));
            self.send().await?;
            match next {
                Next::Leave => return Ok(()),
                Next::GoOn => {
                    // A client that sends without end must not keep the others waiting.
                    yield_now().await;
                    continue;
                }
                Next::Wait if self.input.is_filled() => yield_now().await,
                Next::Wait => {}
            }
            let has_mail = has_mail(&self.client.subscriptions);
            ayi::select! {
                biased;
                () = &mut stop, if !is_stopping => {
                    // Unlike closing the stream, this lets requests that have just arrived be read, and so answered.
                    // After that, or at once, the end of the stream is read, as if the client had closed.
                    let _ = self.stream.get_ref().shutdown_now(Shutdown::Read);
                    is_stopping = true;
                }
                read = self.stream.read(self.input.room()) => match read {
                    Ok(n @ 1..) => self.input.add(n),
                    _ => return Err(End::Silent),
                },
                () = has_mail => {}
            }
        }
    }

    /// Executes the complete requests of the input, until there is enough to send, or the turn is over.
    async fn execute(&mut self) -> Result<Next, ProtocolError> {
        // Messages from before the next reply go before it.
        if let Some(subscriptions) = &self.client.subscriptions {
            subscriptions.subscriber.take_mail(&mut self.replies);
        }
        let mut turn = Turn::default();
        while let Some(len) = self.parser.parse(self.input.unread())? {
            let args = self.parser.args(&self.input.unread()[..len]);
            turn.spend(PER_ARG * (1 + args.len()) + copying(len));
            let (server, client, replies) = (self.server, &mut self.client, &mut self.replies);
            let rest = {
                let store = &mut server.store.borrow_mut();
                commands::execute(Call { server, store, client, args, replies, rest: None })
            };
            if let Some(rest) = rest {
                let (client, replies, turn) = (&mut self.client, &mut self.replies, &mut turn);
                commands::go_on(rest, Going { server, client, args, replies, turn }).await;
            }
            self.input.consume(len);
            if self.client.is_leaving || self.replies.is_over() {
                return Ok(Next::Leave);
            }
            if self.replies.bytes().len() >= ENOUGH || turn.is_over() {
                return Ok(Next::GoOn);
            }
        }
        Ok(Next::Wait)
    }

    async fn send(&mut self) -> Result<(), End> {
        if self.replies.is_over() {
            return Err(End::Silent);
        }
        if self.replies.bytes().is_empty() {
            return Ok(());
        }
        let sent = self.stream.write_all(self.replies.bytes()).await;
        self.replies.clear(KEPT);
        sent.map_err(|_| End::Silent)
    }

    /// Closes once the client has closed. Closing while there is something unread would make the system reset the
    /// connection, and the client could lose the last reply that way.
    async fn part(&mut self) {
        if self.send().await.is_err() || self.stream.get_ref().shutdown_now(Shutdown::Write).is_err() {
            return;
        }
        self.stream.set_time_limit(LINGER);
        loop {
            self.input = Input::default();
            let Ok(1..) = self.stream.read(self.input.room()).await else { break };
        }
    }
}

async fn has_mail(subscriptions: &Option<Subscriptions>) {
    match subscriptions {
        Some(subscriptions) => subscriptions.subscriber.has_mail().await,
        None => pending().await,
    }
}
