//! Sockets: socket(2) and the calls named there.

use super::addr::{self, Address};
use super::{may_not_wait, simulate, simulate_on};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{Fd, Kind};
use crate::kernel::slab::Key;
use crate::kernel::tcp::State;
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
            (libc::AF_UNIX, _) => Err(libc::EAFNOSUPPORT),
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
            Socket::Unix(_) => return Err(libc::EINVAL),
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
            Socket::Unix(_) => return Err(libc::EINVAL),
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
            Socket::Unix(_) => Err(libc::EINVAL),
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
            Socket::Unix(_) => return Err(libc::EINVAL),
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
            Socket::Unix(_) => return Err(libc::EINVAL),
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
            Socket::Unix(_) => return Err(libc::EINVAL),
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
            Socket::Unix(_) => return Err(libc::EINVAL),
        }
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: it takes no pointers.
        unsafe { real::call(libc::SYS_shutdown, [fd.into(), how.into(), 0, 0, 0, 0]) }
    }) as i32
}

/// Receives from a socket: the bytes that were copied, or those that there were with MSG_TRUNC, and from whom.
pub(super) fn receive(
    kernel: &mut Kernel,
    fd: Fd,
    to: &mut [u8],
    flags: i32,
) -> Result<(usize, bool, Option<Address>), Errno> {
    let peeks = flags & libc::MSG_PEEK != 0;
    let received = match socket_of(kernel, fd)? {
        Socket::Tcp(tcp) => kernel.receive_tcp(tcp, to, peeks).map(|count| (count, false, None)),
        Socket::Udp(udp) => kernel.receive_udp(udp, to, peeks).map(|(count, whole, from)| {
            let told = if flags & libc::MSG_TRUNC != 0 { whole } else { count };
            (told, whole > count, from.map(Address::Inet))
        }),
        Socket::Unix(_) => Err(libc::EINVAL),
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
) -> Result<i64, Errno> {
    let result = match socket_of(kernel, fd)? {
        Socket::Tcp(tcp) => kernel.send_tcp(tcp, bytes),
        Socket::Udp(udp) => {
            let to = to.map(inet).transpose()?;
            kernel.send_udp(udp, bytes, to)
        }
        Socket::Unix(_) => Err(libc::EINVAL),
    };
    may_not_wait(kernel, fd, flags, result.map(|count| count as i64))
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
        if let Some(from) = from {
            // SAFETY: the caller's promise.
            unsafe { addr::write(&from, addr, size) };
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
        let mut parts =
            unsafe { super::descriptors::parts_mut(message.msg_iov.cast(), message.msg_iovlen as usize) };
        let mut gathered = vec![0; parts.iter().map(|part| part.len()).sum()];
        let (count, is_cut, from) = receive(kernel, fd, &mut gathered, flags)?;
        super::descriptors::scatter(&gathered[..count.min(gathered.len())], &mut parts);
        if let Some(from) = from {
            // SAFETY: the caller's promise.
            unsafe { addr::write(&from, message.msg_name, &mut message.msg_namelen) };
        } else {
            message.msg_namelen = 0;
        }
        message.msg_controllen = 0;
        message.msg_flags = if is_cut { libc::MSG_TRUNC } else { 0 };
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
        transmit(kernel, fd, bytes, flags, to)
    });
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), from as c_long, len as c_long, flags.into(), addr as c_long, size.into()];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_sendto, arguments) }
    }) as isize
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
        let to =
            if has_name { Some(unsafe { addr::read(message.msg_name, message.msg_namelen) }?) } else { None };
        // SAFETY: the caller's promise.
        let bytes =
            unsafe { super::descriptors::gather(message.msg_iov.cast(), message.msg_iovlen as usize) };
        transmit(kernel, fd, &bytes, flags, to)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_sendmsg, [fd.into(), message as c_long, flags.into(), 0, 0, 0]) }
    }) as isize
}
