//! Open files that go from one process to another: their descriptors travel with bytes over a Unix socket (unix(7),
//! `SCM_RIGHTS`).
//!
//! A message is sent, or received, by one system call with all that belongs to it. So nothing is half done when a future
//! is dropped.
//!
//! Not in tokio.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ayi_runtime::io::Interest;
use ayi_runtime::task::coop;

use crate::sys;
use crate::unix::{UnixDatagram, UnixStream};

impl UnixStream {
    /// Writes like [`write`](UnixStream::write), and sends `fds` along: the other end gets descriptors of the same open
    /// files, see [`recv_with_fds`](UnixStream::recv_with_fds). Returns the number of bytes.
    ///
    /// The descriptors travel with the first byte, so at least one is needed. If not all of `buf` was written, write
    /// the rest without them. The descriptors stay open here, and may be closed as soon as this returns.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` for an empty `buf` with descriptors, and for more than 253 descriptors. Otherwise it fails
    /// like [`write`](UnixStream::write), and with `ETOOMANYREFS` if too many descriptors are on their way already
    /// (unix(7)).
    ///
    /// # Cancel safety
    ///
    /// Nothing was sent if the future is dropped: it returns as soon as it has sent anything.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixStream;
    /// use std::io::Read;
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let file = std::fs::File::open("/etc/passwd")?;
    /// ours.send_with_fds(b"a file", &[file.as_fd()]).await?;
    ///
    /// let (mut buf, mut fds) = ([0; 64], Vec::new());
    /// let n = theirs.recv_with_fds(&mut buf, &mut fds).await?;
    /// assert_eq!((&buf[..n], fds.len()), (&b"a file"[..], 1));
    /// let mut file = std::fs::File::from(fds.remove(0)); // the same open file
    /// # file.read_to_string(&mut String::new())?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_with_fds(&self, buf: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        if let Some(result) = without_bytes(buf, fds) {
            coop::consume_budget().await;
            return result;
        }
        self.socket.async_io(Interest::WRITABLE, |it| sys::send_with_fds(it.as_fd(), buf, fds)).await
    }

    /// Sends like [`send_with_fds`](UnixStream::send_with_fds), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if there is no room; otherwise it fails like
    /// [`send_with_fds`](UnixStream::send_with_fds).
    #[inline]
    pub fn try_send_with_fds(&self, buf: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        if let Some(result) = without_bytes(buf, fds) {
            return result;
        }
        self.socket.try_io(Interest::WRITABLE, |it| sys::send_with_fds(it.as_fd(), buf, fds))
    }

    /// Reads like [`read`](UnixStream::read), and appends the descriptors that came with the bytes to `fds`. Returns the
    /// number of bytes, 0 at the end of the stream.
    ///
    /// The descriptors are new ones of this process, and close-on-exec. It is the peer who decides how many there are:
    /// one call appends up to 253. Drop those that you did not expect. A read by any other method closes the descriptors
    /// that come with its bytes.
    ///
    /// # Errors
    ///
    /// Fails like [`read`](UnixStream::read). If the process has no room for all the descriptors (`RLIMIT_NOFILE`), this
    /// fails, and closes those that have come. The bytes are then lost as well.
    ///
    /// # Cancel safety
    ///
    /// Neither a byte nor a descriptor is lost if the future is dropped: it returns as soon as it has read any.
    ///
    /// # Examples
    ///
    /// See [`send_with_fds`](UnixStream::send_with_fds).
    pub async fn recv_with_fds(&self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        if buf.is_empty() {
            coop::consume_budget().await;
            return Ok(0);
        }
        self.socket.async_io(Interest::READABLE, |it| sys::recv_with_fds(it.as_fd(), buf, fds)).await
    }

    /// Receives like [`recv_with_fds`](UnixStream::recv_with_fds), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if nothing has arrived; otherwise it fails like
    /// [`recv_with_fds`](UnixStream::recv_with_fds).
    #[inline]
    pub fn try_recv_with_fds(&self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        self.socket.try_io(Interest::READABLE, |it| sys::recv_with_fds(it.as_fd(), buf, fds))
    }
}

/// The kernel would take a message without bytes, and forget the descriptors.
fn without_bytes(buf: &[u8], fds: &[BorrowedFd<'_>]) -> Option<io::Result<usize>> {
    if !buf.is_empty() {
        return None;
    }
    if fds.is_empty() {
        return Some(Ok(0));
    }
    Some(Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "over a stream, descriptors travel with bytes: send at least one byte with them",
    )))
}

impl UnixDatagram {
    /// Sends a datagram to the connected peer like [`send`](UnixDatagram::send), and `fds` along: the other end gets
    /// descriptors of the same open files, see [`recv_with_fds`](UnixDatagram::recv_with_fds). The datagram may be empty.
    ///
    /// The descriptors stay open here, and may be closed as soon as this returns.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` for more than 253 descriptors. Otherwise it fails like [`send`](UnixDatagram::send), and
    /// with `ETOOMANYREFS` if too many descriptors are on their way already (unix(7)).
    ///
    /// # Cancel safety
    ///
    /// Nothing was sent if the future is dropped: it returns as soon as it has sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixDatagram;
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixDatagram::pair()?;
    /// let (one, other) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_with_fds(b"a line", &[one.as_fd(), other.as_fd()]).await?;
    ///
    /// let (mut buf, mut fds) = ([0; 64], Vec::new());
    /// let n = theirs.recv_with_fds(&mut buf, &mut fds).await?;
    /// assert_eq!((&buf[..n], fds.len()), (&b"a line"[..], 2));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_with_fds(&self, buf: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.socket.async_io(Interest::WRITABLE, |it| sys::send_with_fds(it.as_fd(), buf, fds)).await
    }

    /// Sends like [`send_with_fds`](UnixDatagram::send_with_fds), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if it would have to wait; otherwise it fails like
    /// [`send_with_fds`](UnixDatagram::send_with_fds).
    #[inline]
    pub fn try_send_with_fds(&self, buf: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.socket.try_io(Interest::WRITABLE, |it| sys::send_with_fds(it.as_fd(), buf, fds))
    }

    /// Receives a datagram like [`recv`](UnixDatagram::recv), and appends the descriptors that came with it to `fds`.
    ///
    /// The descriptors are new ones of this process, and close-on-exec. It is the sender who decides how many there are:
    /// one call appends up to 253. Drop those that you did not expect. The other methods that receive close the
    /// descriptors that come with a datagram.
    ///
    /// # Errors
    ///
    /// Fails like [`recv`](UnixDatagram::recv). If the process has no room for all the descriptors (`RLIMIT_NOFILE`), this
    /// fails, and closes those that have come. The datagram is then lost as well.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped: it returns as soon as it has a datagram.
    ///
    /// # Examples
    ///
    /// See [`send_with_fds`](UnixDatagram::send_with_fds).
    pub async fn recv_with_fds(&self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        self.socket.async_io(Interest::READABLE, |_| self.receive_fds(buf, fds)).await
    }

    /// Receives like [`recv_with_fds`](UnixDatagram::recv_with_fds), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if it would have to wait; otherwise it fails like
    /// [`recv_with_fds`](UnixDatagram::recv_with_fds).
    #[inline]
    pub fn try_recv_with_fds(&self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        self.socket.try_io(Interest::READABLE, |_| self.receive_fds(buf, fds))
    }
}
