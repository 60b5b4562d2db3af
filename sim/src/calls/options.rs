//! Options of sockets: getsockopt(2), setsockopt(2), socket(7), tcp(7).

use super::simulate_on;
use super::sockets::{Socket, socket_of};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::Fd;
use crate::kernel::slab::Key;
use crate::kernel::tcp::{Options, State};
use crate::kernel::unix::Unix;
use crate::real;
use libc::{c_int, c_long, c_void};

/// The least that SO_SNDBUF and SO_RCVBUF can be set to: socket(7).
const LEAST_SEND: usize = 4_608;
const LEAST_RECEIVE: usize = 2_304;
/// The most: `net.core.wmem_max`, doubled.
const MOST_BUFFER: usize = 425_984;

/// # Safety
///
/// Those of getsockopt(2).
pub unsafe fn getsockopt(fd: i32, level: i32, name: i32, value: *mut c_void, len: *mut u32) -> i32 {
    let answer = simulate_on("getsockopt", fd, |kernel| {
        let bytes = get(kernel, fd, level, name)?;
        // SAFETY: the caller's promise.
        unsafe {
            let count = bytes.len().min(*len as usize);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.cast::<u8>(), count);
            *len = count as u32;
        }
        Ok(0)
    });
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), level.into(), name.into(), value as c_long, len as c_long, 0];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_getsockopt, arguments) }
    }) as i32
}

fn get(kernel: &mut Kernel, fd: Fd, level: i32, name: i32) -> Result<Vec<u8>, Errno> {
    let socket = socket_of(kernel, fd)?;
    if let Socket::Unix(unix) = socket {
        return get_of_unix(kernel.unix(unix), level, name);
    }
    let (is_stream, is_v6, listens) = match &socket {
        Socket::Tcp(tcp) => {
            (true, kernel.tcp[*tcp].is_v6, matches!(kernel.tcp[*tcp].state, State::Listening(_)))
        }
        Socket::Udp(udp) => (false, kernel.udp(*udp).is_v6, false),
        Socket::Unix(_) => return Err(libc::EINVAL),
    };
    if (level, name) == (libc::SOL_SOCKET, libc::SO_ERROR) {
        let error = match &socket {
            Socket::Tcp(tcp) => std::mem::take(&mut kernel.tcp[*tcp].error),
            Socket::Udp(udp) => std::mem::take(&mut kernel.udp(*udp).error),
            Socket::Unix(_) => 0,
        };
        return Ok(error.to_ne_bytes().to_vec());
    }
    let broadcasts = matches!(&socket, Socket::Udp(udp) if kernel.udp(*udp).broadcasts);
    let options = options_of(kernel, &socket)?.clone();
    let other = |default| options.others.get(&(level, name)).copied().unwrap_or(default);
    let number: c_int = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_TYPE) if is_stream => libc::SOCK_STREAM,
        (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_DGRAM,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) if is_v6 => libc::AF_INET6,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_INET,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) if is_stream => libc::IPPROTO_TCP,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_UDP,
        (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => listens.into(),
        (libc::SOL_SOCKET, libc::SO_REUSEADDR) => options.reuses_addr.into(),
        (libc::SOL_SOCKET, libc::SO_REUSEPORT) => options.reuses_port.into(),
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => options.keepalive.into(),
        (libc::SOL_SOCKET, libc::SO_BROADCAST) => broadcasts.into(),
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => options.send_buffer as c_int,
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => options.receive_buffer as c_int,
        (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => options.low_water,
        (libc::SOL_SOCKET, libc::SO_LINGER) => {
            let (on, seconds) = (c_int::from(options.linger.is_some()), options.linger.unwrap_or(0));
            return Ok([on.to_ne_bytes(), seconds.to_ne_bytes()].concat());
        }
        (libc::IPPROTO_TCP, libc::TCP_NODELAY) if is_stream => options.nodelay.into(),
        (libc::IPPROTO_IP, libc::IP_TTL) => options.ttl,
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) if is_v6 => options.is_v6_only.into(),
        (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS) if is_v6 => options.ttl,
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => return Ok(Vec::new()),
        (libc::IPPROTO_TCP, libc::TCP_QUICKACK) if is_stream => other(1),
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL | libc::IP_MULTICAST_LOOP) => other(1),
        (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP) if is_v6 => other(1),
        (libc::IPPROTO_IP, libc::IP_TOS) => other(0),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) if is_v6 => other(0),
        _ => *options.others.get(&(level, name)).ok_or(libc::ENOPROTOOPT)?,
    };
    Ok(number.to_ne_bytes().to_vec())
}

fn options_of<'a>(kernel: &'a mut Kernel, socket: &Socket) -> Result<&'a mut Options, Errno> {
    match socket {
        Socket::Tcp(tcp) => Ok(&mut kernel.tcp[*tcp].options),
        Socket::Udp(udp) => Ok(&mut kernel.udp(*udp).options),
        Socket::Unix(_) => Err(libc::ENOPROTOOPT),
    }
}

/// # Safety
///
/// Those of setsockopt(2).
pub unsafe fn setsockopt(fd: i32, level: i32, name: i32, value: *const c_void, len: u32) -> i32 {
    let answer = simulate_on("setsockopt", fd, |kernel| {
        // SAFETY: the caller's promise.
        let bytes = unsafe { super::descriptors::bytes(value, len as usize) };
        set(kernel, fd, level, name, bytes).map(|()| 0)
    });
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), level.into(), name.into(), value as c_long, len.into(), 0];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_setsockopt, arguments) }
    }) as i32
}

fn set(kernel: &mut Kernel, fd: Fd, level: i32, name: i32, bytes: &[u8]) -> Result<(), Errno> {
    let socket = socket_of(kernel, fd)?;
    let number = match (bytes.first_chunk(), bytes.first()) {
        (Some(bytes), _) => c_int::from_ne_bytes(*bytes),
        // Some options of IP may be a byte.
        (None, Some(byte)) => c_int::from(*byte),
        (None, None) if name == libc::SO_BINDTODEVICE => 0,
        (None, None) => return Err(libc::EINVAL),
    };
    let is_on = number != 0;
    // The kernel doubles the sizes of buffers, to have room for its own data: socket(7).
    let size = (number.max(0) as usize).saturating_mul(2).min(MOST_BUFFER);
    if let Socket::Unix(unix) = socket {
        return set_of_unix(kernel, unix, level, name, is_on, size);
    }
    if (level, name) == (libc::SOL_SOCKET, libc::SO_BROADCAST) {
        if let Socket::Udp(udp) = &socket {
            kernel.udp(*udp).broadcasts = is_on;
        }
        return Ok(());
    }
    let is_stream = matches!(socket, Socket::Tcp(_));
    let options = options_of(kernel, &socket)?;
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_REUSEADDR) => options.reuses_addr = is_on,
        (libc::SOL_SOCKET, libc::SO_REUSEPORT) => options.reuses_port = is_on,
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => options.keepalive = is_on,
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => options.send_buffer = size.max(LEAST_SEND),
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => options.receive_buffer = size.max(LEAST_RECEIVE),
        (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => options.low_water = number.max(1),
        (libc::SOL_SOCKET, libc::SO_LINGER) => {
            let seconds = bytes.get(4..8).and_then(|bytes| bytes.first_chunk()).ok_or(libc::EINVAL)?;
            options.linger = is_on.then(|| c_int::from_ne_bytes(*seconds));
        }
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) if bytes.is_empty() => {}
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => return Err(libc::ENODEV),
        (libc::IPPROTO_TCP, libc::TCP_NODELAY) if is_stream => options.nodelay = is_on,
        (libc::IPPROTO_IP, libc::IP_TTL) => options.ttl = number,
        (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS) => options.ttl = number,
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) => options.is_v6_only = is_on,
        // There are no groups to join.
        (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP | libc::IP_DROP_MEMBERSHIP) => return Err(libc::ENODEV),
        (libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP | libc::IPV6_DROP_MEMBERSHIP) => {
            return Err(libc::ENODEV);
        }
        // What concerns how packets are sent makes no difference here.
        (libc::SOL_SOCKET | libc::IPPROTO_IP | libc::IPPROTO_IPV6, _) => {
            _ = options.others.insert((level, name), number)
        }
        (libc::IPPROTO_TCP, _) if is_stream => _ = options.others.insert((level, name), number),
        _ => return Err(libc::ENOPROTOOPT),
    }
    Ok(())
}

/// unix(7), and what socket(7) has for all sockets.
fn get_of_unix(unix: &mut Unix, level: i32, name: i32) -> Result<Vec<u8>, Errno> {
    if level != libc::SOL_SOCKET {
        return Err(libc::EOPNOTSUPP);
    }
    let number: c_int = match name {
        libc::SO_ERROR => std::mem::take(&mut unix.error),
        libc::SO_TYPE => unix.kind.number(),
        libc::SO_DOMAIN => libc::AF_UNIX,
        libc::SO_PROTOCOL => 0,
        libc::SO_ACCEPTCONN => unix.listens().into(),
        libc::SO_SNDBUF => unix.send_buffer as c_int,
        libc::SO_RCVBUF => unix.receive_buffer as c_int,
        libc::SO_RCVLOWAT => 1,
        libc::SO_PASSCRED => unix.passes_credentials.into(),
        libc::SO_REUSEADDR | libc::SO_REUSEPORT | libc::SO_KEEPALIVE | libc::SO_BROADCAST => 0,
        libc::SO_PEERCRED => {
            let (process, user, group) = unix.credentials();
            return Ok([process.to_ne_bytes(), user.to_ne_bytes(), group.to_ne_bytes()].concat());
        }
        libc::SO_LINGER | libc::SO_RCVTIMEO | libc::SO_SNDTIMEO => {
            let size =
                if name == libc::SO_LINGER { size_of::<libc::linger>() } else { size_of::<libc::timeval>() };
            return Ok(vec![0; size]);
        }
        _ => return Err(libc::ENOPROTOOPT),
    };
    Ok(number.to_ne_bytes().to_vec())
}

fn set_of_unix(
    kernel: &mut Kernel,
    key: Key,
    level: i32,
    name: i32,
    is_on: bool,
    size: usize,
) -> Result<(), Errno> {
    if level != libc::SOL_SOCKET {
        return Err(libc::EOPNOTSUPP);
    }
    let unix = kernel.unix(key);
    match name {
        libc::SO_SNDBUF => {
            unix.send_buffer = size.max(LEAST_SEND);
            kernel.notify(key, libc::EPOLLOUT as u32);
        }
        libc::SO_RCVBUF => unix.receive_buffer = size.max(LEAST_RECEIVE),
        libc::SO_PASSCRED => unix.passes_credentials = is_on,
        // What has no effect on these sockets, or none here.
        libc::SO_REUSEADDR
        | libc::SO_REUSEPORT
        | libc::SO_KEEPALIVE
        | libc::SO_BROADCAST
        | libc::SO_LINGER => {}
        libc::SO_PRIORITY | libc::SO_MARK | libc::SO_RCVLOWAT | libc::SO_RCVTIMEO | libc::SO_SNDTIMEO => {}
        _ => return Err(libc::ENOPROTOOPT),
    }
    Ok(())
}
