//! The halves of a stream that borrow from it, for one task that reads and writes at once.
//!
//! They cost nothing: each is a reference. That there is one of each kind is what they are for, so
//! that what takes a reader cannot write.
//!
//! In tokio: `net/tcp/split.rs` and `net/unix/split.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::stream::Stream;
use crate::tcp::TcpStream;

/// The half of a stream that reads, made by its `split`.
///
/// It implements [`futures_io::AsyncRead`]; its methods are those of the stream.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi_net::{TcpListener, TcpStream};
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// # peer.write(b"tea").await?;
/// let (reading, writing) = stream.split();
/// reading.readable().await?;
/// let mut buf = [0; 8];
/// assert_eq!(reading.try_read(&mut buf)?, 3);
/// writing.writable().await?;
/// assert_eq!(writing.try_write(&buf[..3])?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ReadHalf<'a, S>(pub(super) &'a S);

/// The half of a stream that writes, made by its `split`.
///
/// It implements [`futures_io::AsyncWrite`], where closing shuts down the direction of writing;
/// dropping it does not. Its methods are those of the stream.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi_net::{TcpListener, TcpStream};
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// let (_, writing) = stream.split();
/// writing.writable().await?;
/// assert_eq!(writing.try_write(b"tea")?, 3);
/// assert_eq!(writing.peer_addr()?, listener.local_addr()?);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct WriteHalf<'a, S>(pub(super) &'a S);

pub(crate) fn split<S: Stream>(stream: &mut S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf(stream), WriteHalf(stream))
}

impl<S: Stream> ReadHalf<'_, S> {
    fn stream(&self) -> &S {
        self.0
    }

    /// See the stream's `ready`, also for errors.
    ///
    /// # Cancel safety
    ///
    /// As the stream's.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream().socket().ready(interest).await
    }

    /// See the stream's `readable`, also for errors.
    ///
    /// # Cancel safety
    ///
    /// As the stream's.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// See the stream's `try_read`, also for errors.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream().socket().try_read(buf)
    }

    /// See the stream's `try_read_vectored`, also for errors.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.stream().socket().try_read_vectored(bufs)
    }

    /// See the stream's `local_addr`, also for errors.
    pub fn local_addr(&self) -> io::Result<S::Addr> {
        self.stream().local_addr()
    }

    /// See the stream's `peer_addr`, also for errors.
    pub fn peer_addr(&self) -> io::Result<S::Addr> {
        self.stream().peer_addr()
    }
}

impl<S: Stream> WriteHalf<'_, S> {
    fn stream(&self) -> &S {
        self.0
    }

    /// See the stream's `ready`, also for errors.
    ///
    /// # Cancel safety
    ///
    /// As the stream's.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream().socket().ready(interest).await
    }

    /// See the stream's `writable`, also for errors.
    ///
    /// # Cancel safety
    ///
    /// As the stream's.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// See the stream's `try_write`, also for errors.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.stream().socket().try_write(buf)
    }

    /// See the stream's `try_write_vectored`, also for errors.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream().socket().try_write_vectored(bufs)
    }

    /// See the stream's `local_addr`, also for errors.
    pub fn local_addr(&self) -> io::Result<S::Addr> {
        self.stream().local_addr()
    }

    /// See the stream's `peer_addr`, also for errors.
    pub fn peer_addr(&self) -> io::Result<S::Addr> {
        self.stream().peer_addr()
    }
}

/// What TCP has besides.
impl ReadHalf<'_, TcpStream> {
    /// See [`TcpStream::peek`], also for errors.
    ///
    /// # Cancel safety
    ///
    /// As [`TcpStream::peek`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// let (reading, _) = stream.split();
    /// assert_eq!(reading.peek(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream().peek(buf).await
    }

    /// See [`TcpStream::poll_peek`], also for errors.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// let (reading, _) = stream.split();
    /// let mut buf = [0; 8];
    /// assert_eq!(poll_fn(|cx| reading.poll_peek(cx, &mut buf)).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_peek(cx, buf)
    }
}

impl<S: Stream> AsRef<S> for ReadHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

impl<S: Stream> AsRef<S> for WriteHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}
