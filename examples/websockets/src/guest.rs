//! A conversation with one client.
//!
//! ```text
//!   name ──▶ ┌─▶ a message to send │ a frame that came │ time for a ping ─┐ ──▶ close, with a code that says why
//!            └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! One task has both directions, so nothing is shared. While it sends, it does not read: a client that wants to speak
//! has to listen. That goes for pings as well: the answer to each has left before the next frame is read, so what waits
//! for a client is bounded. A client that takes nothing for the time of a ping is disconnected.

use crate::http::Socket;
use crate::room::Room;
use async_tungstenite::tungstenite::error::{Error, ProtocolError};
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Message, Utf8Bytes};
use ayi::net::TcpStream;
use ayi::runtime::shutdown_token;
use ayi::time::{Duration, Instant, interval_at, timeout};
use futures_util::StreamExt;
use std::convert::Infallible;
use std::rc::Rc;

/// How long a client may take for its name. People may take longer: the page connects when they have entered it.
const NAME: Duration = Duration::from_secs(10);
/// How long the last frame may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// The reason why a conversation ends.
enum End {
    /// The client is gone.
    Silent,
    /// The client should know why (RFC 6455, 7.4.1).
    Because(CloseCode, &'static str),
}

impl From<Error> for End {
    fn from(error: Error) -> End {
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Silent,
            Error::Protocol(_) => End::Because(CloseCode::Protocol, "this is not the protocol of WebSockets"),
            Error::Utf8(_) => End::Because(CloseCode::Invalid, "text has to be UTF-8"),
            Error::Capacity(_) => End::Because(CloseCode::Size, "this is too long"),
            _ => End::Silent,
        }
    }
}

pub async fn talk(room: &Rc<Room>, stream: &Rc<TcpStream>, mut socket: Socket<'_>, ping: Duration) {
    // If the server ends while something is being sent, that lies in the socket's buffer, and leaves with the last
    // frame.
    let end = shutdown_token().run_until_cancelled(converse(room, stream, &mut socket, ping)).await;
    let end = end.map_or(End::Because(CloseCode::Away, "the server ends"), |Err(end)| end);
    if let End::Because(code, reason) = end {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let _ = timeout(FAREWELL, socket.close(Some(frame))).await;
    }
}

async fn converse(
    room: &Rc<Room>,
    stream: &Rc<TcpStream>,
    socket: &mut Socket<'_>,
    ping: Duration,
) -> Result<Infallible, End> {
    let name = timeout(NAME, first_text(socket, ping)).await;
    let name = name.unwrap_or(Err(End::Because(CloseCode::Policy, "the first message is your name")))?;
    let entered = room.enter(&name, stream);
    let (entry, messages) = entered.map_err(|why| End::Because(CloseCode::Policy, why))?;
    let mut pings = interval_at(Instant::now() + ping, ping);
    let mut is_alive = true;
    loop {
        ayi::select! {
            message = messages.recv() => {
                let text = message.expect("the room has the other end while the entry lives");
                send(socket, Message::Text(text), ping).await?;
            }
            frame = socket.next() => {
                // Whatever it is, an answer to a ping or not, the client is there.
                is_alive = true;
                if let Some(text) = text(socket, frame, ping).await?.filter(|text| !text.trim().is_empty()) {
                    entry.say(text.trim());
                    // A client may have sent many at once. The others get a turn after each to send them on; otherwise
                    // the outboxes of good listeners would overflow.
                    ayi::task::yield_now().await;
                }
            }
            _ = pings.tick() => {
                if !is_alive {
                    return Err(End::Silent);
                }
                is_alive = false;
                send(socket, Message::Ping(Default::default()), ping).await?;
            }
        }
    }
}

async fn first_text(socket: &mut Socket<'_>, ping: Duration) -> Result<Utf8Bytes, End> {
    loop {
        let frame = socket.next().await;
        if let Some(text) = text(socket, frame, ping).await? {
            return Ok(text);
        }
    }
}

/// Returns `None` for a message that needs no answer, or has got one: tungstenite answers frames that close.
async fn text(
    socket: &mut Socket<'_>,
    frame: Option<Result<Message, Error>>,
    limit: Duration,
) -> Result<Option<Utf8Bytes>, End> {
    match frame.ok_or(End::Silent)?? {
        Message::Text(text) => Ok(Some(text)),
        Message::Binary(_) => Err(End::Because(CloseCode::Unsupported, "this chat is of text")),
        Message::Ping(text) => {
            // It replaces the answer that tungstenite has ready, and would send when it can.
            send(socket, Message::Pong(text), limit).await?;
            Ok(None)
        }
        // After a frame that closes, the next thing that comes is the end.
        _ => Ok(None),
    }
}

/// Sends a message. A client that takes nothing for so long is as good as gone.
async fn send(socket: &mut Socket<'_>, message: Message, limit: Duration) -> Result<(), End> {
    timeout(limit, socket.send(message)).await.map_err(|_| End::Silent)?.map_err(End::from)
}
