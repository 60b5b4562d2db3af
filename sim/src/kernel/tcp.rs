//! TCP as a program sees it through the socket calls of Linux: handshakes, backlogs, windows, half-close, resets.
//!
//! ```text
//!   connect ── SYN ──▶ a listener? ── no, or full ──▶ refused, or nothing: the SYN comes again
//!      │                  │ yes: a socket is made
//!      ◀──── SYN-ACK ─────┘
//!      └──── ACK ────────▶ it is in the backlog, and accept gives it out
//! ```
//!
//! A packet that is lost comes again after a while, like TCP's: so a stream is slow, and not torn. What is left out:
//! congestion windows, selective acknowledgements, urgent data, TIME_WAIT.
//!
//! Sources: tcp(7), connect(2), accept(2), listen(2), and the kernel's `tcp_poll` for what is reported when.

mod data;
mod end;
mod handshake;

use super::Kernel;
use super::descriptors::{Fd, Kind};
use super::hosts::HostId;
use super::ports::{Binding, Protocol};
use super::slab::Key;
use crate::{Errno, Nanos};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first retransmission comes after this, and each further one after twice as long: tcp(7), `tcp_retries2`, and
/// RFC 6298 for the first.
pub(crate) const FIRST_RETRY: Nanos = 200_000_000;
pub(crate) const LONGEST_RETRY: Nanos = 120_000_000_000;

pub(crate) struct Tcp {
    pub(crate) host: HostId,
    /// `None` if the program has closed it, or has not accepted it yet.
    pub(crate) description: Option<Key>,
    pub(crate) is_v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) state: State,
    /// What SO_ERROR and the next call report, or 0.
    pub(crate) error: Errno,
    pub(crate) options: Options,
    pub(crate) connection: Connection,
}

pub(crate) enum State {
    New,
    Listening(Listener),
    Connecting,
    Connected,
    /// It had a connection, or an attempt at one that failed.
    Closed,
}

pub(crate) struct Listener {
    pub(crate) backlog: usize,
    /// Those whose handshake has ended.
    pub(crate) ready: VecDeque<Key>,
    /// How many handshakes are under way.
    pub(crate) half_open: usize,
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) reuses_addr: bool,
    pub(crate) reuses_port: bool,
    pub(crate) is_v6_only: bool,
    pub(crate) nodelay: bool,
    pub(crate) keepalive: bool,
    /// `SO_LINGER`, in seconds.
    pub(crate) linger: Option<i32>,
    pub(crate) send_buffer: usize,
    pub(crate) receive_buffer: usize,
    pub(crate) ttl: i32,
    pub(crate) low_water: i32,
    /// Those that make no difference here, by level and name: what was set is what is told.
    pub(crate) others: BTreeMap<(i32, i32), i32>,
}

impl Default for Options {
    fn default() -> Options {
        // tcp(7): the middle values of `tcp_wmem` and `tcp_rmem`; Linux lets the first one grow at once.
        Options {
            reuses_addr: false,
            reuses_port: false,
            is_v6_only: false,
            nodelay: false,
            keepalive: false,
            linger: None,
            send_buffer: 87_040,
            receive_buffer: 131_072,
            ttl: 64,
            low_water: 1,
            others: BTreeMap::new(),
        }
    }
}

/// One end of a connection.
#[derive(Default)]
pub(crate) struct Connection {
    /// The socket at the other end.
    pub(crate) peer: Option<Key>,
    pub(crate) peer_host: HostId,
    /// The listener, while the handshake is under way.
    pub(crate) listener: Option<Key>,
    /// Nobody has accepted it yet.
    pub(crate) is_unaccepted: bool,
    /// What has arrived and was not read.
    pub(crate) received: VecDeque<u8>,
    /// The peer has sent its end.
    pub(crate) peer_has_ended: bool,
    pub(crate) has_shut_read: bool,
    pub(crate) has_shut_write: bool,
    /// What is under way to the peer.
    pub(crate) segments: VecDeque<Segment>,
    /// An event for the first segment is planned.
    pub(crate) is_due: bool,
    /// When the last segment arrives. Segments stay in their order.
    pub(crate) last_arrival: Nanos,
    /// How often the first segment was lost.
    pub(crate) retries: u32,
    /// The bytes that the peer has not acknowledged, as far as this end knows.
    pub(crate) in_flight: usize,
    /// When this end will know of how many more.
    pub(crate) acks: VecDeque<(Nanos, usize)>,
    pub(crate) is_ack_due: bool,
    /// A write was refused since there was no room.
    pub(crate) wants_room: bool,
}

pub(crate) struct Segment {
    pub(crate) arrives: Nanos,
    pub(crate) what: What,
}

pub(crate) enum What {
    Data(Vec<u8>),
    End,
}

impl Kernel {
    pub(crate) fn tcp_socket(&mut self, is_v6: bool, flags: i32) -> Result<Fd, Errno> {
        let tcp = Tcp::new(self.here()?, is_v6);
        let key = self.tcp.insert(tcp);
        let fd =
            self.open(Kind::Tcp(key), flags | libc::O_RDWR).inspect_err(|_| drop(self.tcp.remove(key)))?;
        self.tcp[key].description = Some(self.description(fd)?);
        Ok(fd)
    }

    /// Whether a socket of `host` may have `addr`.
    pub(crate) fn check_own(&mut self, host: HostId, addr: IpAddr, is_v6: bool) -> Result<(), Errno> {
        if addr.is_ipv6() != is_v6 {
            return Err(if is_v6 { libc::EINVAL } else { libc::EAFNOSUPPORT });
        }
        if addr.to_canonical().is_unspecified() || self.host(host).has(addr) {
            return Ok(());
        }
        Err(libc::EADDRNOTAVAIL)
    }

    pub(crate) fn bind_tcp(&mut self, key: Key, addr: SocketAddr) -> Result<(), Errno> {
        let (host, is_v6) = (self.tcp[key].host, self.tcp[key].is_v6);
        if self.tcp[key].local.is_some() {
            return Err(libc::EINVAL);
        }
        self.check_own(host, addr.ip(), is_v6)?;
        let port = match addr.port() {
            0 => self.ephemeral_port(|it, port| it.ports.is_free(host, Protocol::Tcp, port))?,
            port => port,
        };
        let options = &self.tcp[key].options;
        let binding = Binding {
            socket: key,
            addr: addr.ip(),
            is_v6_only: options.is_v6_only,
            reuses_addr: options.reuses_addr,
            reuses_port: options.reuses_port,
            listens: false,
        };
        self.ports.bind(host, Protocol::Tcp, port, binding)?;
        self.tcp[key].local = Some(SocketAddr::new(addr.ip(), port));
        Ok(())
    }

    pub(crate) fn listen_tcp(&mut self, key: Key, backlog: i32) -> Result<(), Errno> {
        // listen(2): what is too large, or negative, becomes the system's limit.
        let backlog = usize::try_from(backlog).unwrap_or(4_096).min(4_096);
        match &mut self.tcp[key].state {
            State::New => {}
            State::Listening(listener) => {
                listener.backlog = backlog;
                return Ok(());
            }
            _ => return Err(libc::EINVAL),
        }
        if self.tcp[key].local.is_none() {
            let ip = unspecified(self.tcp[key].is_v6);
            self.bind_tcp(key, SocketAddr::new(ip, 0))?;
        }
        let (host, port) = (self.tcp[key].host, self.tcp[key].local.map_or(0, |addr| addr.port()));
        self.ports.listen(host, port, key)?;
        self.tcp[key].state = State::Listening(Listener { backlog, ready: VecDeque::new(), half_open: 0 });
        Ok(())
    }

    /// The kernel's `tcp_poll`.
    pub(crate) fn tcp_mask(&self, key: Key) -> u32 {
        let tcp = &self.tcp[key];
        let connection = &tcp.connection;
        let error = if tcp.error != 0 { libc::EPOLLERR } else { 0 };
        let mask = match &tcp.state {
            State::New => libc::EPOLLOUT | libc::EPOLLHUP,
            State::Listening(listener) if listener.ready.is_empty() => 0,
            State::Listening(_) => libc::EPOLLIN,
            State::Connecting => 0,
            State::Closed => libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLHUP,
            State::Connected => {
                let reads_end = connection.peer_has_ended || connection.has_shut_read;
                let mut mask = 0;
                if reads_end {
                    mask |= libc::EPOLLIN | libc::EPOLLRDHUP;
                }
                if reads_end && connection.has_shut_write {
                    mask |= libc::EPOLLHUP;
                }
                if connection.received.len() >= tcp.options.low_water.max(1) as usize {
                    mask |= libc::EPOLLIN;
                }
                if connection.has_shut_write || self.is_writable(tcp) {
                    mask |= libc::EPOLLOUT;
                }
                mask
            }
        };
        (mask | error) as u32
    }

    /// Whether a third of the buffer is free: the kernel's `sk_stream_is_writeable`.
    fn is_writable(&self, tcp: &Tcp) -> bool {
        let known = tcp.connection.acks.iter().take_while(|(at, _)| *at <= self.now);
        let in_flight = tcp.connection.in_flight - known.map(|(_, bytes)| bytes).sum::<usize>();
        in_flight * 3 <= tcp.options.send_buffer * 2
    }

    pub(crate) fn notify_tcp(&mut self, key: Key, events: i32) {
        if let Some(description) = self.tcp.get(key).and_then(|tcp| tcp.description) {
            self.notify(description, events as u32);
        }
    }

    /// Takes the error that the next call reports.
    pub(crate) fn take_tcp_error(&mut self, key: Key) -> Result<(), Errno> {
        match std::mem::take(&mut self.tcp[key].error) {
            0 => Ok(()),
            error => Err(error),
        }
    }
}

impl Tcp {
    pub(crate) fn new(host: HostId, is_v6: bool) -> Tcp {
        Tcp {
            host,
            description: None,
            is_v6,
            local: None,
            remote: None,
            state: State::New,
            error: 0,
            options: Options::default(),
            connection: Connection::default(),
        }
    }
}

pub(crate) fn unspecified(is_v6: bool) -> IpAddr {
    if is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// The address as a socket of that family tells it.
pub(crate) fn as_family(addr: SocketAddr, is_v6: bool) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        ip if !is_v6 => SocketAddr::new(ip.to_canonical(), addr.port()),
        _ => addr,
    }
}
