//! Addresses in three forms: users' paths, std's type, the kernel's bytes.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use socket2::SockAddr;

/// Makes an address from a path, or from an abstract name after a null byte.
pub(super) fn from_path(path: &Path) -> io::Result<SocketAddr> {
    match path.as_os_str().as_bytes() {
        [0, name @ ..] => SocketAddr::from_abstract_name(name),
        [] => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path of a Unix socket is empty: give a path, or a name that begins with a null byte",
        )),
        _ => SocketAddr::from_pathname(path),
    }
}

pub(super) fn to_raw(addr: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = addr.as_pathname() {
        return SockAddr::unix(path);
    }
    match addr.as_abstract_name() {
        Some(name) => SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat())),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an unnamed address is no place for a Unix socket: give one that has a path or an abstract name",
        )),
    }
}
