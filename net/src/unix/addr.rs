//! Addresses in four forms: users' paths, the type of this crate around std's, and the kernel's bytes.
//!
//! In tokio: `net/unix/socketaddr.rs`.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net;
use std::path::Path;

use socket2::SockAddr;

/// The address of a Unix socket: a path, an abstract name, or none.
///
/// It converts from std's type and into it.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
/// use ayi::net::{UnixListener, UnixStream};
/// let listener = UnixListener::bind(&name)?;
/// let addr = listener.local_addr()?;
/// assert_eq!(addr.as_abstract_name(), Some(&name.as_bytes()[1..])); // without the null byte
/// let stream = UnixStream::connect_addr(&addr).await?;
/// assert!(stream.local_addr()?.is_unnamed());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SocketAddr(pub(super) net::SocketAddr);

impl SocketAddr {
    /// Returns whether the socket has neither a path nor an abstract name, like one of a pair.
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// Returns the path, if the address is one.
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// Returns the abstract name, without the null byte that it begins with, if the address is one.
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.as_abstract_name()
    }
}

/// It shows what std shows.
impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<net::SocketAddr> for SocketAddr {
    fn from(addr: net::SocketAddr) -> SocketAddr {
        SocketAddr(addr)
    }
}

impl From<SocketAddr> for net::SocketAddr {
    fn from(addr: SocketAddr) -> net::SocketAddr {
        addr.0
    }
}

/// Makes an address from a path, or from an abstract name after a null byte.
pub(super) fn from_path(path: &Path) -> io::Result<SocketAddr> {
    match path.as_os_str().as_bytes() {
        [0, name @ ..] => net::SocketAddr::from_abstract_name(name).map(SocketAddr),
        [] => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path of a Unix socket is empty: give a path, or a name that begins with a null byte",
        )),
        _ => net::SocketAddr::from_pathname(path).map(SocketAddr),
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
