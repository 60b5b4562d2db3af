//! UDP: datagrams that may be late, lost, doubled and out of order.

use super::Kernel;
use super::descriptors::{Fd, Kind};
use super::events::Event;
use super::hosts::{HostId, HostState};
use super::ports::{Binding, Protocol};
use super::slab::Key;
use super::tcp::{Options, as_family, unspecified};
use crate::Errno;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// udp(7): what the length field of the header leaves for data.
const MOST: usize = 65_507;

/// What each datagram in a buffer counts for besides its bytes, roughly as in the kernel.
const OVERHEAD: usize = 768;

pub(crate) struct Udp {
    pub(crate) is_v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) error: Errno,
    pub(crate) options: Options,
    pub(crate) broadcasts: bool,
    received: VecDeque<(SocketAddr, Vec<u8>)>,
    held: usize,
    has_shut_read: bool,
}

/// One under way.
pub(crate) struct Datagram {
    from_host: HostId,
    to_host: HostId,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
    /// The sender's description, which hears if nobody is there.
    sender: Key,
}

impl Udp {
    pub(crate) fn mask(&self) -> u32 {
        let is_readable = !self.received.is_empty() || self.has_shut_read;
        let readable = if is_readable { libc::EPOLLIN } else { 0 };
        let error = if self.error != 0 { libc::EPOLLERR } else { 0 };
        (libc::EPOLLOUT | readable | error) as u32
    }
}

impl Kernel {
    pub(crate) fn udp_socket(&mut self, is_v6: bool, flags: i32) -> Result<Fd, Errno> {
        let udp = Udp {
            is_v6,
            local: None,
            remote: None,
            error: 0,
            options: Options { receive_buffer: 212_992, ..Options::default() },
            broadcasts: false,
            received: VecDeque::new(),
            held: 0,
            has_shut_read: false,
        };
        self.open(Kind::Udp(udp), flags | libc::O_RDWR)
    }

    pub(crate) fn udp(&mut self, key: Key) -> &mut Udp {
        match &mut self.descriptions[key].kind {
            Kind::Udp(udp) => udp,
            _ => unreachable!("the caller has looked"),
        }
    }

    pub(crate) fn bind_udp(&mut self, key: Key, addr: SocketAddr) -> Result<(), Errno> {
        let host = self.descriptions[key].host;
        let (is_v6, options, is_bound) = {
            let udp = self.udp(key);
            (udp.is_v6, udp.options.clone(), udp.local.is_some())
        };
        if is_bound {
            return Err(libc::EINVAL);
        }
        self.check_own(host, addr.ip(), is_v6)?;
        let port = match addr.port() {
            0 => self.ephemeral_port(|it, port| it.ports.is_free(host, Protocol::Udp, port))?,
            port => port,
        };
        let binding = Binding {
            socket: key,
            addr: addr.ip(),
            is_v6_only: options.is_v6_only,
            reuses_addr: options.reuses_addr,
            reuses_port: options.reuses_port,
            listens: false,
        };
        self.ports.bind(host, Protocol::Udp, port, binding)?;
        self.udp(key).local = Some(SocketAddr::new(addr.ip(), port));
        Ok(())
    }

    /// connect(2): only where datagrams go to and come from.
    pub(crate) fn connect_udp(&mut self, key: Key, to: SocketAddr) -> Result<(), Errno> {
        let host = self.descriptions[key].host;
        let is_v6 = self.udp(key).is_v6;
        if to.is_ipv6() != is_v6 {
            return Err(if is_v6 { libc::EINVAL } else { libc::EAFNOSUPPORT });
        }
        if self.route(host, to.ip()).is_none() {
            return Err(libc::ENETUNREACH);
        }
        let source = self.source_address(host, to.ip());
        let to = if to.ip().is_unspecified() { SocketAddr::new(source, to.port()) } else { to };
        self.bind_if_unbound(key)?;
        let udp = self.udp(key);
        let local = udp.local.expect("it is bound");
        if local.ip().is_unspecified() {
            udp.local = Some(as_family(SocketAddr::new(source, local.port()), is_v6));
        }
        udp.remote = Some(to);
        Ok(())
    }

    fn bind_if_unbound(&mut self, key: Key) -> Result<(), Errno> {
        if self.udp(key).local.is_some() {
            return Ok(());
        }
        let ip = unspecified(self.udp(key).is_v6);
        self.bind_udp(key, SocketAddr::new(ip, 0))
    }

    pub(crate) fn send_udp(
        &mut self,
        key: Key,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<usize, Errno> {
        let udp = self.udp(key);
        let error = std::mem::take(&mut udp.error);
        if error != 0 {
            return Err(error);
        }
        let to = to.or(udp.remote).ok_or(libc::EDESTADDRREQ)?;
        if bytes.len() > MOST {
            return Err(libc::EMSGSIZE);
        }
        if to.is_ipv6() != udp.is_v6 {
            return Err(if udp.is_v6 { libc::EINVAL } else { libc::EAFNOSUPPORT });
        }
        if to.port() == 0 {
            return Err(libc::EINVAL);
        }
        let host = self.descriptions[key].host;
        self.bind_if_unbound(key)?;
        let to_host = self.route(host, to.ip()).ok_or(libc::ENETUNREACH)?;
        let source = self.source_address(host, to.ip());
        let local = self.udp(key).local.expect("it is bound");
        let ip = if local.ip().to_canonical().is_unspecified() { source } else { local.ip() };
        let from = SocketAddr::new(ip, local.port());
        let to = if to.ip().is_unspecified() { SocketAddr::new(source, to.port()) } else { to };
        let copies = if self.links.duplicates(host, to_host) { 2 } else { 1 };
        for _ in 0..copies {
            let arrives = self.links.arrival(host, to_host, bytes.len(), self.now);
            let (from_host, bytes) = (host, bytes.to_vec());
            let datagram =
                self.datagrams.insert(Datagram { from_host, to_host, from, to, bytes, sender: key });
            if host == to_host {
                self.datagram_arrives(datagram);
            } else {
                self.events.add(arrives, Event::Datagram(datagram));
            }
        }
        Ok(bytes.len())
    }

    pub(crate) fn datagram_arrives(&mut self, key: Key) {
        let Some(datagram) = self.datagrams.remove(key) else { return };
        let Datagram { from_host, to_host, from, to, bytes, sender } = datagram;
        if self.host(to_host).state != HostState::Up || !self.links.arrives(from_host, to_host) {
            return;
        }
        let takers = self.ports.takers(to_host, Protocol::Udp, to);
        // One that is connected takes only what comes from its peer, and before others.
        let connected = takers
            .iter()
            .copied()
            .find(|it| self.udp(*it).remote.is_some_and(|r| r.port() == from.port() && same_ip(r, from)));
        let free: Vec<Key> = takers.into_iter().filter(|it| self.udp(*it).remote.is_none()).collect();
        let taker = connected.or_else(|| match free.len() {
            0 => None,
            count => Some(free[self.rng.below(count as u64) as usize]),
        });
        let Some(taker) = taker else { return self.refuse_datagram(sender, to) };
        let udp = self.udp(taker);
        if udp.held + bytes.len() + OVERHEAD > udp.options.receive_buffer || udp.has_shut_read {
            return;
        }
        udp.held += bytes.len() + OVERHEAD;
        let from = as_family(from, udp.is_v6);
        udp.received.push_back((from, bytes));
        self.notify(taker, libc::EPOLLIN as u32);
    }

    /// ICMP says that nobody is there: udp(7). Only a connected sender hears of it.
    fn refuse_datagram(&mut self, sender: Key, to: SocketAddr) {
        let Some(Kind::Udp(udp)) = self.descriptions.get_mut(sender).map(|it| &mut it.kind) else { return };
        if udp.remote == Some(to) {
            udp.error = libc::ECONNREFUSED;
            self.notify(sender, (libc::EPOLLERR | libc::EPOLLIN) as u32);
        }
    }

    /// recvfrom(2): returns how many bytes were copied, of how many there were, and from whom.
    pub(crate) fn receive_udp(
        &mut self,
        key: Key,
        to: &mut [u8],
        peeks: bool,
    ) -> Result<(usize, usize, Option<SocketAddr>), Errno> {
        let udp = self.udp(key);
        let error = std::mem::take(&mut udp.error);
        if error != 0 {
            return Err(error);
        }
        let Some((from, bytes)) = udp.received.front() else {
            return if udp.has_shut_read { Ok((0, 0, None)) } else { Err(libc::EAGAIN) };
        };
        let count = bytes.len().min(to.len());
        to[..count].copy_from_slice(&bytes[..count]);
        let (whole, from) = (bytes.len(), *from);
        if !peeks {
            udp.held -= whole + OVERHEAD;
            udp.received.pop_front();
        }
        Ok((count, whole, Some(from)))
    }

    pub(crate) fn shut_down_udp(&mut self, key: Key, how: i32) -> Result<(), Errno> {
        let udp = self.udp(key);
        if udp.remote.is_none() {
            return Err(libc::ENOTCONN);
        }
        udp.has_shut_read |= how != libc::SHUT_WR;
        self.notify(key, libc::EPOLLIN as u32);
        Ok(())
    }

    pub(crate) fn close_udp(&mut self, udp: Udp, key: Key, host: HostId) {
        if let Some(local) = udp.local {
            self.ports.release(host, Protocol::Udp, local.port(), key);
        }
    }
}

fn same_ip(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip().to_canonical() == b.ip().to_canonical()
}
