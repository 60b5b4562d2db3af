//! What a descriptor is, and who is at its other end, as the kernel says.

use std::ffi::{c_int, c_void};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

const UNKNOWN: u64 = 0;
const TCP_STREAM: u64 = 1;
const TCP_LISTENER: u64 = 2;
const UDP: u64 = 3;
const UNIX_STREAM: u64 = 4;
const UNIX_LISTENER: u64 = 5;
const UNIX_DATAGRAM: u64 = 6;
const OTHER: u64 = 12;

/// Returns the kind of a descriptor by the numbers of the format, and the address of its peer, or its own if it is a
/// listener. It costs two or three system calls, or none in a simulation.
pub(crate) fn look(fd: RawFd) -> (u64, String) {
    #[cfg(feature = "sim")]
    if let Some(seen) = crate::watch::simulated::look(fd) {
        return seen;
    }
    let Some(domain) = option(fd, libc::SO_DOMAIN) else { return (of_file(fd), String::new()) };
    let is_listening = option(fd, libc::SO_ACCEPTCONN) == Some(1);
    let is_stream = option(fd, libc::SO_TYPE) == Some(libc::SOCK_STREAM);
    let kind = match (domain, is_stream, is_listening) {
        (libc::AF_INET | libc::AF_INET6, true, false) => TCP_STREAM,
        (libc::AF_INET | libc::AF_INET6, true, true) => TCP_LISTENER,
        (libc::AF_INET | libc::AF_INET6, false, _) => UDP,
        (libc::AF_UNIX, true, false) => UNIX_STREAM,
        (libc::AF_UNIX, true, true) => UNIX_LISTENER,
        (libc::AF_UNIX, false, _) => UNIX_DATAGRAM,
        _ => OTHER,
    };
    let address = address(fd, !is_listening).or_else(|| address(fd, false));
    (kind, address.map(|address| address.to_string()).unwrap_or_default())
}

/// By the name under /proc: `pipe:[1234]`, `anon_inode:[eventfd]`.
fn of_file(fd: RawFd) -> u64 {
    let Ok(target) = std::fs::read_link(format!("/proc/self/fd/{fd}")) else { return UNKNOWN };
    let target = target.to_string_lossy();
    let names = [("pipe:", 7), ("anon_inode:[eventfd]", 8), ("anon_inode:[timerfd]", 9)];
    let more = [("anon_inode:[signalfd]", 10), ("anon_inode:[pidfd]", 11), ("pidfd:", 11)];
    names.into_iter().chain(more).find(|(name, _)| target.starts_with(name)).map_or(OTHER, |(_, kind)| kind)
}

fn option(fd: RawFd, name: c_int) -> Option<c_int> {
    let (mut value, mut len): (c_int, _) = (0, size_of::<c_int>() as libc::socklen_t);
    // SAFETY: the kernel writes at most `len` bytes, and `value` has so many. A descriptor that is no socket, or not
    // open, is an error.
    let result = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, name, (&raw mut value).cast::<c_void>(), &raw mut len)
    };
    (result == 0).then_some(value)
}

/// The address of the peer or of the socket itself, if it is one of the internet.
fn address(fd: RawFd, of_peer: bool) -> Option<SocketAddr> {
    // SAFETY: a plain struct, for which zeros are valid.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let (to, len) = ((&raw mut storage).cast::<libc::sockaddr>(), &raw mut len);
    // SAFETY: the kernel writes at most `len` bytes, and `storage` has so many.
    let result =
        unsafe { if of_peer { libc::getpeername(fd, to, len) } else { libc::getsockname(fd, to, len) } };
    if result != 0 {
        return None;
    }
    match c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which struct it is, and the storage has room for each, with its alignment.
            let it = unsafe { &*(&raw const storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(it.sin_addr.s_addr));
            Some(SocketAddr::new(ip.into(), u16::from_be(it.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let it = unsafe { &*(&raw const storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(it.sin6_addr.s6_addr);
            Some(SocketAddr::new(ip.into(), u16::from_be(it.sin6_port)))
        }
        _ => None,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    #[test]
    fn kinds_and_peers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stream = TcpStream::connect(&address).unwrap();
        assert_eq!(look(listener.as_raw_fd()), (TCP_LISTENER, address.clone()));
        assert_eq!(look(stream.as_raw_fd()), (TCP_STREAM, address));
        let udp = UdpSocket::bind("[::1]:0").unwrap();
        assert_eq!(look(udp.as_raw_fd()), (UDP, udp.local_addr().unwrap().to_string()));
        assert_eq!(look(UnixStream::pair().unwrap().0.as_raw_fd()), (UNIX_STREAM, String::new()));
        assert_eq!(look(UnixDatagram::pair().unwrap().0.as_raw_fd()).0, UNIX_DATAGRAM);
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(look(reader.as_raw_fd()).0, 7);
        assert_eq!(look(-1), (UNKNOWN, String::new()));
    }
}
