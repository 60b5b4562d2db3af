//! Requests as they arrive: in pieces, or many at once.
//!
//! ```text
//!           ┌──────────── parse: complete ◀─────────────┐
//!           ▼                                           │ the last argument
//!    first line ──▶ length of an argument ──▶ argument ─┤
//!                            ▲                          │ another
//!                            └──────────────────────────┘
//! ```
//!
//! What has been understood of an incomplete request is kept, so that each byte is read once, however small the pieces
//! are. The beginning of a line is the exception. Arguments are places in the input: nothing is copied or allocated for
//! them, once the list has its length. A request that a person typed is the exception, because its quotes and escapes
//! are removed.
//!
//! As in Redis, the two bytes after an argument are ignored.

use super::inline;
use super::number::parse_i64;
use std::borrow::Cow;
use std::ops::Index;

/// The most bytes of an argument, and so of a key and a value (`proto-max-bulk-len`, 512 MiB in Redis).
pub const MAX_BULK: usize = 8 * 1024 * 1024;
/// The most bytes of a request (`client-query-buffer-limit`, 1 GiB in Redis).
const MAX_REQUEST: usize = 2 * MAX_BULK;
/// The most arguments of a request. Redis has the same number, up to version 6.
const MAX_ARGS: i64 = 1024 * 1024;
/// The most bytes of a line. Redis has the same number.
const MAX_LINE: usize = 64 * 1024;
/// How many arguments the list of places keeps room for.
const KEPT_ARGS: usize = 64;

/// The error in the bytes. After it, nobody knows where the next request begins.
#[derive(Debug, PartialEq, Eq)]
pub struct ProtocolError(pub Cow<'static, [u8]>);

impl From<&'static str> for ProtocolError {
    fn from(text: &'static str) -> ProtocolError {
        ProtocolError(Cow::Borrowed(text.as_bytes()))
    }
}

/// Where an argument is, in bytes from the request's first. A request has less than 4 GiB.
type Place = (u32, u32);

/// Beyond one request, its state begins again with the next.
#[derive(Default)]
pub struct Parser {
    args: Vec<Place>,
    /// How many arguments are still to come.
    missing: usize,
    /// How many bytes of the request are understood.
    at: usize,
    /// The length of the argument that follows, in bytes.
    bulk: Option<usize>,
    /// The words of a line that a person typed, one after the other. Otherwise it is empty.
    typed: Vec<u8>,
}

impl Parser {
    /// Parses a request. `input` begins with the request of which some has been parsed, or with the next one. Returns
    /// its length once it is complete: the [arguments](Parser::args) are known then, and the next call expects another
    /// request.
    pub fn parse(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        if self.at == 0 {
            self.args.clear();
            self.args.shrink_to(KEPT_ARGS);
            self.typed = Vec::new();
            match input {
                [] => return Ok(None),
                [b'*', ..] => {
                    let Some(line) = line(input, 0, "Protocol error: too big mbulk count string")? else {
                        return Ok(None);
                    };
                    let count = parse_i64(&line[1..]).filter(|count| *count <= MAX_ARGS);
                    let count = count.ok_or("Protocol error: invalid multibulk length")?;
                    // Less than zero counts as zero.
                    self.missing = usize::try_from(count).unwrap_or(0);
                    self.at = line.len() + 2;
                }
                _ => return self.parse_typed(input),
            }
        }
        while self.missing > 0 {
            if !self.parse_arg(input)? {
                return Ok(None);
            }
        }
        Ok(Some(std::mem::take(&mut self.at)))
    }

    /// Returns whether it is complete.
    fn parse_arg(&mut self, input: &[u8]) -> Result<bool, ProtocolError> {
        let len = match self.bulk {
            Some(len) => len,
            None => {
                let Some(line) = line(input, self.at, "Protocol error: too big bulk count string")? else {
                    return Ok(false);
                };
                let len = bulk_len(line)?;
                self.at += line.len() + 2;
                if self.at + len > MAX_REQUEST {
                    return Err("Protocol error: too big request".into());
                }
                len
            }
        };
        let end = self.at + len;
        if input.len() < end + 2 {
            self.bulk = Some(len);
            return Ok(false);
        }
        self.args.push((self.at as u32, end as u32));
        self.at = end + 2;
        self.bulk = None;
        self.missing -= 1;
        Ok(true)
    }

    fn parse_typed(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        // This holds even if all of it is here: what is refused must not depend on how it arrives.
        if end.unwrap_or(input.len()) > MAX_LINE {
            return Err("Protocol error: too big inline request".into());
        }
        let Some(len) = end else { return Ok(None) };
        let words = inline::split(&input[..len]).ok_or("Protocol error: unbalanced quotes in request")?;
        for word in words {
            let start = self.typed.len();
            self.typed.extend(word);
            self.args.push((start as u32, self.typed.len() as u32));
        }
        Ok(Some(len + 1))
    }

    /// Returns the arguments of the complete request, which is `request`.
    pub fn args<'a>(&'a self, request: &'a [u8]) -> Args<'a> {
        Args { bytes: if self.typed.is_empty() { request } else { &self.typed }, places: &self.args }
    }
}

/// Returns the line that begins at `at`, without its end, or `None` if the end is not there.
fn line<'a>(input: &'a [u8], at: usize, too_big: &'static str) -> Result<Option<&'a [u8]>, ProtocolError> {
    let rest = &input[at.min(input.len())..];
    let end = rest.iter().position(|byte| *byte == b'\r');
    if end.unwrap_or(rest.len()) > MAX_LINE {
        return Err(too_big.into());
    }
    // The line feed is not checked, but has to be there.
    Ok(end.filter(|len| len + 1 < rest.len()).map(|len| &rest[..len]))
}

fn bulk_len(line: &[u8]) -> Result<usize, ProtocolError> {
    let Some((b'$', digits)) = line.split_first() else {
        // The end of the line stands for the missing byte.
        let found = *line.first().unwrap_or(&b'\r');
        let text = [b"Protocol error: expected '$', got '", &[found][..], b"'"].concat();
        return Err(ProtocolError(text.into()));
    };
    let len = parse_i64(digits).and_then(|len| usize::try_from(len).ok());
    Ok(len.filter(|len| *len <= MAX_BULK).ok_or("Protocol error: invalid bulk length")?)
}

/// The arguments of a request, of which the first is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    places: &'a [Place],
}

impl<'a> Args<'a> {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = *self.places.get(index)?;
        Some(&self.bytes[start as usize..end as usize])
    }

    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.places.iter().map(move |(start, end)| &self.bytes[*start as usize..*end as usize])
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        let (start, end) = self.places[index];
        &self.bytes[start as usize..end as usize]
    }
}
