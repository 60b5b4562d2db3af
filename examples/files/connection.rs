//! A conversation with one client.

use crate::request::{self, Method, Request};
use crate::tree::{Found, Opened, Status, Tree};
use ayi::io::AsyncWriteExt;
use ayi::net::TcpStream;
use ayi::time::{Duration, timeout};
use httpdate::HttpDate;
use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// The number of bytes that are read from a file at a time.
const PART: usize = 256 * 1024;
/// In bytes. A part that is not larger leaves in one piece with the head.
const SMALL: usize = 16 * 1024;
/// How long to wait for a client to read the last response.
const LINGER: Duration = Duration::from_secs(2);

/// The reason why a conversation ends early.
enum End {
    /// The client has gone, or is as good as gone.
    Silent,
    /// The client should know why. What it sends from here on cannot be understood.
    Refused(Status),
    /// A file cannot be sent to its end.
    Broken(io::Error),
}

/// # Errors
///
/// Fails if a file that is being sent fails. A client's mistake is no error.
pub async fn serve(tree: &Tree, stream: TcpStream, limit: Duration) -> io::Result<()> {
    // A response ends with a full write, so there is nothing to gain from holding its end back.
    let _ = stream.set_nodelay(true);
    let mut conversation = Conversation { tree, stream, limit, input: Vec::new() };
    match conversation.run().await {
        Ok(()) => {}
        Err(End::Silent) => return Ok(()),
        // The client can tell from the length that a part is missing.
        Err(End::Broken(error)) => return Err(error),
        Err(End::Refused(status)) => {
            let request = Request::default();
            if conversation.send_status(&request, status, "").await.is_err() {
                return Ok(());
            }
        }
    }
    conversation.part().await;
    Ok(())
}

struct Conversation<'a> {
    tree: &'a Tree,
    stream: TcpStream,
    limit: Duration,
    /// What has arrived and is not answered yet: the next requests, and a piece of one.
    input: Vec<u8>,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<(), End> {
        loop {
            let limit = self.limit;
            let request = match timeout(limit, self.read_request()).await {
                Ok(request) => request?,
                Err(_) if self.input.is_empty() => return Ok(()),
                Err(_) => return Err(End::Refused(Status::TIMEOUT)),
            };
            self.respond(&request).await?;
            if !request.keeps_alive {
                return Ok(());
            }
        }
    }

    async fn read_request(&mut self) -> Result<Request, End> {
        let mut room = [0; 2048];
        loop {
            if let Some(request) = Request::parse(&self.input).map_err(End::Refused)? {
                self.input.drain(..request.len);
                return Ok(request);
            }
            match self.stream.read(&mut room).await {
                Ok(read @ 1..) => self.input.extend_from_slice(&room[..read]),
                _ => return Err(End::Silent),
            }
        }
    }

    async fn respond(&mut self, request: &Request) -> Result<(), End> {
        if request.method == Method::Other {
            return self.send_status(request, Status::NOT_ALLOWED, "Allow: GET, HEAD\r\n").await;
        }
        match self.tree.find(&request.path).await {
            Ok(Found::File(opened)) => self.send_file(request, *opened).await,
            Ok(Found::Directory) => {
                let location = format!("Location: {}/{}\r\n", request.path, request.query);
                self.send_status(request, Status::MOVED, &location).await
            }
            Err(status) => self.send_status(request, status, "").await,
        }
    }

    async fn send_file(&mut self, request: &Request, opened: Opened) -> Result<(), End> {
        let Opened { file, len, modified, content_type } = opened;
        let modified = date_of(modified);
        let modified_field = modified.map_or(String::new(), |date| format!("Last-Modified: {date}\r\n"));
        if modified.is_some_and(|date| request.if_modified_since.is_some_and(|since| date <= since)) {
            let head = head(request, Status::NOT_MODIFIED, &modified_field);
            return self.send(&head).await;
        }
        // Only GET asks for parts (RFC 9110, 14.2). A part of another version of the file is of no use.
        let is_same = request
            .if_range
            .as_ref()
            .is_none_or(|known| modified.is_some_and(|date| *known == date.to_string()));
        let range = request.range.as_ref().filter(|_| is_same && request.method == Method::Get);
        let part = match range.map_or(Ok(None), |range| request::part(range, len)) {
            Ok(part) => part,
            Err(status) => {
                return self.send_status(request, status, &format!("Content-Range: bytes */{len}\r\n")).await;
            }
        };
        let (status, range_field) = match &part {
            Some(part) => {
                (Status::PARTIAL, format!("Content-Range: bytes {}-{}/{len}\r\n", part.start, part.end - 1))
            }
            None => (Status::OK, String::new()),
        };
        let part = part.unwrap_or(0..len);
        let fields = format!(
            "Content-Type: {content_type}\r\nContent-Length: {}\r\nAccept-Ranges: bytes\r\n\
             {modified_field}{range_field}",
            part.end - part.start,
        );
        let head = head(request, status, &fields);
        if request.method == Method::Head || part.is_empty() {
            return self.send(&head).await;
        }
        self.send_part(head, &file, part).await
    }

    /// Sends what was promised: if the file grows meanwhile, the new part is left out; if it shrinks, the connection
    /// ends.
    async fn send_part(
        &mut self,
        mut head: Vec<u8>,
        file: &ayi::fs::File,
        part: Range<u64>,
    ) -> Result<(), End> {
        let mut at = part.start;
        // One buffer for the whole part. Each read passes it to the kernel, which returns it filled.
        let mut buffer = Vec::with_capacity(PART.min((part.end - at) as usize));
        while at < part.end {
            let (result, filled) = file.read_at(buffer, at).await;
            buffer = filled;
            if result.map_err(End::Broken)? == 0 {
                return Err(End::Broken(io::Error::other("a file has become shorter while it was sent")));
            }
            buffer.truncate(buffer.len().min((part.end - at) as usize));
            at += buffer.len() as u64;
            if !head.is_empty() && buffer.len() <= SMALL {
                head.extend_from_slice(&buffer);
                buffer.clear();
            }
            self.send(&std::mem::take(&mut head)).await?;
            self.send(&buffer).await?;
        }
        Ok(())
    }

    /// Sends a response whose content is what the status says.
    async fn send_status(&mut self, request: &Request, status: Status, fields: &str) -> Result<(), End> {
        let Status(text) = status;
        let content = format!("{text}\n");
        let length = content.len();
        let fields =
            format!("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n{fields}");
        let mut response = head(request, status, &fields);
        if request.method != Method::Head {
            response.extend_from_slice(content.as_bytes());
        }
        self.send(&response).await
    }

    /// Sends bytes. A client that does not take them in time gets no more.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        match timeout(self.limit, (&self.stream).write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Silent),
        }
    }

    /// Closes once the client has closed. Closing while there is something unread would make the system reset the
    /// connection, and the client could lose the last response that way (RFC 9112, 9.6).
    async fn part(&mut self) {
        if self.stream.shutdown_now(Shutdown::Write).is_ok() {
            let mut room = [0; 2048];
            let _ = timeout(LINGER, async { while let Ok(1..) = self.stream.read(&mut room).await {} }).await;
        }
    }
}

fn head(request: &Request, status: Status, fields: &str) -> Vec<u8> {
    let Status(status) = status;
    let connection = match (request.keeps_alive, request.is_http_1_0) {
        (false, _) => "Connection: close\r\n",
        (true, true) => "Connection: keep-alive\r\n",
        (true, false) => "",
    };
    let date = HttpDate::from(SystemTime::now());
    format!("HTTP/1.1 {status}\r\nDate: {date}\r\n{fields}{connection}\r\n").into_bytes()
}

/// The date of a file, to the second. It is not later than now (RFC 9110, 8.8.2.1), and there is none before 1970.
fn date_of(time: SystemTime) -> Option<HttpDate> {
    (time >= UNIX_EPOCH).then(|| HttpDate::from(time.min(SystemTime::now())))
}
