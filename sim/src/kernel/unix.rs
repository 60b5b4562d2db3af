//! Unix sockets: streams, datagrams and packets between the programs of one host. What is sent arrives at once.
//!
//! ```text
//!   connect ──▶ who is bound to the name? ── nobody listens ──▶ refused
//!      │                  │ a listener          backlog full ──▶ EAGAIN
//!      ◀── the peer is made, and waits in the backlog ──▶ accept gives it a descriptor
//! ```
//!
//! Invariants:
//! 1. A socket lives in its description, and its key is the description's. One in a backlog has a description without a
//!    descriptor, which the listener uses.
//! 2. A message counts against the buffer of its sender until it is read. `in_flight` is the sum of what these messages
//!    cost.
//! 3. A message uses the descriptions that it passes. They are given up with it.
//!
//! What is left out: `SO_PASSCRED` has no effect, there is no out-of-band data, and sockets that are only under way to
//! each other live until their host's program ends.
//!
//! Sources: unix(7), and `net/unix/af_unix.c` of Linux for what is reported when, and for the order of errors.

mod connect;
mod end;
mod names;
mod receive;
mod send;

pub(crate) use names::Names;
pub(crate) use receive::Received;

use super::Kernel;
use super::descriptors::{Fd, Kind};
use super::hosts::HostId;
use super::slab::Key;
use crate::Errno;
use send::Message;
use std::cell::Cell;
use std::collections::VecDeque;

/// A datagram socket that has more messages than this takes no more: `net.unix.max_dgram_qlen`.
const LONGEST_QUEUE: usize = 10;

/// `net.core.wmem_default` and `rmem_default`, in bytes.
const BUFFER: usize = 212_992;

/// What Linux wakes all waiters with, whatever they wait for.
const ALL: u32 = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum UnixKind {
    Stream,
    Datagram,
    /// SOCK_SEQPACKET: it has connections, and messages with bounds.
    Packets,
}

impl UnixKind {
    pub(crate) fn of(kind: i32) -> Result<UnixKind, Errno> {
        match kind {
            libc::SOCK_STREAM => Ok(UnixKind::Stream),
            // Linux makes a datagram socket of a raw one.
            libc::SOCK_DGRAM | libc::SOCK_RAW => Ok(UnixKind::Datagram),
            libc::SOCK_SEQPACKET => Ok(UnixKind::Packets),
            _ => Err(libc::ESOCKTNOSUPPORT),
        }
    }

    pub(crate) fn number(self) -> i32 {
        match self {
            UnixKind::Stream => libc::SOCK_STREAM,
            UnixKind::Datagram => libc::SOCK_DGRAM,
            UnixKind::Packets => libc::SOCK_SEQPACKET,
        }
    }

    fn has_connections(self) -> bool {
        self != UnixKind::Datagram
    }
}

pub(crate) struct Unix {
    pub(crate) kind: UnixKind,
    host: HostId,
    state: State,
    /// The bytes of its path, or of its abstract name with the zero before it. Empty if it has none.
    pub(crate) name: Vec<u8>,
    peer: Option<Peer>,
    /// What SO_ERROR and the next call report, or 0.
    pub(crate) error: Errno,
    has_shut_read: bool,
    has_shut_write: bool,
    pub(crate) send_buffer: usize,
    pub(crate) receive_buffer: usize,
    pub(crate) passes_credentials: bool,
    /// Whether SO_PEERCRED knows the process at the other end. It is one of the same host.
    has_credentials: bool,
    /// Nobody has accepted it yet.
    is_unaccepted: bool,
    /// What has arrived and was not read.
    received: VecDeque<Message>,
    /// What it has sent and was not read costs so much of its buffer.
    in_flight: usize,
    /// The datagram sockets that are connected to this one.
    senders: Vec<Key>,
    /// Its peer had no room when somebody asked, and tells when there is some.
    wants_room: Cell<bool>,
}

/// The other end, or where datagrams go to. It may be gone already.
struct Peer {
    socket: Key,
    /// The name it had when they were connected, for when it is gone.
    name: Vec<u8>,
}

enum State {
    /// It has no connection, and does not listen. Datagram sockets are always in this state.
    New,
    Listening(Listener),
    Connected,
}

struct Listener {
    backlog: usize,
    waiting: VecDeque<Key>,
}

impl Unix {
    fn new(kind: UnixKind, host: HostId) -> Unix {
        Unix {
            kind,
            host,
            state: State::New,
            name: Vec::new(),
            peer: None,
            error: 0,
            has_shut_read: false,
            has_shut_write: false,
            send_buffer: BUFFER,
            receive_buffer: BUFFER,
            passes_credentials: false,
            has_credentials: false,
            is_unaccepted: false,
            received: VecDeque::new(),
            in_flight: 0,
            senders: Vec::new(),
            wants_room: Cell::new(false),
        }
    }

    fn peer_key(&self) -> Option<Key> {
        self.peer.as_ref().map(|peer| peer.socket)
    }

    pub(crate) fn listens(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// The kernel's `unix_recvq_full`.
    fn is_full(&self) -> bool {
        match &self.state {
            State::Listening(listener) => listener.waiting.len() > listener.backlog,
            _ => self.received.len() > LONGEST_QUEUE,
        }
    }

    /// Whether three quarters of its buffer are free: the kernel's `unix_writable`, which counts one byte for the socket.
    fn is_writable(&self) -> bool {
        !self.listens() && (1 + self.in_flight) * 4 <= self.send_buffer
    }

    /// SO_PEERCRED: process, user and group at the other end.
    pub(crate) fn credentials(&self) -> (i32, u32, u32) {
        if self.has_credentials { (1 + i32::from(self.host), 0, 0) } else { (0, u32::MAX, u32::MAX) }
    }
}

impl Kernel {
    pub(crate) fn unix_socket(&mut self, kind: UnixKind, flags: i32) -> Result<Fd, Errno> {
        let unix = Unix::new(kind, self.here()?);
        self.open(Kind::Unix(unix), flags | libc::O_RDWR)
    }

    /// socketpair(2).
    pub(crate) fn unix_pair(&mut self, kind: UnixKind, flags: i32) -> Result<(Fd, Fd), Errno> {
        let first = self.unix_socket(kind, flags)?;
        let second = match self.unix_socket(kind, flags) {
            Ok(second) => second,
            Err(errno) => {
                self.close(first)?;
                return Err(errno);
            }
        };
        let (a, b) = (self.description(first)?, self.description(second)?);
        for (one, other) in [(a, b), (b, a)] {
            let unix = self.unix(one);
            unix.peer = Some(Peer { socket: other, name: Vec::new() });
            unix.has_credentials = true;
            if kind.has_connections() {
                unix.state = State::Connected;
            } else {
                unix.senders.push(other);
            }
        }
        Ok((first, second))
    }

    pub(crate) fn unix(&mut self, key: Key) -> &mut Unix {
        match &mut self.descriptions[key].kind {
            Kind::Unix(unix) => unix,
            _ => unreachable!("the caller has looked"),
        }
    }

    /// A socket that may be gone.
    fn unix_if_alive(&self, key: Key) -> Option<&Unix> {
        match &self.descriptions.get(key)?.kind {
            Kind::Unix(unix) => Some(unix),
            _ => None,
        }
    }

    /// The kernel's `unix_poll` and `unix_dgram_poll`.
    pub(crate) fn unix_mask(&self, key: Key) -> u32 {
        let Some(unix) = self.unix_if_alive(key) else { return 0 };
        let mut mask = 0;
        if unix.error != 0 {
            mask |= libc::EPOLLERR;
        }
        if unix.has_shut_read {
            mask |= libc::EPOLLRDHUP | libc::EPOLLIN;
        }
        let is_over = unix.has_shut_read && unix.has_shut_write;
        if is_over || unix.kind.has_connections() && matches!(unix.state, State::New) {
            mask |= libc::EPOLLHUP;
        }
        let has_waiting = matches!(&unix.state, State::Listening(listener) if !listener.waiting.is_empty());
        if has_waiting || !unix.received.is_empty() {
            mask |= libc::EPOLLIN;
        }
        if unix.is_writable() && self.receiver_has_room(key, unix) {
            mask |= libc::EPOLLOUT;
        }
        mask as u32
    }

    /// Whether the receiver of a datagram socket takes one more. If not, it tells the socket when it does.
    fn receiver_has_room(&self, key: Key, unix: &Unix) -> bool {
        if unix.kind == UnixKind::Stream {
            return true;
        }
        // To one that is gone, a send says so at once.
        let Some(receiver) = unix.peer_key().and_then(|peer| self.unix_if_alive(peer)) else { return true };
        let has_room = receiver.peer_key() == Some(key) || !receiver.is_full();
        if !has_room {
            unix.wants_room.set(true);
        }
        has_room
    }

    /// The name of the socket at the other end, which may be empty.
    pub(crate) fn unix_peer_name(&self, key: Key) -> Result<Vec<u8>, Errno> {
        let peer = self.unix_if_alive(key).and_then(|unix| unix.peer.as_ref()).ok_or(libc::ENOTCONN)?;
        Ok(self.unix_if_alive(peer.socket).map_or(&peer.name, |alive| &alive.name).clone())
    }
}
