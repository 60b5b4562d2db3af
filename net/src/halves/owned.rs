//! The halves of a stream that own it together, for two tasks.
//!
//! ```text
//! into_split ──► OwnedReadHalf ──► dropped: nothing          ─┐  the last closes
//!           └──► OwnedWriteHalf ─► dropped: shuts down writing ┴► the connection
//!                     │  forget: nothing
//!   both: reunite ────┴─► the stream
//! ```
//!
//! Invariant: a stream has one half of each kind, and only they own it. So when a half is the last owner, the other
//! half is gone.
//!
//! In tokio: `net/tcp/split_owned.rs` and `net/unix/split_owned.rs`.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};

use ayi_io::ReadBuf;
use ayi_runtime::io::{Interest, Ready};

use crate::stream::Stream;
use crate::tcp::TcpStream;

/// The half of a stream that reads, made by its `into_split`.
///
/// It implements [`AsyncRead`](ayi_io::AsyncRead); its methods are those of the stream.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi::net::{TcpListener, TcpStream};
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// # peer.write(b"tea").await?;
/// let (reading, _writing) = stream.into_split();
/// let reader = ayi::spawn(async move {
///     reading.readable().await?;
///     reading.try_read(&mut [0; 8])
/// });
/// assert_eq!(reader.await.unwrap()?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf<S> {
    stream: Arc<S>,
}

/// The half of a stream that writes, made by its `into_split`.
///
/// It implements [`AsyncWrite`](ayi_io::AsyncWrite); its methods are those of the stream. Dropping it shuts down the direction
/// of writing, so that the peer reads the end of the stream. [`forget`](OwnedWriteHalf::forget) prevents that.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi::net::{TcpListener, TcpStream};
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// let (_reading, writing) = stream.into_split();
/// writing.writable().await?;
/// assert_eq!(writing.try_write(b"tea")?, 3);
/// drop(writing); // the peer is told that this was all
/// let mut buf = [0; 8];
/// assert_eq!((peer.read(&mut buf).await?, peer.read(&mut buf).await?), (3, 0));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Stream> {
    stream: Arc<S>,
    shut_down_on_drop: bool,
}

pub(crate) fn into_split<S: Stream>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Arc::new(stream);
    let read = OwnedReadHalf { stream: Arc::clone(&stream) };
    let write = OwnedWriteHalf { stream, shut_down_on_drop: true };
    (read, write)
}

fn reunite<S: Stream>(read: OwnedReadHalf<S>, write: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
    if !Arc::ptr_eq(&read.stream, &write.stream) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    let stream = Arc::into_inner(read.stream);
    Ok(stream.expect("a stream has one half of each kind, and both have come together here"))
}

/// The error of halves that come from different streams. It contains both.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi::net::{TcpListener, TcpStream};
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// # let other = TcpStream::connect(listener.local_addr()?).await?;
/// let ((reading, _w), (_r, writing)) = (stream.into_split(), other.into_split());
/// let error = reading.reunite(writing).unwrap_err();
/// let (reading, writing) = (error.0, error.1); // nothing is lost
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ReuniteError<S: Stream>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

impl<S: Stream> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "these halves come from different streams, so they do not make one: reunite the two \
             that one call of into_split returned",
        )
    }
}

impl<S: Stream + fmt::Debug> Error for ReuniteError<S> {}

impl<S: Stream> OwnedReadHalf<S> {
    fn stream(&self) -> &S {
        &self.stream
    }

    /// Joins the two halves to the stream again.
    ///
    /// # Errors
    ///
    /// Returns [`ReuniteError`], with both halves, if they come from different streams.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let (reading, writing) = stream.into_split();
    /// let stream: TcpStream = reading.reunite(writing).expect("they are of one stream");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn reunite(self, write: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        reunite(self, write)
    }

    as_its_stream! { reads }
}

impl<S: Stream> OwnedWriteHalf<S> {
    fn stream(&self) -> &S {
        &self.stream
    }

    /// Joins the two halves to the stream again.
    ///
    /// # Errors
    ///
    /// Returns [`ReuniteError`], with both halves, if they come from different streams.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let (reading, writing) = stream.into_split();
    /// let stream: TcpStream = writing.reunite(reading).expect("they are of one stream");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn reunite(self, read: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        reunite(read, self)
    }

    /// Drops this half without shutting down the direction of writing.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let (reading, writing) = stream.into_split();
    /// writing.forget(); // the peer is told nothing; the stream is closed with the other half
    /// # drop(reading);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn forget(mut self) {
        self.shut_down_on_drop = false;
    }

    /// Shuts down the direction of writing, as the drop would.
    pub(crate) fn shut_down(&mut self) -> io::Result<()> {
        let closed = self.stream.close();
        self.shut_down_on_drop &= closed.is_err();
        closed
    }

    as_its_stream! { writes }
}

/// Methods that only TCP has.
impl OwnedReadHalf<TcpStream> {
    as_its_stream! { peeks, "let (reading, _writing) = stream.into_split();" }
}

impl<S: Stream> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.shut_down_on_drop {
            // It fails if the connection has broken: the peer then needs no word from us.
            let _ = self.stream.shutdown_now(Shutdown::Write);
        }
    }
}

impl<S: Stream> AsRef<S> for OwnedReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Stream> AsRef<S> for OwnedWriteHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}
