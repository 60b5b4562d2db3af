//! Values to bytes and back, for connections and for the log; frames on a connection.
//!
//! Numbers are `u64` in little endian. A string or list begins with its length, an optional value and a variant with
//! one byte that says which it is. A frame is a length (`u32`) and that many bytes, which hold one value.

use crate::command::{Command, Entry, Found, Id, Index, Op, Position, Term};
use ayi::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::io;

/// The most bytes in a frame. A length above that is not one of ours.
const MAX_FRAME: u32 = 16 * 1024 * 1024;

/// What arrives at a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    Peer(Envelope),
    Client(Command),
}

/// A message from a server, with the term that the sender was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub from: Id,
    pub term: Term,
    pub message: Message,
}

/// The messages of the paper's figure 2. Answers are messages of their own, since a connection may be lost in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A candidate asks for a vote. `last` is the end of its log.
    RequestVote {
        last: Position,
    },
    Vote {
        granted: bool,
    },
    /// A leader sends entries that follow `previous`, or none as a heartbeat. All up to `commit` are committed.
    AppendEntries {
        previous: Position,
        entries: Vec<Entry>,
        commit: Index,
    },
    /// A follower has the leader's entries up to `index`; or it refuses, and its log may match up to `index`.
    Appended {
        success: bool,
        index: Index,
    },
}

/// What a server tells a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done(Found),
    /// Another server leads, if this one knows which.
    Redirect(Option<Id>),
}

/// Sends one value.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), value: &impl Wire) -> io::Result<()> {
    let mut frame = vec![0; 4];
    value.put(&mut frame);
    let len = frame.len() as u32 - 4;
    frame[..4].copy_from_slice(&len.to_le_bytes());
    stream.write_all(&frame).await
}

/// Receives one value.
pub async fn read<T: Wire>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let len = stream.read_u32_le().await?;
    if len > MAX_FRAME {
        return Err(malformed());
    }
    let mut frame = vec![0; len as usize];
    stream.read_exact(&mut frame).await?;
    decode(&frame).ok_or_else(malformed)
}

/// Returns the value that the bytes are, if they are exactly one.
pub fn decode<T: Wire>(mut bytes: &[u8]) -> Option<T> {
    let value = T::take(&mut bytes)?;
    bytes.is_empty().then_some(value)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the peer sends something that is no frame of sim-kv")
}

/// A value that can be sent and stored.
pub trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    /// Takes the value off the front of `bytes`, or returns `None` if it is not there.
    fn take(bytes: &mut &[u8]) -> Option<Self>;
}

impl Wire for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(bytes: &mut &[u8]) -> Option<u8> {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(*first)
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(bytes: &mut &[u8]) -> Option<bool> {
        Some(u8::take(bytes)? == 1)
    }
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<u64> {
        let (number, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(u64::from_le_bytes(*number))
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend(self.as_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<String> {
        let len = usize::try_from(u64::take(bytes)?).ok()?;
        let (text, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Option<T>> {
        Some(if bool::take(bytes)? { Some(T::take(bytes)?) } else { None })
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|item| item.put(out));
    }

    fn take(bytes: &mut &[u8]) -> Option<Vec<T>> {
        let len = u64::take(bytes)?;
        (0..len).map(|_| T::take(bytes)).collect()
    }
}

/// Writes a struct as its fields, one after the other.
macro_rules! fields {
    ($name:ident { $($field:ident),* }) => {
        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(bytes: &mut &[u8]) -> Option<$name> {
                Some($name { $($field: Wire::take(bytes)?),* })
            }
        }
    };
}

fields!(Command { client, number, op });
fields!(Entry { term, command });
fields!(Position { term, index });
fields!(Envelope { from, term, message });

/// Writes a variant as a byte, and its fields after that.
macro_rules! variants {
    ($name:ident { $($tag:literal => $variant:ident $shape:tt),* }) => {
        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(variants!(pattern $name $variant $shape) => variants!(put out $tag $shape),)*
                }
            }

            fn take(bytes: &mut &[u8]) -> Option<$name> {
                Some(match u8::take(bytes)? {
                    $($tag => variants!(take bytes $name $variant $shape),)*
                    _ => return None,
                })
            }
        }
    };
    (pattern $name:ident $variant:ident { $($field:ident),* }) => { $name::$variant { $($field),* } };
    (pattern $name:ident $variant:ident ($field:ident)) => { $name::$variant($field) };
    (put $out:ident $tag:literal { $($field:ident),* }) => {{ $tag.put($out); $($field.put($out);)* }};
    (put $out:ident $tag:literal ($field:ident)) => {{ $tag.put($out); $field.put($out) }};
    (take $bytes:ident $name:ident $variant:ident { $($field:ident),* }) => {
        $name::$variant { $($field: Wire::take($bytes)?),* }
    };
    (take $bytes:ident $name:ident $variant:ident ($field:ident)) => { $name::$variant(Wire::take($bytes)?) };
}

variants!(Op { 1u8 => Get { key }, 2u8 => Put { key, value }, 3u8 => Cas { key, old, new } });
variants!(Call { 1u8 => Peer(envelope), 2u8 => Client(command) });
variants!(Reply { 1u8 => Done(found), 2u8 => Redirect(leader) });
variants!(Message {
    1u8 => RequestVote { last },
    2u8 => Vote { granted },
    3u8 => AppendEntries { previous, entries, commit },
    4u8 => Appended { success, index }
});
