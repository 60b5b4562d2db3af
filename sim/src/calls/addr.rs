//! Socket addresses in the kernel's form: ip(7), ipv6(7), unix(7).

use crate::Errno;
use libc::{c_void, sa_family_t, sockaddr_in, sockaddr_in6, sockaddr_un};
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

pub(crate) enum Address {
    Inet(SocketAddr),
    /// The bytes of the path. An abstract name begins with a zero; no byte at all is no name.
    Unix(Vec<u8>),
    /// AF_UNSPEC: no address.
    None,
}

/// # Safety
///
/// There are `len` bytes at `addr`.
pub(crate) unsafe fn read(addr: *const c_void, len: u32) -> Result<Address, Errno> {
    let len = len as usize;
    if addr.is_null() {
        return Err(libc::EFAULT);
    }
    if len < size_of::<sa_family_t>() {
        return Err(libc::EINVAL);
    }
    // SAFETY: there are two bytes.
    let family = i32::from(unsafe { addr.cast::<sa_family_t>().read_unaligned() });
    match family {
        libc::AF_INET if len >= size_of::<sockaddr_in>() => {
            // SAFETY: there are so many bytes.
            let raw = unsafe { addr.cast::<sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
            Ok(Address::Inet(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into()))
        }
        // The last field, which the size may leave out, is of no use here.
        libc::AF_INET6 if len >= mem::offset_of!(sockaddr_in6, sin6_scope_id) => {
            // SAFETY: so far there are bytes.
            let ip = unsafe {
                addr.byte_add(mem::offset_of!(sockaddr_in6, sin6_addr)).cast::<[u8; 16]>().read_unaligned()
            };
            // SAFETY: as above.
            let port = unsafe {
                addr.byte_add(mem::offset_of!(sockaddr_in6, sin6_port)).cast::<u16>().read_unaligned()
            };
            Ok(Address::Inet(SocketAddrV6::new(Ipv6Addr::from(ip), u16::from_be(port), 0, 0).into()))
        }
        libc::AF_UNIX if len > size_of::<sockaddr_un>() => Err(libc::EINVAL),
        libc::AF_UNIX => {
            let start = mem::offset_of!(sockaddr_un, sun_path);
            let count = len.saturating_sub(start).min(108);
            // SAFETY: there are `len` bytes.
            let path = unsafe { std::slice::from_raw_parts(addr.byte_add(start).cast::<u8>(), count) };
            let end = match path.first() {
                Some(0) | None => path.len(),
                Some(_) => path.iter().position(|byte| *byte == 0).unwrap_or(path.len()),
            };
            Ok(Address::Unix(path[..end].to_vec()))
        }
        libc::AF_UNSPEC => Ok(Address::None),
        libc::AF_INET | libc::AF_INET6 => Err(libc::EINVAL),
        _ => Err(libc::EAFNOSUPPORT),
    }
}

/// Writes as much of the address as there is room for, and the size of all of it.
///
/// # Safety
///
/// `addr` is null, or there are `*len` bytes there that may be written.
pub(crate) unsafe fn write(address: &Address, addr: *mut c_void, len: *mut u32) {
    if addr.is_null() || len.is_null() {
        return;
    }
    let bytes = encode(address);
    // SAFETY: the caller's promise.
    unsafe {
        let count = bytes.len().min(*len as usize);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), addr.cast::<u8>(), count);
        *len = bytes.len() as u32;
    }
}

pub(crate) fn encode(address: &Address) -> Vec<u8> {
    match address {
        Address::Inet(SocketAddr::V4(addr)) => {
            let mut bytes = (libc::AF_INET as sa_family_t).to_ne_bytes().to_vec();
            bytes.extend(addr.port().to_be_bytes());
            bytes.extend(addr.ip().octets());
            bytes.extend([0; 8]);
            bytes
        }
        Address::Inet(SocketAddr::V6(addr)) => {
            let mut bytes = (libc::AF_INET6 as sa_family_t).to_ne_bytes().to_vec();
            bytes.extend(addr.port().to_be_bytes());
            bytes.extend([0; 4]);
            bytes.extend(addr.ip().octets());
            bytes.extend([0; 4]);
            bytes
        }
        Address::Unix(path) => {
            let mut bytes = (libc::AF_UNIX as sa_family_t).to_ne_bytes().to_vec();
            bytes.extend(path);
            if path.first().is_some_and(|byte| *byte != 0) {
                bytes.push(0);
            }
            bytes
        }
        Address::None => (libc::AF_UNSPEC as sa_family_t).to_ne_bytes().to_vec(),
    }
}
