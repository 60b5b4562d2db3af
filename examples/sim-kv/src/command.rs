//! What clients ask for, and the entries of the log.

use std::fmt;

/// The number of a server: 1 for the first address, 2 for the second.
pub type Id = u64;
/// The number of an election. There is at most one leader in each.
pub type Term = u64;
/// A place in the log. The first entry has index 1.
pub type Index = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Get {
        key: String,
    },
    Put {
        key: String,
        value: String,
    },
    /// Compares and swaps: writes `new` if the value is `old`.
    Cas {
        key: String,
        old: Option<String>,
        new: String,
    },
}

/// What an operation has found: the value before it. A `Cas` has written its new value if it has found the old one. A
/// `Put` does not look, and finds `None`.
pub type Found = Option<String>;

/// An operation, and who asks for it. Requests of a client are numbered, so that a repeated one is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub client: u64,
    pub number: u64,
    pub op: Op,
}

/// An entry of the log. A new leader begins its term with one that has no command (§8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub term: Term,
    pub command: Option<Command>,
}

/// The index of an entry, and its term. The order is that of §5.4.1: of two logs, the one whose last entry has the
/// later term is more up to date, and with equal terms the longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub term: Term,
    pub index: Index,
}

impl Op {
    pub fn key(&self) -> &str {
        match self {
            Op::Get { key } | Op::Put { key, .. } | Op::Cas { key, .. } => key,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Get { key } => write!(f, "get {key}"),
            Op::Put { key, value } => write!(f, "put {key} {value}"),
            Op::Cas { key, old, new } => write!(f, "cas {key} {} {new}", old.as_deref().unwrap_or("-")),
        }
    }
}
