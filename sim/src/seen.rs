//! What the recorder of a runtime asks the simulation. No time passes for it, and it leaves no trace in the run, so a run is
//! the same with and without a recording.

use crate::Nanos;
use crate::calls;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{Fd, Kind};
use crate::kernel::tcp::State;
use std::net::SocketAddr;

/// The kinds of descriptors in recordings: see `lens/FORMAT.md`.
const UNKNOWN: u64 = 0;
const TCP_STREAM: u64 = 1;
const TCP_LISTENER: u64 = 2;
const UDP: u64 = 3;
const UNIX: u64 = 4;
const PIPE: u64 = 7;
const EVENTFD: u64 = 8;
const OTHER: u64 = 12;

/// The descriptor that tells a program to give the thread back. No recording shows it in the end.
pub(crate) const PARKED: u64 = 255;

pub(crate) fn now() -> Option<Nanos> {
    calls::with_kernel(|kernel| kernel.now)
}

/// Returns what a descriptor is, and who is at its other end: by the name of the host.
pub(crate) fn look(fd: Fd) -> (u64, String) {
    calls::with_kernel(|kernel| kernel.look(fd)).unwrap_or_default()
}

/// Takes the recording of a runtime that has ended.
pub(crate) fn keep(section: Vec<u8>) {
    #[cfg(feature = "record")]
    calls::with_kernel(|kernel| kernel.keep(section));
    #[cfg(not(feature = "record"))]
    drop(section);
}

impl Kernel {
    fn look(&mut self, fd: Fd) -> (u64, String) {
        if self.bells.contains_key(&fd) {
            return (EVENTFD, String::new());
        }
        let Ok(description) = self.description(fd) else { return (UNKNOWN, String::new()) };
        let (kind, peer) = match &self.descriptions[description].kind {
            Kind::Parked(_) => (PARKED, None),
            Kind::Tcp(key) => match self.tcp.get(*key) {
                Some(tcp) if matches!(tcp.state, State::Listening(_)) => (TCP_LISTENER, tcp.local),
                Some(tcp) => (TCP_STREAM, tcp.remote.or(tcp.local)),
                None => (TCP_STREAM, None),
            },
            Kind::Udp(udp) => (UDP, udp.remote.or(udp.local)),
            Kind::Unix(_) => (UNIX, None),
            Kind::Pipe(_) => (PIPE, None),
            Kind::Bell(_) => (EVENTFD, None),
            Kind::Epoll(_) | Kind::File(_) => (OTHER, None),
        };
        (kind, peer.map(|address| self.name_of(address)).unwrap_or_default())
    }

    /// An address with the name of the host that has it.
    fn name_of(&self, address: SocketAddr) -> String {
        let ip = address.ip().to_canonical();
        match self.hosts.iter().find(|host| ip == host.v4 || ip == host.v6) {
            Some(host) => format!("{}:{}", host.name, address.port()),
            None => address.to_string(),
        }
    }
}
