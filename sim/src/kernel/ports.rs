//! The ports of all hosts, and who is bound to them.

use super::hosts::HostId;
use super::slab::Key;
use crate::Errno;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// A socket that is bound.
#[derive(Clone, Copy)]
pub(crate) struct Binding {
    /// A `Tcp`, or the description of a UDP socket.
    pub(crate) socket: Key,
    pub(crate) addr: IpAddr,
    /// It takes packets of IPv6 only.
    pub(crate) is_v6_only: bool,
    pub(crate) reuses_addr: bool,
    pub(crate) reuses_port: bool,
    pub(crate) listens: bool,
}

impl Binding {
    /// Whether packets to `addr` are for it.
    pub(crate) fn takes(&self, addr: IpAddr) -> bool {
        match (self.addr.to_canonical(), addr.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(to)) => own.is_unspecified() || own == to,
            (IpAddr::V6(own), IpAddr::V6(to)) => own.is_unspecified() || own == to,
            (IpAddr::V6(own), IpAddr::V4(_)) => own.is_unspecified() && !self.is_v6_only,
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }

    fn overlaps(&self, other: &Binding) -> bool {
        self.takes(other.addr) || other.takes(self.addr) || {
            // Both are unspecified, of different families.
            self.addr.is_unspecified() && other.addr.is_unspecified() && !self.is_v6_only && !other.is_v6_only
        }
    }

    fn conflicts(&self, other: &Binding, protocol: Protocol) -> bool {
        let both_reuse_addr = self.reuses_addr && other.reuses_addr;
        let may_share = match protocol {
            Protocol::Tcp => both_reuse_addr && !other.listens && !self.listens,
            Protocol::Udp => both_reuse_addr,
        };
        self.overlaps(other) && !may_share && !(self.reuses_port && other.reuses_port)
    }
}

#[derive(Default)]
pub(crate) struct Ports(BTreeMap<(HostId, Protocol, u16), Vec<Binding>>);

impl Ports {
    pub(crate) fn bind(
        &mut self,
        host: HostId,
        protocol: Protocol,
        port: u16,
        binding: Binding,
    ) -> Result<(), Errno> {
        let bound = self.0.entry((host, protocol, port)).or_default();
        if bound.iter().any(|other| binding.conflicts(other, protocol)) {
            return Err(libc::EADDRINUSE);
        }
        bound.push(binding);
        Ok(())
    }

    pub(crate) fn is_free(&self, host: HostId, protocol: Protocol, port: u16) -> bool {
        !self.0.contains_key(&(host, protocol, port))
    }

    /// A socket begins to listen where it is bound.
    pub(crate) fn listen(&mut self, host: HostId, port: u16, socket: Key) -> Result<(), Errno> {
        let Some(bound) = self.0.get_mut(&(host, Protocol::Tcp, port)) else { return Err(libc::EINVAL) };
        let Some(at) = bound.iter().position(|binding| binding.socket == socket) else {
            return Err(libc::EINVAL);
        };
        let mut listening = bound[at];
        listening.listens = true;
        let others = bound.iter().enumerate().filter(|(other, binding)| *other != at && binding.listens);
        if others.into_iter().any(|(_, other)| listening.conflicts(other, Protocol::Tcp)) {
            return Err(libc::EADDRINUSE);
        }
        bound[at] = listening;
        Ok(())
    }

    pub(crate) fn release(&mut self, host: HostId, protocol: Protocol, port: u16, socket: Key) {
        if let Some(bound) = self.0.get_mut(&(host, protocol, port)) {
            bound.retain(|binding| binding.socket != socket);
            if bound.is_empty() {
                self.0.remove(&(host, protocol, port));
            }
        }
    }

    /// Those that take packets to `to`: the most specific ones.
    pub(crate) fn takers(&self, host: HostId, protocol: Protocol, to: SocketAddr) -> Vec<Key> {
        let Some(bound) = self.0.get(&(host, protocol, to.port())) else { return Vec::new() };
        let takers = bound.iter().filter(|it| it.takes(to.ip()) && (protocol == Protocol::Udp || it.listens));
        let (exact, others): (Vec<&Binding>, Vec<&Binding>) =
            takers.partition(|it| !it.addr.is_unspecified());
        let best = if exact.is_empty() { others } else { exact };
        best.into_iter().map(|binding| binding.socket).collect()
    }
}
