//! Names of hosts: getaddrinfo(3).

use super::addr::{self, Address};
use super::in_program;
use crate::kernel::Kernel;
use crate::real::real;
use libc::{addrinfo, c_char, c_void};
use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::AtomicPtr;

mod libc_own {
    use super::*;
    use crate::real::next;
    use std::mem;
    real! {
        getaddrinfo(node: *const c_char, service: *const c_char, hints: *const addrinfo, to: *mut *mut addrinfo) -> i32;
        freeaddrinfo(list: *mut addrinfo) -> ();
    }
}

/// One entry of a list, in one block, so that `freeaddrinfo` can tell it from the C library's.
#[repr(C)]
struct Node {
    info: addrinfo,
    mark: u64,
    addr: [u8; 32],
}

const MARK: u64 = 0x6179_692d_7369_6d21;

/// # Safety
///
/// Those of getaddrinfo(3).
pub unsafe fn getaddrinfo(
    node: *const c_void,
    service: *const c_void,
    hints: *const c_void,
    to: *mut c_void,
) -> i32 {
    let (node, service, hints) = (node.cast::<c_char>(), service.cast::<c_char>(), hints.cast::<addrinfo>());
    let found = in_program(|kernel| {
        // SAFETY: the caller's promise, here and below: each is null or a string, and `hints` null or valid.
        let name = (!node.is_null()).then(|| unsafe { CStr::from_ptr(node) }.to_string_lossy().into_owned());
        // SAFETY: as above.
        let service =
            (!service.is_null()).then(|| unsafe { CStr::from_ptr(service) }.to_string_lossy().into_owned());
        // SAFETY: as above.
        let family = unsafe { hints.as_ref() }.map_or(libc::AF_UNSPEC, |hints| hints.ai_family);
        look_up(kernel, name.as_deref(), family, service.and_then(|port| port.parse().ok()).unwrap_or(0))
    });
    let Some(found) = found else {
        // SAFETY: the caller's promise.
        return unsafe { libc_own::getaddrinfo(node, service, hints, to.cast()) };
    };
    if found.is_empty() {
        return libc::EAI_NONAME;
    }
    // SAFETY: the caller's promise.
    let kind = unsafe { hints.as_ref() }.map_or(libc::SOCK_STREAM, |hints| hints.ai_socktype);
    let mut list = std::ptr::null_mut();
    for addr in found.into_iter().rev() {
        list = make(addr, kind, list);
    }
    // SAFETY: the caller's promise.
    unsafe { *to.cast::<*mut addrinfo>() = list };
    0
}

fn look_up(kernel: &mut Kernel, name: Option<&str>, family: i32, port: u16) -> Vec<SocketAddr> {
    kernel.charge();
    let ips: Vec<IpAddr> = match name {
        None | Some("localhost") => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Some(name) => match name.parse::<IpAddr>() {
            Ok(ip) => vec![ip],
            Err(_) => kernel
                .hosts
                .iter()
                .filter(|host| host.name == name)
                .flat_map(|host| [host.v4.into(), host.v6.into()])
                .collect(),
        },
    };
    let fits = |ip: &IpAddr| match family {
        libc::AF_INET => ip.is_ipv4(),
        libc::AF_INET6 => ip.is_ipv6(),
        _ => true,
    };
    ips.into_iter().filter(fits).map(|ip| SocketAddr::new(ip, port)).collect()
}

fn make(addr: SocketAddr, kind: i32, next: *mut addrinfo) -> *mut addrinfo {
    let bytes = addr::encode(&Address::Inet(addr));
    let mut place = [0; 32];
    place[..bytes.len()].copy_from_slice(&bytes);
    let info = addrinfo {
        ai_flags: 0,
        ai_family: if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 },
        ai_socktype: kind,
        ai_protocol: 0,
        ai_addrlen: bytes.len() as u32,
        ai_addr: std::ptr::null_mut(),
        ai_canonname: std::ptr::null_mut(),
        ai_next: next,
    };
    let node = Box::leak(Box::new(Node { info, mark: MARK, addr: place }));
    node.info.ai_addr = node.addr.as_mut_ptr().cast();
    (node as *mut Node).cast()
}

/// # Safety
///
/// Those of freeaddrinfo(3).
pub unsafe fn freeaddrinfo(list: *mut c_void) {
    let mut list = list.cast::<addrinfo>();
    while !list.is_null() {
        let node = list.cast::<Node>();
        // SAFETY: an entry of this module's points into its own block. The C library's point there too, and its blocks
        // are longer than the entry by the size of an address, so the mark can be read, if there is an address.
        let is_ours = unsafe {
            (*list).ai_addr.cast::<u8>() == (&raw mut (*node).addr).cast::<u8>() && (*node).mark == MARK
        };
        if !is_ours {
            // SAFETY: the caller's promise.
            return unsafe { libc_own::freeaddrinfo(list) };
        }
        // SAFETY: it was leaked by `make`, and nobody uses it any more.
        unsafe {
            list = (*list).ai_next;
            drop(Box::from_raw(node));
        }
    }
}
