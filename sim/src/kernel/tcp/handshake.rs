//! How a connection comes about.

use super::{Connection, FIRST_RETRY, State, Tcp, as_family};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{Fd, Kind};
use crate::kernel::events::Event;
use crate::kernel::hosts::{HostId, HostState};
use crate::kernel::ports::Protocol;
use crate::kernel::slab::Key;
use std::net::{IpAddr, SocketAddr};

/// tcp(7), `tcp_syn_retries`.
const SYN_RETRIES: u32 = 6;

impl Kernel {
    /// connect(2). The result is EINPROGRESS if nothing is wrong yet.
    pub(crate) fn connect_tcp(&mut self, key: Key, to: SocketAddr) -> Result<(), Errno> {
        match self.tcp[key].state {
            State::New => {}
            State::Connecting => return Err(libc::EALREADY),
            State::Connected | State::Listening(_) => return Err(libc::EISCONN),
            State::Closed => {
                self.take_tcp_error(key)?;
                return Err(libc::ECONNABORTED);
            }
        }
        let (host, is_v6) = (self.tcp[key].host, self.tcp[key].is_v6);
        if to.is_ipv6() && !is_v6 {
            return Err(libc::EAFNOSUPPORT);
        }
        if to.is_ipv4() && is_v6 {
            return Err(libc::EINVAL);
        }
        let Some(there) = self.route(host, to.ip()) else { return Err(libc::ENETUNREACH) };
        let source = self.source_address(host, to.ip());
        match self.tcp[key].local {
            None => {
                self.bind_tcp(key, as_family(SocketAddr::new(source, 0), is_v6))?;
            }
            Some(local) if local.ip().to_canonical().is_unspecified() => {
                self.tcp[key].local = Some(as_family(SocketAddr::new(source, local.port()), is_v6));
            }
            Some(_) => {}
        }
        // A connection to no address in particular is one to this host.
        let to = if to.ip().is_unspecified() { SocketAddr::new(source, to.port()) } else { to };
        let tcp = &mut self.tcp[key];
        tcp.remote = Some(as_family(to, is_v6));
        tcp.state = State::Connecting;
        tcp.connection.peer_host = there;
        self.send_syn(key, 0);
        Err(libc::EINPROGRESS)
    }

    /// The own address from which packets to `to` are sent.
    pub(crate) fn source_address(&mut self, host: HostId, to: IpAddr) -> IpAddr {
        let own = self.host(host);
        match to.to_canonical() {
            IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified() => {
                IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)
            }
            IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => {
                IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)
            }
            IpAddr::V4(_) => own.v4.into(),
            IpAddr::V6(_) => own.v6.into(),
        }
    }

    fn send_syn(&mut self, key: Key, number: u32) {
        let (host, there) = (self.tcp[key].host, self.tcp[key].connection.peer_host);
        let arrives = self.links.arrival(host, there, 0, self.now);
        if host == there {
            self.syn_arrives(key, number)
        } else {
            self.events.add(arrives, Event::Syn(key, number))
        }
    }

    /// The SYN comes again, after 1, 2, 4… seconds: tcp(7), `tcp_syn_retries`.
    fn retry_syn(&mut self, key: Key, number: u32) {
        if number == SYN_RETRIES {
            let wait = 1_000_000_000 << number;
            // The last wait for an answer ends in vain.
            return self.events.add(self.now + wait, Event::Syn(key, number + 1));
        }
        self.events.add(self.now + (1_000_000_000 << number), Event::Syn(key, number + 1));
    }

    pub(crate) fn syn_arrives(&mut self, key: Key, number: u32) {
        let Some(tcp) = self.tcp.get(key) else { return };
        let State::Connecting = tcp.state else { return };
        if number > SYN_RETRIES {
            return self.fail_connect(key, libc::ETIMEDOUT);
        }
        let (host, there) = (tcp.host, tcp.connection.peer_host);
        let (Some(from), Some(to)) = (tcp.local, tcp.remote) else { return };
        if self.host(there).state != HostState::Up || !self.links.arrives(host, there) {
            return self.retry_syn(key, number);
        }
        let listeners = self.ports.takers(there, Protocol::Tcp, to);
        if listeners.is_empty() {
            return self.answer_syn(key, None);
        }
        // With SO_REUSEPORT there are several, and a hash of both addresses decides.
        let listener = listeners[self.rng.below(listeners.len() as u64) as usize];
        let listener_is_v6 = self.tcp[listener].is_v6;
        let options = self.tcp[listener].options.clone();
        let State::Listening(queue) = &mut self.tcp[listener].state else { return };
        if queue.ready.len() > queue.backlog {
            return self.retry_syn(key, number);
        }
        queue.half_open += 1;
        let mut made = Tcp::new(there, listener_is_v6);
        made.local = Some(as_family(to, listener_is_v6));
        made.remote = Some(as_family(from, listener_is_v6));
        made.state = State::Connected;
        made.options = options;
        made.connection = Connection {
            peer: Some(key),
            peer_host: host,
            listener: Some(listener),
            is_unaccepted: true,
            ..Connection::default()
        };
        let made = self.tcp.insert(made);
        self.answer_syn(key, Some(made));
    }

    fn answer_syn(&mut self, key: Key, made: Option<Key>) {
        let (host, there) = (self.tcp[key].host, self.tcp[key].connection.peer_host);
        if host == there {
            return self.syn_ack_arrives(key, made);
        }
        let arrives = self.links.arrival(there, host, 0, self.now);
        self.events.add(arrives, Event::SynAck(key, made));
    }

    /// The answer to a SYN arrives: the socket at the other end, or a reset.
    pub(crate) fn syn_ack_arrives(&mut self, key: Key, made: Option<Key>) {
        let is_waiting = self.tcp.get(key).is_some_and(|tcp| matches!(tcp.state, State::Connecting));
        let Some(made) = made else {
            if is_waiting {
                self.fail_connect(key, libc::ECONNREFUSED);
            }
            return;
        };
        if !is_waiting {
            // The program has closed its socket meanwhile: the other end gets a reset.
            return self.reset_half_open(made);
        }
        let (host, there) = (self.tcp[key].host, self.tcp[key].connection.peer_host);
        if !self.links.arrives(there, host) {
            return self.events.add(self.now + FIRST_RETRY, Event::SynAck(key, Some(made)));
        }
        let arrives = self.links.arrival(host, there, 0, self.now);
        let tcp = &mut self.tcp[key];
        tcp.state = State::Connected;
        tcp.connection.peer = Some(made);
        // What is sent from here on comes after the ACK that ends the handshake.
        tcp.connection.last_arrival = arrives;
        self.notify_tcp(key, libc::EPOLLOUT | libc::EPOLLIN);
        if host == there {
            self.handshake_ends(made)
        } else {
            self.events.add(arrives, Event::Accepted(made))
        }
    }

    fn reset_half_open(&mut self, made: Key) {
        self.leave_backlog(made);
        self.tcp.remove(made);
    }

    /// The socket is no longer one of its listener's handshakes.
    fn leave_backlog(&mut self, made: Key) -> Option<Key> {
        let listener = self.tcp.get_mut(made)?.connection.listener.take()?;
        let State::Listening(queue) = &mut self.tcp.get_mut(listener)?.state else { return None };
        queue.half_open -= 1;
        Some(listener)
    }

    /// The ACK arrives. The connection can be accepted, unless nobody listens any more.
    pub(crate) fn handshake_ends(&mut self, made: Key) {
        if self.tcp.get(made).is_none() {
            return;
        }
        let Some(listener) = self.leave_backlog(made) else {
            return self.reset(made);
        };
        if let State::Listening(queue) = &mut self.tcp[listener].state {
            queue.ready.push_back(made);
        }
        self.notify_tcp(listener, libc::EPOLLIN);
    }

    fn fail_connect(&mut self, key: Key, error: Errno) {
        let tcp = &mut self.tcp[key];
        tcp.state = State::Closed;
        tcp.error = error;
        self.release_port(key);
        self.notify_tcp(
            key,
            libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLERR | libc::EPOLLHUP | libc::EPOLLRDHUP,
        );
        self.remove_if_over(key);
    }

    /// accept4(2).
    pub(crate) fn accept_tcp(&mut self, listener: Key, flags: i32) -> Result<(Fd, SocketAddr), Errno> {
        let State::Listening(queue) = &mut self.tcp[listener].state else { return Err(libc::EINVAL) };
        let Some(made) = queue.ready.pop_front() else { return Err(libc::EAGAIN) };
        let fd = match self.open(Kind::Tcp(made), flags | libc::O_RDWR) {
            Ok(fd) => fd,
            Err(error) => {
                if let State::Listening(queue) = &mut self.tcp[listener].state {
                    queue.ready.push_front(made);
                }
                return Err(error);
            }
        };
        let description = self.description(fd)?;
        let tcp = &mut self.tcp[made];
        tcp.description = Some(description);
        tcp.connection.is_unaccepted = false;
        Ok((fd, tcp.remote.expect("it is connected")))
    }
}
