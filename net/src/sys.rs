//! The system calls that std does not offer for non-blocking sockets and pipes, as safe functions.
//!
//! std can make sockets, but it connects and binds them in one blocking step and accepts them in blocking mode. The
//! sockets made here are non-blocking and close-on-exec from the first moment (`SOCK_NONBLOCK | SOCK_CLOEXEC`). They
//! become std types, whose methods do the rest, such as `shutdown` and socket options. Reading and writing are not left
//! to std: see `transfer`.
//!
//! Invariants:
//! 1. This module is the only one of the crate that names `libc`.
//! 2. A descriptor is owned (`OwnedFd`) from the line after the call that made it, so no error path leaks it.
//! 3. All bytes of a [`RawAddr`] are initialised, so that reading it in either form is sound.
//!
//! In tokio: mio's `sys/unix/tcp.rs` and `sys/unix/net.rs`.

use std::ffi::{OsStr, c_int};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{self as unix, UnixStream};

use ayi_runtime::io::Interest;

mod fds;
mod transfer;

pub use transfer::Pipe;

pub(crate) use fds::{recv_with_fds, send_with_fds};
pub(crate) use transfer::{
    PEEK, Room, recv, recv_from, recv_from_unix, recv_vectored, room, send, send_to, send_to_unix,
    send_vectored,
};

/// The number of connections that the kernel completes before `accept` asks for them. It is tokio's number, and the
/// kernel lowers it to `net.core.somaxconn` (listen(2)).
const BACKLOG: c_int = 1024;

/// connect(2): the connection is under way.
pub(crate) const IN_PROGRESS: c_int = libc::EINPROGRESS;

/// For open(2).
pub(crate) const O_NONBLOCK: c_int = libc::O_NONBLOCK;

/// The number of buffers that one vectored call looks at; the rest is left out (readv(2), `IOV_MAX`).
pub(crate) const MAX_BUFFERS: usize = libc::UIO_MAXIOV as usize;

/// The number of bytes that one call moves at most (read(2), "On Linux, read() (and similar system calls)").
pub(crate) const MAX_BYTES: usize = 0x7fff_f000;

/// Makes a listening socket bound to `addr`, with `SO_REUSEADDR` set.
///
/// Without that option a server that was restarted could not bind while its predecessor has connections in TIME_WAIT
/// (socket(7)).
pub(crate) fn listen(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = tcp_socket(addr)?;
    let fd = socket.as_raw_fd();
    let on: c_int = 1;
    // SAFETY: setsockopt(2) reads `optlen` bytes at `optval`: a c_int that outlives the call.
    check(unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_REUSEADDR,
            (&raw const on).cast(),
            length_of::<c_int>(),
        )
    })?;
    let (raw, len) = RawAddr::encode(addr);
    // SAFETY: bind(2) reads `len` bytes at the address; `raw` has them (`encode`).
    check(unsafe { libc::bind(fd, raw.as_ptr(), len) })?;
    // SAFETY: listen(2) takes no pointers.
    check(unsafe { libc::listen(fd, BACKLOG) })?;
    Ok(socket.into())
}

/// Makes a socket that is connected to `addr`, or about to be.
///
/// An interrupted `connect` continues in the kernel like one that would block (connect(2), EINTR), and must not be
/// called again.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<std::net::TcpStream> {
    let socket = tcp_socket(addr)?;
    let (raw, len) = RawAddr::encode(addr);
    // SAFETY: connect(2) reads `len` bytes at the address; `raw` has them (`encode`).
    let connected = check(unsafe { libc::connect(socket.as_raw_fd(), raw.as_ptr(), len) });
    match connected {
        Ok(_) => Ok(socket.into()),
        Err(error) => match error.raw_os_error() {
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(socket.into()),
            _ => Err(error),
        },
    }
}

/// Accepts the next connection of the backlog, with the address of its peer.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    let mut raw = RawAddr::ZERO;
    let mut len = length_of::<RawAddr>();
    // SAFETY: `raw` has `len` bytes, and both outlive the call.
    let socket = unsafe { accept4(listener, raw.as_mut_ptr(), &mut len) }?;
    Ok((socket.into(), raw.decode()?))
}

/// The same for Unix sockets, whose peers mostly have no address.
pub(crate) fn accept_unix(listener: BorrowedFd<'_>) -> io::Result<(UnixStream, unix::SocketAddr)> {
    // SAFETY: all zeros is a valid sockaddr_un.
    let mut raw: libc::sockaddr_un = unsafe { mem::zeroed() };
    let mut len = length_of::<libc::sockaddr_un>();
    // SAFETY: `raw` has `len` bytes, and both outlive the call.
    let socket = unsafe { accept4(listener, (&raw mut raw).cast(), &mut len) }?;
    Ok((socket.into(), unix_addr(&raw, len)?))
}

/// Reads what the kernel has written of a Unix socket's address: `len` bytes.
fn unix_addr(raw: &libc::sockaddr_un, len: libc::socklen_t) -> io::Result<unix::SocketAddr> {
    let count = (len as usize).saturating_sub(mem::offset_of!(libc::sockaddr_un, sun_path));
    let path: Vec<u8> = raw.sun_path.iter().take(count).map(|byte| *byte as u8).collect();
    let peer = match path.split_first() {
        Some((0, name)) => unix::SocketAddr::from_abstract_name(name),
        _ => {
            let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
            unix::SocketAddr::from_pathname(OsStr::from_bytes(path))
        }
    };
    // A path that std finds too long is the peer's own affair.
    peer.or_else(|_| unix::SocketAddr::from_pathname(""))
}

/// # Safety
///
/// `addr` points to `len` bytes that may be written.
unsafe fn accept4(
    listener: BorrowedFd<'_>,
    addr: *mut libc::sockaddr,
    len: &mut libc::socklen_t,
) -> io::Result<OwnedFd> {
    // The listener may block (see `transfer`). This is also the cheaper way to learn that nobody is there: accept4(2)
    // makes a socket before it looks.
    transfer::wait_for(listener, libc::POLLIN)?;
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: accept4(2) writes at most `len` bytes to the address, which the caller promises to be there.
    let fd = check(unsafe { libc::accept4(listener.as_raw_fd(), addr, len, flags) })?;
    // SAFETY: accept4(2) has just made this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Returns whether `fd` is ready for one of `interest` now.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let events = [
        (interest.is_readable(), libc::POLLIN | libc::POLLRDHUP),
        (interest.is_writable(), libc::POLLOUT),
        (interest.is_priority(), libc::POLLPRI | libc::POLLRDHUP),
    ];
    transfer::has_events(fd, events.iter().filter(|event| event.0).fold(0, |all, event| all | event.1))
}

/// Gives a Unix socket an abstract name that the kernel chooses (unix(7), "Autobind feature").
pub(crate) fn autobind(socket: BorrowedFd<'_>) -> io::Result<()> {
    let family = libc::AF_UNIX as libc::sa_family_t;
    let len = length_of::<libc::sa_family_t>();
    // SAFETY: bind(2) reads `len` bytes at the address: the family alone, which asks for this.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const family).cast(), len) }).map(drop)
}

/// Returns who is at the other end of a Unix socket: user, group and process when it connected (unix(7),
/// `SO_PEERCRED`).
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<(u32, u32, i32)> {
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = length_of::<libc::ucred>();
    // SAFETY: getsockopt(2) writes at most `len` bytes at `optval`: a ucred that outlives the call, as `len` does.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &mut len,
        )
    })?;
    Ok((peer.uid, peer.gid, peer.pid))
}

/// Makes a pipe: what is written to the second end is read from the first.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: pipe2(2) writes two descriptors, for which there is room.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
    // SAFETY: pipe2(2) has just made these descriptors, nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Returns whether a file was opened for reading, and whether for writing.
pub(crate) fn access(fd: BorrowedFd<'_>) -> io::Result<(bool, bool)> {
    let mode = status_flags(fd)? & libc::O_ACCMODE;
    Ok((mode != libc::O_WRONLY, mode != libc::O_RDONLY))
}

pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let flags = status_flags(fd)?;
    let new = if nonblocking { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    // SAFETY: F_SETFL takes an integer (fcntl(2)).
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, new) }).map(drop)
}

fn status_flags(fd: BorrowedFd<'_>) -> io::Result<c_int> {
    // SAFETY: F_GETFL takes no argument (fcntl(2)).
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

/// Returns whether calls on `fd` return `EAGAIN` instead of blocking the thread.
pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(status_flags(fd)? & libc::O_NONBLOCK != 0)
}

/// Makes a call that has no flag for "do not block". For the duration of the call, everybody who shares the description
/// sees it non-blocking.
pub(crate) fn without_blocking<T>(fd: BorrowedFd<'_>, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if is_nonblocking(fd)? {
        return call();
    }
    set_nonblocking(fd, true)?;
    let result = call();
    set_nonblocking(fd, false)?;
    result
}

/// Returns whether `fd` is a socket on which connections can be accepted (socket(7), `SO_ACCEPTCONN`).
pub(crate) fn is_listening(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut listening: c_int = 0;
    let mut len = length_of::<c_int>();
    // SAFETY: getsockopt(2) writes at most `len` bytes at `optval`: a c_int that outlives the
    // call, as `len` does.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ACCEPTCONN,
            (&raw mut listening).cast(),
            &mut len,
        )
    })?;
    Ok(listening != 0)
}

/// Returns whether an error of [`accept`] is about one connection only, which is gone with it. The list is that of
/// accept(2), "Error handling", and its ECONNABORTED and EPERM.
pub(crate) fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPERM
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::EOPNOTSUPP
                | libc::ENETUNREACH
        )
    )
}

/// Returns whether an error of [`accept`] says that the process (EMFILE) or the system has no room for another socket.
/// The connection stays in the backlog.
pub(crate) fn is_out_of_room(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Makes a TCP socket of the family of `addr`.
fn tcp_socket(addr: SocketAddr) -> io::Result<OwnedFd> {
    let family = match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket(2) takes no pointers.
    let fd = check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: socket(2) has just made this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// An internet address in the kernel's form (ip(7), ipv6(7)). The three forms begin with the family.
#[derive(Clone, Copy)]
#[repr(C)]
union RawAddr {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl RawAddr {
    /// All bytes are zero. `v6` is the largest form and has no padding, so this initialises the whole union (invariant
    /// 3). A `v4` is stored into such a value.
    const ZERO: RawAddr = RawAddr {
        v6: libc::sockaddr_in6 {
            sin6_family: 0,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
            sin6_scope_id: 0,
        },
    };

    /// Returns the address, and the number of its bytes that count.
    fn encode(addr: SocketAddr) -> (RawAddr, libc::socklen_t) {
        let mut raw = RawAddr::ZERO;
        match addr {
            SocketAddr::V4(addr) => {
                raw.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: addr.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(addr.ip().octets()) },
                    sin_zero: [0; 8],
                };
                (raw, length_of::<libc::sockaddr_in>())
            }
            SocketAddr::V6(addr) => {
                raw.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: addr.port().to_be(),
                    // Like std's, in the byte order in which it came.
                    sin6_flowinfo: addr.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: addr.ip().octets() },
                    sin6_scope_id: addr.scope_id(),
                };
                (raw, length_of::<libc::sockaddr_in6>())
            }
        }
    }

    fn decode(&self) -> io::Result<SocketAddr> {
        // SAFETY: all bytes are initialised (invariant 3), and any will do for an integer.
        let family = unsafe { self.family };
        match c_int::from(family) {
            libc::AF_INET => {
                // SAFETY: as above: `sockaddr_in` is made of integers.
                let raw = unsafe { self.v4 };
                let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
                let port = u16::from_be(raw.sin_port);
                Ok(SocketAddrV4::new(ip, port).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above: `sockaddr_in6` is made of integers.
                let raw = unsafe { self.v6 };
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                let addr = SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id);
                Ok(addr.into())
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the address of the peer is of family {family}, which is neither IPv4 nor \
                     IPv6: is this listener a TCP socket?"
                ),
            )),
        }
    }

    fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const *self).cast()
    }

    fn as_mut_ptr(&mut self) -> *mut libc::sockaddr {
        (&raw mut *self).cast()
    }
}

/// The size of a `T` as socket calls count it.
const fn length_of<T>() -> libc::socklen_t {
    mem::size_of::<T>() as libc::socklen_t
}

/// Returns the result of a call that reports errors as -1 and `errno`.
fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[track_caller]
    fn survives(addr: SocketAddr, bytes: usize) {
        let (raw, len) = RawAddr::encode(addr);
        assert_eq!(len as usize, bytes);
        assert_eq!(raw.decode().unwrap(), addr);
    }

    #[test]
    fn addresses_survive_the_way_to_the_kernel_form_and_back() {
        survives("203.0.113.7:8080".parse().unwrap(), 16);
        survives("0.0.0.0:0".parse().unwrap(), 16);
        survives("[2001:db8::7]:65535".parse().unwrap(), 28);
        let with_flow_and_scope = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 0x000b_eef5, 7);
        survives(with_flow_and_scope.into(), 28);
    }

    #[test]
    fn ports_and_addresses_are_in_network_order() {
        let (raw, _) = RawAddr::encode("1.2.3.4:258".parse().unwrap());
        // SAFETY: invariant 3.
        let v4 = unsafe { raw.v4 };
        assert_eq!(v4.sin_port.to_ne_bytes(), [1, 2]);
        assert_eq!(v4.sin_addr.s_addr.to_ne_bytes(), [1, 2, 3, 4]);
    }

    #[test]
    fn an_unknown_family_is_an_error() {
        let error = RawAddr::ZERO.decode().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn new_sockets_do_not_block_and_know_their_addresses() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(is_nonblocking(listener.as_fd()).unwrap());
        assert!(is_listening(listener.as_fd()).unwrap());
        let nobody = accept(listener.as_fd()).unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);

        let client = connect(listener.local_addr().unwrap()).unwrap();
        assert!(is_nonblocking(client.as_fd()).unwrap());
        assert!(!is_listening(client.as_fd()).unwrap());
        let (server, peer) = accept(listener.as_fd()).unwrap();
        assert!(is_nonblocking(server.as_fd()).unwrap());
        assert_eq!(peer, client.local_addr().unwrap());
    }
}
