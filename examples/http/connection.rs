//! A conversation with one client.
//!
//! ```text
//! ┌─► head ──► body ──► pause? ──► response ─┐     end ──► send ──► wait for the client to close
//! └──────────────────────────────────────────┘
//! ```
//!
//! Responses gather in `output`, which is sent before anything is waited for. So the responses to requests
//! that came together leave together, and a lone request costs one read and one write.
//!
//! Only the wait for a head is ended by the server's end: what has begun is answered, and that response is the last.

use crate::input::Input;
use crate::request::{Head, Method};
use crate::response::{Response, Status};
use crate::{Server, routes};
use ayi::io::AsyncWriteExt;
use ayi::net::TcpStream;
use ayi::runtime::shutdown_token;
use ayi::time::{Duration, Instant, sleep, timeout, timeout_at};
use std::net::Shutdown;
use std::pin::{Pin, pin};

/// Bytes. What a buffer keeps when it is empty: the next large body may be far away.
const KEPT: usize = 16 * 1024;
/// How long to wait for a client to read the last response.
const LINGER: Duration = Duration::from_secs(2);
/// When the server stops: how long to wait for the first request of a client that has just come, ...
const FIRST_WORD: Duration = Duration::from_secs(2);
/// ... and, of one that was answered before, for what has arrived and was not looked at yet.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// Ready once the server stops.
type Stopping<'a> = Pin<&'a mut dyn Future<Output = ()>>;

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

pub async fn serve(server: &Server, stream: TcpStream) {
    // Responses are written in one piece, so there is nothing to gain from holding small ones back.
    let _ = stream.set_nodelay(true);
    let (input, body, output) = Default::default();
    let mut conversation = Conversation { server, stream, input, body, output };
    let token = shutdown_token();
    match conversation.run(pin!(token.cancelled())).await {
        Ok(()) => {}
        Err(End::Refused(status)) => conversation.write(&Response::error(status), "Connection: close\r\n"),
        Err(End::Silent) => return,
    }
    conversation.part().await;
}

struct Conversation<'a> {
    server: &'a Server,
    stream: TcpStream,
    input: Input,
    body: Vec<u8>,
    output: Vec<u8>,
}

impl Conversation<'_> {
    async fn run(&mut self, mut stopping: Stopping<'_>) -> Result<(), End> {
        // Who connects wants something: for the first head, time runs from here, not from its first byte.
        let mut deadline = Some(Instant::now() + self.server.limits.header);
        loop {
            let mut head = self.read_head(deadline.take(), stopping.as_mut()).await?;
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

    async fn read_head(
        &mut self,
        mut deadline: Option<Instant>,
        mut stopping: Stopping<'_>,
    ) -> Result<Head, End> {
        loop {
            if let Some(head) = Head::parse(self.input.unread())? {
                self.input.consume(head.len);
                return Ok(head);
            }
            if self.input.unread().is_empty() {
                self.wait(deadline, stopping.as_mut()).await?;
            } else {
                // One for the whole head, or a client could send a byte now and then for ever.
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.server.limits.header);
                self.fill(deadline, Status::TIMEOUT.into()).await?;
            }
        }
    }

    /// Waits for the first bytes of a request, unless the server stops. With a deadline it is the first one.
    async fn wait(&mut self, deadline: Option<Instant>, stopping: Stopping<'_>) -> Result<(), End> {
        // Not below, where it could be dropped in the middle of a response.
        self.send().await?;
        let (deadline, too_late, last_wait) = match deadline {
            Some(deadline) => (deadline, Status::TIMEOUT.into(), FIRST_WORD),
            None => (Instant::now() + self.server.limits.idle, End::Silent, LAST_LOOK),
        };
        ayi::select! {
            biased;
            filled = self.fill(deadline, too_late) => return filled,
            () = stopping => {}
        }
        self.fill(Instant::now() + last_wait, End::Silent).await
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
        let is_stopping = self.server.is_stopping.get();
        // What has arrived of a further request is answered too.
        let goes_on = head.keeps_alive && !(is_stopping && self.input.unread().is_empty());
        let connection = match goes_on {
            false => "Connection: close\r\n",
            true if head.is_http_1_0 => "Connection: keep-alive\r\n",
            true => "",
        };
        let mut clock = self.server.clock.borrow_mut();
        let date = clock.line();
        let response = routes::respond(head.method, head.route, &self.body, date, is_stopping);
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
        match timeout_at(deadline, self.stream.read(self.input.room())).await {
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
        let sent = timeout(self.server.limits.body, (&self.stream).write_all(&self.output)).await;
        self.output.clear();
        self.output.shrink_to(KEPT);
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(End::Silent) }
    }

    /// Closes once the client has. Closing while there is something unread would make the system reset the
    /// connection, and the client could lose the last response that way (RFC 9112, 9.6).
    async fn part(&mut self) {
        if self.send().await.is_err() || self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        self.input = Input::default();
        let drain = async { while let Ok(1..) = self.stream.read(self.input.room()).await {} };
        let _ = timeout(LINGER, drain).await;
    }
}
