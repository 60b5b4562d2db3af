//! System calls for which ayi has no functions.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What poll(2) says, of these events and of what it always says.
pub fn mask(fd: &impl AsRawFd) -> i16 {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP;
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: there is one.
    assert!(unsafe { libc::poll(&mut poll, 1, 0) } >= 0);
    poll.revents
}

pub fn checked(result: impl Into<i64>) -> io::Result<usize> {
    usize::try_from(result.into()).map_err(|_| io::Error::last_os_error())
}

/// The number of the error.
pub fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

pub fn socket(kind: i32) -> OwnedFd {
    // SAFETY: it takes no pointers.
    let fd = checked(unsafe { libc::socket(libc::AF_UNIX, kind | libc::SOCK_NONBLOCK, 0) }).unwrap();
    // SAFETY: it was just made.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

pub fn pair(kind: i32) -> (OwnedFd, OwnedFd) {
    let mut fds = [0; 2];
    // SAFETY: there is room for two.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_NONBLOCK, 0, fds.as_mut_ptr()) };
    checked(made).unwrap();
    // SAFETY: they were just made.
    unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) }
}

pub fn address(name: &str) -> (libc::sockaddr_un, u32) {
    // SAFETY: all zeros is a valid address.
    let mut addr: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    addr.sun_family = libc::AF_UNIX as _;
    for (to, byte) in addr.sun_path.iter_mut().zip(name.bytes()) {
        *to = byte as _;
    }
    (addr, 2 + name.len() as u32)
}

pub fn bind(socket: &OwnedFd, name: &str) -> io::Result<usize> {
    let (addr, len) = address(name);
    // SAFETY: there are so many bytes.
    checked(unsafe { libc::bind(socket.as_raw_fd(), (&raw const addr).cast(), len) })
}

pub fn connect(socket: &OwnedFd, name: &str) -> io::Result<usize> {
    let (addr, len) = address(name);
    // SAFETY: there are so many bytes.
    checked(unsafe { libc::connect(socket.as_raw_fd(), (&raw const addr).cast(), len) })
}

pub fn listen(socket: &OwnedFd, backlog: i32) -> io::Result<usize> {
    // SAFETY: it takes no pointers.
    checked(unsafe { libc::listen(socket.as_raw_fd(), backlog) })
}

pub fn accept(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let null = std::ptr::null_mut();
    // SAFETY: the address is not asked for.
    let fd = unsafe { libc::accept4(socket.as_raw_fd(), null, null.cast(), libc::SOCK_NONBLOCK) };
    // SAFETY: it was just made.
    checked(fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub fn send(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: there are so many bytes.
    let sent =
        unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    checked(sent as i64)
}

pub fn receive(socket: &impl AsRawFd, len: usize, flags: i32) -> io::Result<(usize, Vec<u8>)> {
    let mut bytes = vec![0; len];
    // SAFETY: there is room for so many bytes.
    let count = unsafe { libc::recv(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), len, flags) };
    let count = checked(count as i64)?;
    bytes.truncate(count);
    Ok((count, bytes))
}

pub fn unread(fd: &impl AsRawFd) -> i32 {
    let mut count = 0;
    // SAFETY: it writes an integer.
    checked(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) }).unwrap();
    count
}

pub fn option(socket: &impl AsRawFd, name: i32) -> io::Result<i32> {
    let (mut value, mut len) = (0, 4);
    let to = (&raw mut value).cast();
    // SAFETY: there is room for an integer.
    checked(unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, to, &mut len) })?;
    Ok(value)
}

pub fn set_option(socket: &impl AsRawFd, name: i32, value: i32) {
    let from = (&raw const value).cast();
    // SAFETY: it reads an integer.
    checked(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, from, 4) }).unwrap();
}

pub fn control(fd: &impl AsRawFd, command: i32, argument: i32) -> io::Result<usize> {
    // SAFETY: these commands take integers.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), command, argument) })
}

pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: it takes no pointers.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

pub fn raw_pipe(flags: i32) -> (OwnedFd, OwnedFd) {
    let mut fds = [0; 2];
    // SAFETY: there is room for two.
    checked(unsafe { libc::pipe2(fds.as_mut_ptr(), flags) }).unwrap();
    // SAFETY: they were just made.
    unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) }
}
