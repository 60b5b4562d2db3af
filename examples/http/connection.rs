//! A conversation with one client.
//!
//! ```text
//! ┌─► head ──► body ──► pause? ──► response ─┐     end ──► send ──► wait for the client to close
//! └──────────────────────────────────────────┘
//! ```
//!
//! Responses gather in `output`, which is sent before anything is waited for. So the responses to requests
//! that came together leave together, and a lone request costs one read and one write.

use crate::input::Input;
use crate::request::{Head, Method};
use crate::response::{Response, Status};
use crate::{Peer, Server, routes};
use ayi::io::AsyncWriteExt;
use ayi::time::{Duration, Instant, sleep, timeout, timeout_at};
use std::net::Shutdown;

/// Bytes. What a buffer keeps when it is empty: the next large body may be far away.
const KEPT: usize = 16 * 1024;
/// How long to wait for a client to read the last response.
const LINGER: Duration = Duration::from_secs(2);

/// Why a conversation ends before its time.
enum End {
    /// There is nobody to talk to, or nothing to say.
    Silent,
    /// The client should know why. What it sends from here on cannot be understood.
    Refused(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> End {
        End::Refused(status)
    }
}

pub async fn serve(server: &Server, peer: &Peer) {
    // Responses are written in one piece, so there is nothing to gain from holding small ones back.
    let _ = peer.stream.set_nodelay(true);
    let (input, body, output) = Default::default();
    let mut conversation = Conversation { server, peer, input, body, output };
    match conversation.run().await {
        Ok(()) => {}
        Err(End::Refused(status)) => conversation.write(&Response::error(status), "Connection: close\r\n"),
        Err(End::Silent) => return,
    }
    conversation.part().await;
}

struct Conversation<'a> {
    server: &'a Server,
    peer: &'a Peer,
    input: Input,
    body: Vec<u8>,
    output: Vec<u8>,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<(), End> {
        let mut idle_limit = None;
        loop {
            let mut head = self.read_head(idle_limit).await?;
            idle_limit = Some(self.server.limits.idle);
            self.read_body(&mut head).await?;
            if let Some(pause) = routes::pause(head.method, head.route) {
                self.send().await?;
                sleep(pause).await;
            }
            if !self.respond(&head) {
                return Ok(());
            }
        }
    }

    /// Without an `idle_limit`, the limit for the head runs from the start: who connects wants something.
    async fn read_head(&mut self, idle_limit: Option<Duration>) -> Result<Head, End> {
        let mut deadline = None;
        loop {
            if let Some(head) = Head::parse(self.input.unread())? {
                self.input.consume(head.len);
                return Ok(head);
            }
            let is_idle = self.input.unread().is_empty();
            self.peer.is_idle.set(is_idle);
            match idle_limit.filter(|_| is_idle) {
                Some(limit) => self.fill(Instant::now() + limit, End::Silent).await?,
                None => {
                    // One for the whole head, or a client could send a byte now and then for ever.
                    let deadline =
                        *deadline.get_or_insert_with(|| Instant::now() + self.server.limits.header);
                    self.fill(deadline, Status::TIMEOUT.into()).await?;
                }
            }
            self.peer.is_idle.set(false);
        }
    }

    async fn read_body(&mut self, head: &mut Head) -> Result<(), End> {
        let mut deadline = None;
        loop {
            let used = head.body.decode(self.input.unread(), &mut self.body)?;
            self.input.consume(used);
            if head.body.is_complete() {
                return Ok(());
            }
            if head.expects_continue && deadline.is_none() {
                self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.server.limits.body);
            self.fill(deadline, Status::TIMEOUT.into()).await?;
        }
    }

    /// Returns whether another request may follow.
    fn respond(&mut self, head: &Head) -> bool {
        let is_stopping = self.server.is_stopping.get() && self.input.unread().is_empty();
        let goes_on = head.keeps_alive && !is_stopping;
        let connection = match goes_on {
            false => "Connection: close\r\n",
            true if head.is_http_1_0 => "Connection: keep-alive\r\n",
            true => "",
        };
        let mut clock = self.server.clock.borrow_mut();
        let date = clock.line();
        let response = routes::respond(head.method, head.route, &self.body, date);
        response.write(&mut self.output, date, connection, head.method == Method::Head);
        self.body.clear();
        self.body.shrink_to(KEPT);
        goes_on
    }

    fn write(&mut self, response: &Response<'_>, connection: &str) {
        response.write(&mut self.output, self.server.clock.borrow_mut().line(), connection, false);
    }

    /// Waits for more input, after all responses so far have been sent.
    async fn fill(&mut self, deadline: Instant, too_late: End) -> Result<(), End> {
        self.send().await?;
        match timeout_at(deadline, self.peer.stream.read(self.input.room())).await {
            Ok(Ok(n @ 1..)) => {
                self.input.add(n);
                Ok(())
            }
            Ok(_) => Err(End::Silent),
            Err(_) => Err(too_late),
        }
    }

    async fn send(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = timeout(self.server.limits.body, (&self.peer.stream).write_all(&self.output)).await;
        self.output.clear();
        self.output.shrink_to(KEPT);
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(End::Silent) }
    }

    /// Closes once the client has. Closing while there is something unread would make the system reset the
    /// connection, and the client could lose the last response that way (RFC 9112, 9.6).
    async fn part(&mut self) {
        if self.send().await.is_err() || self.peer.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        self.input = Input::default();
        let drain = async { while let Ok(1..) = self.peer.stream.read(self.input.room()).await {} };
        let _ = timeout(LINGER, drain).await;
    }
}
