//! Sockets: socket(2) and the calls named there.

use super::addr::{self, Address};
use super::{control, may_not_wait, simulate, simulate_on};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{BASE, Fd, Kind};
use crate::kernel::slab::Key;
use crate::kernel::tcp::State;
use crate::kernel::unix::{Received, UnixKind};
use crate::real;
use libc::{c_long, c_void};
use std::net::SocketAddr;

/// What a descriptor of a socket stands for.
pub(super) enum Socket {
    Tcp(Key),
    /// The description.
    Udp(Key),
    Unix(Key),
}

pub(super) fn socket_of(kernel: &mut Kernel, fd: Fd) -> Result<Socket, Errno> {
    let description = kernel.description(fd)?;
    match &kernel.descriptions[description].kind {
        Kind::Tcp(tcp) => Ok(Socket::Tcp(*tcp)),
        Kind::Udp(_) => Ok(Socket::Udp(description)),
        Kind::Unix(_) => Ok(Socket::Unix(description)),
        _ => Err(libc::ENOTSOCK),
    }
}

fn inet(address: Address) -> Result<SocketAddr, Errno> {
    match address {
        Address::Inet(addr) => Ok(addr),
        Address::Unix(_) | Address::None => Err(libc::EAFNOSUPPORT),
    }
}

fn name(address: Address) -> Result<Vec<u8>, Errno> {
    match address {
        Address::Unix(name) => Ok(name),
        Address::Inet(_) | Address::None => Err(libc::EINVAL),
    }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn socket(family: i32, kind: i32, protocol: i32) -> i32 {
    let flags = kind & (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    let answer = simulate("socket", |kernel| {
        let is_v6 = family == libc::AF_INET6;
        match (family, kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)) {
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM) => kernel.tcp_socket(is_v6, flags),
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => kernel.udp_socket(is_v6, flags),
            (libc::AF_UNIX, kind) => UnixKind::of(kind).and_then(|kind| kernel.unix_socket(kind, flags)),
            _ => Err(libc::EAFNOSUPPORT),
        }
        .map(i64::from)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: it takes no pointers.
        unsafe { real::call(libc::SYS_socket, [family.into(), kind.into(), protocol.into(), 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// Those of bind(2).
pub unsafe fn bind(fd: i32, addr: *const c_void, len: u32) -> i32 {
    let answer = simulate_on("bind", fd, |kernel| {
        // SAFETY: the caller's promise.
        let address = unsafe { addr::read(addr, len) }?;
        match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => kernel.bind_tcp(tcp, inet(address)?)?,
            Socket::Udp(udp) => kernel.bind_udp(udp, inet(address)?)?,
            Socket::Unix(unix) => kernel.bind_unix(unix, &name(address)?)?,
        }
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_bind, [fd.into(), addr as c_long, len.into(), 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn listen(fd: i32, backlog: i32) -> i32 {
    let answer = simulate_on("listen", fd, |kernel| {
        match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => kernel.listen_tcp(tcp, backlog)?,
            Socket::Udp(_) => return Err(libc::EOPNOTSUPP),
            Socket::Unix(unix) => kernel.listen_unix(unix, backlog)?,
        }
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: it takes no pointers.
        unsafe { real::call(libc::SYS_listen, [fd.into(), backlog.into(), 0, 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// Those of accept(2).
pub unsafe fn accept(fd: i32, addr: *mut c_void, len: *mut u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { accept4(fd, addr, len, 0) }
}

/// # Safety
///
/// Those of accept4(2).
pub unsafe fn accept4(fd: i32, addr: *mut c_void, len: *mut u32, flags: i32) -> i32 {
    let answer = simulate_on("accept4", fd, |kernel| {
        let accepted = match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => kernel.accept_tcp(tcp, flags).map(|(fd, from)| (fd, Address::Inet(from))),
            Socket::Udp(_) => Err(libc::EOPNOTSUPP),
            Socket::Unix(unix) => {
                let waits = kernel.may_wait(fd, 0);
                kernel.accept_unix(unix, flags, waits).map(|(fd, from)| (fd, Address::Unix(from)))
            }
        };
        let result = accepted.map(|(fd, from)| {
            // SAFETY: the caller's promise.
            unsafe { addr::write(&from, addr, len) };
            i64::from(fd)
        });
        may_not_wait(kernel, fd, 0, result)
    });
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), addr as c_long, len as c_long, flags.into(), 0, 0];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_accept4, arguments) }
    }) as i32
}

/// # Safety
///
/// Those of connect(2).
pub unsafe fn connect(fd: i32, addr: *const c_void, len: u32) -> i32 {
    let answer = simulate_on("connect", fd, |kernel| {
        // SAFETY: the caller's promise.
        let address = unsafe { addr::read(addr, len) }?;
        match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => {
                let result = kernel.connect_tcp(tcp, inet(address)?).map(|()| 0);
                if result == Err(libc::EINPROGRESS) && kernel.may_wait(fd, 0) {
                    return match kernel.tcp[tcp].state {
                        // Within a host, the handshake has ended already.
                        State::Connecting => may_not_wait(kernel, fd, 0, Err(libc::EAGAIN)),
                        _ => kernel.take_tcp_error(tcp).map(|()| 0),
                    };
                }
                return result;
            }
            Socket::Udp(udp) => match address {
                Address::None => kernel.udp(udp).remote = None,
                address => kernel.connect_udp(udp, inet(address)?)?,
            },
            Socket::Unix(unix) => {
                let to = if let Address::None = address { None } else { Some(name(address)?) };
                let result = kernel.connect_unix(unix, to.as_deref());
                return may_not_wait(kernel, fd, 0, result.map(|()| 0));
            }
        }
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_connect, [fd.into(), addr as c_long, len.into(), 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// Those of getsockname(2).
pub unsafe fn getsockname(fd: i32, addr: *mut c_void, len: *mut u32) -> i32 {
    let answer = simulate_on("getsockname", fd, |kernel| {
        let (local, is_v6) = match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => (kernel.tcp[tcp].local, kernel.tcp[tcp].is_v6),
            Socket::Udp(udp) => (kernel.udp(udp).local, kernel.udp(udp).is_v6),
            Socket::Unix(unix) => {
                let own = Address::Unix(kernel.unix(unix).name.clone());
                // SAFETY: the caller's promise.
                unsafe { addr::write(&own, addr, len) };
                return Ok(0);
            }
        };
        let local = local.unwrap_or_else(|| SocketAddr::new(crate::kernel::tcp::unspecified(is_v6), 0));
        // SAFETY: the caller's promise.
        unsafe { addr::write(&Address::Inet(local), addr, len) };
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_getsockname, [fd.into(), addr as c_long, len as c_long, 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// Those of getpeername(2).
pub unsafe fn getpeername(fd: i32, addr: *mut c_void, len: *mut u32) -> i32 {
    let answer = simulate_on("getpeername", fd, |kernel| {
        let remote = match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => {
                let tcp = &kernel.tcp[tcp];
                tcp.remote.filter(|_| matches!(tcp.state, crate::kernel::tcp::State::Connected))
            }
            Socket::Udp(udp) => kernel.udp(udp).remote,
            Socket::Unix(unix) => {
                let name = Address::Unix(kernel.unix_peer_name(unix)?);
                // SAFETY: the caller's promise.
                unsafe { addr::write(&name, addr, len) };
                return Ok(0);
            }
        };
        let remote = remote.ok_or(libc::ENOTCONN)?;
        // SAFETY: the caller's promise.
        unsafe { addr::write(&Address::Inet(remote), addr, len) };
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_getpeername, [fd.into(), addr as c_long, len as c_long, 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn shutdown(fd: i32, how: i32) -> i32 {
    let answer = simulate_on("shutdown", fd, |kernel| {
        match socket_of(kernel, fd)? {
            Socket::Tcp(tcp) => kernel.shut_down_tcp(tcp, how)?,
            Socket::Udp(udp) => kernel.shut_down_udp(udp, how)?,
            Socket::Unix(unix) => kernel.shut_down_unix(unix, how)?,
        }
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: it takes no pointers.
        unsafe { real::call(libc::SYS_shutdown, [fd.into(), how.into(), 0, 0, 0, 0]) }
    }) as i32
}

/// Receives from a socket: the bytes that were copied, or those that there were with MSG_TRUNC, whether some were cut
/// off, and from whom.
pub(super) fn receive(
    kernel: &mut Kernel,
    fd: Fd,
    to: &mut [u8],
    flags: i32,
) -> Result<(usize, bool, Option<Address>), Errno> {
    let (told, passed) = receive_with_passed(kernel, fd, to, flags)?;
    // The caller cannot tell the program of descriptors, so they are closed.
    passed.into_iter().for_each(|description| kernel.give_up(description));
    Ok(told)
}

/// What [`receive`] returns, and the descriptions that were passed, which the caller uses from here on.
type WithPassed = ((usize, bool, Option<Address>), Vec<Key>);

fn receive_with_passed(kernel: &mut Kernel, fd: Fd, to: &mut [u8], flags: i32) -> Result<WithPassed, Errno> {
    let peeks = flags & libc::MSG_PEEK != 0;
    let told = |count, whole| if flags & libc::MSG_TRUNC != 0 { whole } else { count };
    let received = match socket_of(kernel, fd)? {
        Socket::Tcp(tcp) => {
            kernel.receive_tcp(tcp, to, peeks).map(|count| ((count, false, None), Vec::new()))
        }
        Socket::Udp(udp) => kernel.receive_udp(udp, to, peeks).map(|(count, whole, from)| {
            ((told(count, whole), whole > count, from.map(Address::Inet)), Vec::new())
        }),
        Socket::Unix(unix) => {
            let waits = kernel.may_wait(fd, flags);
            kernel.receive_unix(unix, to, peeks, waits).map(|Received { count, whole, from, passed }| {
                ((told(count, whole), whole > count, from.map(Address::Unix)), passed)
            })
        }
    };
    if let Err(error) = received {
        may_not_wait(kernel, fd, flags, Err(error))?;
    }
    received
}

pub(super) fn transmit(
    kernel: &mut Kernel,
    fd: Fd,
    bytes: &[u8],
    flags: i32,
    to: Option<Address>,
    passed: &[Key],
) -> Result<i64, Errno> {
    let result = match socket_of(kernel, fd)? {
        Socket::Tcp(tcp) => kernel.send_tcp(tcp, bytes),
        Socket::Udp(udp) => {
            let to = to.map(inet).transpose()?;
            kernel.send_udp(udp, bytes, to)
        }
        Socket::Unix(unix) => {
            let to = to.map(name).transpose()?;
            kernel.send_unix(unix, bytes, to.as_deref(), passed)
        }
    };
    may_not_wait(kernel, fd, flags, result.map(|count| count as i64))
}

/// The descriptions that a message to a Unix socket is to pass.
///
/// # Safety
///
/// Those of sendmsg(2).
unsafe fn passed_by(kernel: &mut Kernel, fd: Fd, message: &libc::msghdr) -> Result<Vec<Key>, Errno> {
    if !matches!(socket_of(kernel, fd)?, Socket::Unix(_)) || message.msg_control.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the caller's promise.
    let fds = unsafe { control::passed_by(message) }?;
    if fds.iter().any(|fd| (0..BASE).contains(fd)) {
        kernel.escape("passes a descriptor of the real kernel, which is no part of the simulation");
    }
    fds.into_iter().map(|fd| kernel.description(fd)).collect()
}

/// # Safety
///
/// Those of recv(2).
pub unsafe fn recv(fd: i32, to: *mut c_void, len: usize, flags: i32) -> isize {
    // SAFETY: the caller's promise.
    unsafe { recvfrom(fd, to, len, flags, std::ptr::null_mut(), std::ptr::null_mut()) }
}

/// # Safety
///
/// Those of recvfrom(2).
pub unsafe fn recvfrom(
    fd: i32,
    to: *mut c_void,
    len: usize,
    flags: i32,
    addr: *mut c_void,
    size: *mut u32,
) -> isize {
    let answer = simulate_on("recvfrom", fd, |kernel| {
        // SAFETY: the caller's promise.
        let room = unsafe { super::descriptors::bytes_mut(to, len) };
        let (count, _, from) = receive(kernel, fd, room, flags)?;
        match from {
            // SAFETY: the caller's promise.
            Some(from) => unsafe { addr::write(&from, addr, size) },
            None if addr.is_null() || size.is_null() => {}
            // SAFETY: the caller's promise.
            None => unsafe { *size = 0 },
        }
        Ok(count as i64)
    });
    answer.unwrap_or_else(|| {
        let arguments =
            [fd.into(), to as c_long, len as c_long, flags.into(), addr as c_long, size as c_long];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_recvfrom, arguments) }
    }) as isize
}

/// # Safety
///
/// Those of recvmsg(2).
pub unsafe fn recvmsg(fd: i32, message: *mut c_void, flags: i32) -> isize {
    let answer = simulate_on("recvmsg", fd, |kernel| {
        // SAFETY: the caller's promise.
        let message = unsafe { &mut *message.cast::<libc::msghdr>() };
        // SAFETY: the caller's promise.
        let mut parts = unsafe { super::descriptors::parts_mut(message.msg_iov.cast(), iov_len(message)) };
        let mut gathered = vec![0; parts.iter().map(|part| part.len()).sum()];
        let ((count, is_cut, from), passed) = receive_with_passed(kernel, fd, &mut gathered, flags)?;
        super::descriptors::scatter(&gathered[..count.min(gathered.len())], &mut parts);
        if let Some(from) = from {
            // SAFETY: the caller's promise.
            unsafe { addr::write(&from, message.msg_name, &mut message.msg_namelen) };
        } else {
            message.msg_namelen = 0;
        }
        let closes_on_exec = flags & libc::MSG_CMSG_CLOEXEC;
        let (fds, are_all) = kernel.take_passed(passed, control::room_of(message), closes_on_exec != 0);
        // SAFETY: the caller's promise. There are no more than there is room for.
        unsafe { control::tell_passed(message, &fds) };
        message.msg_flags = closes_on_exec
            | if is_cut { libc::MSG_TRUNC } else { 0 }
            | if are_all { 0 } else { libc::MSG_CTRUNC };
        Ok(count as i64)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_recvmsg, [fd.into(), message as c_long, flags.into(), 0, 0, 0]) }
    }) as isize
}

/// # Safety
///
/// Those of send(2).
pub unsafe fn send(fd: i32, from: *const c_void, len: usize, flags: i32) -> isize {
    // SAFETY: the caller's promise.
    unsafe { sendto(fd, from, len, flags, std::ptr::null(), 0) }
}

/// # Safety
///
/// Those of sendto(2).
pub unsafe fn sendto(
    fd: i32,
    from: *const c_void,
    len: usize,
    flags: i32,
    addr: *const c_void,
    size: u32,
) -> isize {
    let answer = simulate_on("sendto", fd, |kernel| {
        // SAFETY: the caller's promise.
        let to = if addr.is_null() { None } else { Some(unsafe { addr::read(addr, size) }?) };
        // SAFETY: the caller's promise.
        let bytes = unsafe { super::descriptors::bytes(from, len) };
        transmit(kernel, fd, bytes, flags, to, &[])
    });
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), from as c_long, len as c_long, flags.into(), addr as c_long, size.into()];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_sendto, arguments) }
    }) as isize
}

/// The C libraries differ in the type of this field.
#[allow(clippy::unnecessary_cast, reason = "it is one with musl")]
fn iov_len(message: &libc::msghdr) -> usize {
    message.msg_iovlen as usize
}

/// # Safety
///
/// Those of sendmsg(2).
pub unsafe fn sendmsg(fd: i32, message: *const c_void, flags: i32) -> isize {
    let answer = simulate_on("sendmsg", fd, |kernel| {
        // SAFETY: the caller's promise.
        let message = unsafe { &*message.cast::<libc::msghdr>() };
        let has_name = !message.msg_name.is_null() && message.msg_namelen > 0;
        // SAFETY: the caller's promise.
        let name = || unsafe { addr::read(message.msg_name, message.msg_namelen) };
        let to = has_name.then(name).transpose()?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { super::descriptors::gather(message.msg_iov.cast(), iov_len(message)) };
        // SAFETY: the caller's promise.
        let passed = unsafe { passed_by(kernel, fd, message) }?;
        transmit(kernel, fd, &bytes, flags, to, &passed)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_sendmsg, [fd.into(), message as c_long, flags.into(), 0, 0, 0]) }
    }) as isize
}
