//! A conversation with one client.
//!
//! ```text
//! ┌─► head ──► body ──► pause? ──► response ─┐     end ──► send ──► wait for the client to close
//! └──────────────────────────────────────────┘
//! ```
//!
//! Responses gather in `output`, which is sent before anything is waited for. So the responses to requests that came
//! together leave together, and a lone request costs one read and one write. A client that does not read its responses
//! is not read from either, and what waits for it is bounded: see [`ENOUGH`].
//!
//! When the server ends, only the wait for a head is ended. What has begun is answered, and that response is the last.

use crate::args::Limits;
use crate::input::Input;
use crate::request::{Head, Method};
use crate::response::{CLOCK, Response, Status};
use crate::{Server, routes};
use ayi::io::{AsyncReadExt, TimeLimit, TimeoutStream, WriteBuffer};
use ayi::net::TcpStream;
use ayi::runtime::shutdown_token;
use ayi::time::{Duration, sleep};
use std::io::Write;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;

/// The bytes of responses that are sent before more requests are parsed. A buffer keeps no more than this when it is
/// empty: the next large body may be far away.
const ENOUGH: usize = 16 * 1024;
/// How long to wait for a client to read the last response.
const LINGER: Duration = Duration::from_secs(2);
/// When the server stops, how long to wait for the first request of a client that has just come, ...
const FIRST_WORD: Duration = Duration::from_secs(2);
/// ... and how long to check a client that was answered before for bytes that have arrived.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// Ready once the server stops.
type Stopping<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send)>;

/// The reason why a conversation ends early.
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
    let (stream, output) = (TimeoutStream::new(stream), WriteBuffer::new(ENOUGH));
    let (input, body) = Default::default();
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
    stream: TimeoutStream<TcpStream>,
    input: Input,
    body: Vec<u8>,
    output: WriteBuffer,
}

impl Conversation<'_> {
    async fn run(&mut self, mut stopping: Stopping<'_>) -> Result<(), End> {
        let mut is_first = true;
        loop {
            let mut head = self.read_head(is_first, stopping.as_mut()).await?;
            is_first = false;
            self.read_body(&mut head).await?;
            if let Some(pause) = routes::pause(head.method, head.route) {
                self.send().await?;
                sleep(pause).await;
            }
            if !self.respond(&head) {
                return Ok(());
            }
            if self.output.is_high() {
                self.send().await?;
            }
        }
    }

    async fn read_head(&mut self, is_first: bool, mut stopping: Stopping<'_>) -> Result<Head, End> {
        // The limit is for the whole head. Otherwise a client could send a byte now and then for ever.
        let mut limit = Some(self.server.limits.header);
        if is_first {
            // A client that connects wants something: its time runs from here, not from the first byte.
            self.stream.set_time_limit(limit.take());
        }
        loop {
            if let Some(head) = Head::parse(self.input.unread())? {
                self.input.consume(head.len);
                return Ok(head);
            }
            if self.input.unread().is_empty() {
                self.wait(is_first, stopping.as_mut()).await?;
            } else {
                self.fill(limit.take(), Status::TIMEOUT.into()).await?;
            }
        }
    }

    /// Waits for the first bytes of a request, unless the server stops.
    async fn wait(&mut self, is_first: bool, stopping: Stopping<'_>) -> Result<(), End> {
        // It does not come later, where it could be dropped in the middle of a response.
        self.send().await?;
        let Limits { header, idle, .. } = self.server.limits;
        let (limit, too_late, last_wait) = match is_first {
            true => (None, Status::TIMEOUT.into(), FIRST_WORD),
            false => (Some(idle), End::Silent, LAST_LOOK),
        };
        ayi::select! {
            biased;
            filled = self.fill(limit, too_late) => return filled,
            () = stopping => {}
        }
        self.fill(Some(last_wait), End::Silent).await?;
        self.stream.set_time_limit(header);
        Ok(())
    }

    async fn read_body(&mut self, head: &mut Head) -> Result<(), End> {
        let mut limit = Some(self.server.limits.body);
        loop {
            let used = head.body.decode(self.input.unread(), &mut self.body)?;
            self.input.consume(used);
            if head.body.is_complete() {
                return Ok(());
            }
            if head.expects_continue && limit.is_some() {
                self.output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").expect("it has no limit");
            }
            self.fill(limit.take(), Status::TIMEOUT.into()).await?;
        }
    }

    /// Returns whether another request may follow.
    fn respond(&mut self, head: &Head) -> bool {
        let is_stopping = self.server.is_stopping.load(Ordering::Relaxed);
        // If a further request has arrived, even in part, it is answered too.
        let goes_on = head.keeps_alive && !(is_stopping && self.input.unread().is_empty());
        let connection = match goes_on {
            false => "Connection: close\r\n",
            true if head.is_http_1_0 => "Connection: keep-alive\r\n",
            true => "",
        };
        CLOCK.with_borrow_mut(|clock| {
            let date = clock.line();
            let response = routes::respond(head.method, head.route, &self.body, date, is_stopping);
            response.write(&mut self.output, date, connection, head.method == Method::Head);
        });
        self.body.clear();
        self.body.shrink_to(ENOUGH);
        goes_on
    }

    fn write(&mut self, response: &Response<'_>, connection: &str) {
        CLOCK.with_borrow_mut(|clock| response.write(&mut self.output, clock.line(), connection, false));
    }

    /// Waits for more input, after all responses so far have been sent. Without a limit, the previous one goes on.
    async fn fill(&mut self, limit: Option<Duration>, too_late: End) -> Result<(), End> {
        self.send().await?;
        if limit.is_some() {
            self.stream.set_time_limit(limit);
        }
        match self.stream.read(self.input.room()).await {
            Ok(n @ 1..) => {
                self.input.add(n);
                Ok(())
            }
            Err(error) if TimeLimit::of(&error).is_some() => Err(too_late),
            _ => Err(End::Silent),
        }
    }

    async fn send(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        // The limit is for the whole. Otherwise a client could take a byte now and then for ever.
        self.stream.set_time_limit(self.server.limits.body);
        self.output.write_to(&mut self.stream).await.map_err(|_| End::Silent)
    }

    /// Closes once the client has closed. Closing while there is something unread would make the system reset the
    /// connection, and the client could lose the last response that way (RFC 9112, 9.6).
    async fn part(&mut self) {
        if self.send().await.is_err() || self.stream.get_ref().shutdown_now(Shutdown::Write).is_err() {
            return;
        }
        self.input = Input::default();
        self.stream.set_time_limit(LINGER);
        while let Ok(1..) = self.stream.read(self.input.room()).await {}
    }
}
