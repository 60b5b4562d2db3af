//! The protocol, RESP2: requests from bytes, and replies to bytes.
//!
//! ```text
//! *2\r\n$3\r\nGET\r\n$3\r\ntea\r\n     a request: an array of bulk strings
//! GET tea\r\n                          the same, as somebody types it
//!
//! +OK\r\n   -ERR syntax error\r\n   :7\r\n   $3\r\nhot\r\n   $-1\r\n   *2\r\n…      replies
//! ```
//!
//! The specification is at <https://redis.io/docs/latest/develop/reference/protocol-spec/>. The texts of errors are
//! Redis' own, and so is what is accepted beyond the specification.

mod inline;
mod number;
mod reply;
mod request;
#[cfg(test)]
mod tests;

pub use number::{parse_i64, write_i64};
pub use reply::{MAX_REPLIES, Replies};
pub use request::{Args, MAX_BULK, Parser, ProtocolError};
