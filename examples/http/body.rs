//! The body of a request: `Content-Length` bytes, or chunks (RFC 9112, 6 and 7).
//!
//! ```text
//! Length(n) ──► Length(0): complete ◄───────────────── Trailer
//!                                                         ▲ size 0
//! ChunkSize ──► Chunk(n) ──► Chunk(0) ──► ChunkSize … ────┘
//! ```

use crate::request::MAX_HEAD;
use crate::response::Status;

/// The most bytes of a body.
pub const MAX_BODY: usize = 1024 * 1024;
const MAX_TRAILERS: usize = 16;

/// What is still to come.
#[derive(Clone, Copy)]
pub enum Body {
    /// So many bytes.
    Length(usize),
    /// The line that says how long the next chunk is.
    ChunkSize,
    /// So many bytes, and the end of a line.
    Chunk(usize),
    /// Header fields after the last chunk, which nobody asked for, and an empty line.
    Trailer,
}

impl Body {
    pub fn is_complete(&self) -> bool {
        matches!(self, Body::Length(0))
    }

    /// Moves the part of the body that `input` has to `output`. Returns how many bytes of `input` that took.
    pub fn decode(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, Status> {
        let mut used = 0;
        while !self.is_complete() {
            match self.step(&input[used..], output)? {
                0 => break,
                n => used += n,
            }
        }
        Ok(used)
    }

    /// Returns 0 if more input is needed.
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, Status> {
        match self {
            Body::Chunk(0) => match input {
                [b'\r', b'\n', ..] => {
                    *self = Body::ChunkSize;
                    Ok(2)
                }
                [] | [b'\r'] => Ok(0),
                _ => Err(Status::BAD_REQUEST),
            },
            Body::Length(left) | Body::Chunk(left) => {
                let n = input.len().min(*left);
                output.extend_from_slice(&input[..n]);
                *left -= n;
                Ok(n)
            }
            Body::ChunkSize => {
                let Some((used, size)) = chunk_size(input)? else { return Ok(0) };
                if size > (MAX_BODY - output.len()) as u64 {
                    return Err(Status::CONTENT_TOO_LARGE);
                }
                *self = if size == 0 { Body::Trailer } else { Body::Chunk(size as usize) };
                Ok(used)
            }
            Body::Trailer => {
                match httparse::parse_headers(input, &mut [httparse::EMPTY_HEADER; MAX_TRAILERS]) {
                    Ok(httparse::Status::Complete((used, _))) => {
                        *self = Body::Length(0);
                        Ok(used)
                    }
                    Ok(httparse::Status::Partial) if input.len() < MAX_HEAD => Ok(0),
                    Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(Status::HEAD_TOO_LARGE),
                    Err(_) => Err(Status::BAD_REQUEST),
                }
            }
        }
    }
}

/// Returns the length of the line and the size it gives, or `None` if it is not complete.
fn chunk_size(input: &[u8]) -> Result<Option<(usize, u64)>, Status> {
    // httparse takes a line without digits for size 0, and lets a line feed pass within an extension. A server that
    // reads either differently would see another end of the request: see the head of `request`.
    if !input.first().is_none_or(u8::is_ascii_hexdigit) {
        return Err(Status::BAD_REQUEST);
    }
    match httparse::parse_chunk_size(input) {
        Ok(httparse::Status::Complete((used, _))) if input[..used - 1].contains(&b'\n') => {
            Err(Status::BAD_REQUEST)
        }
        Ok(httparse::Status::Complete(complete)) => Ok(Some(complete)),
        Ok(httparse::Status::Partial) if input.len() < MAX_HEAD => Ok(None),
        _ => Err(Status::BAD_REQUEST),
    }
}
