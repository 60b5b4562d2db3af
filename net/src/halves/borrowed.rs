//! The halves of a stream that borrow from it, for one task that reads and writes at once.
//!
//! They cost nothing: each is a reference. There is one of each kind, so that code that takes a reader cannot write.
//!
//! In tokio: `net/tcp/split.rs` and `net/unix/split.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use ayi_io::ReadBuf;
use ayi_runtime::io::{Interest, Ready};

use crate::stream::Stream;
use crate::tcp::TcpStream;

/// The half of a stream that reads, made by its `split`.
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
/// It implements [`AsyncWrite`](ayi_io::AsyncWrite). Shutting it down ends the direction of writing; dropping it does not. Its
/// methods are those of the stream.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi::net::{TcpListener, TcpStream};
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

    as_its_stream! { reads }
}

impl<S: Stream> WriteHalf<'_, S> {
    fn stream(&self) -> &S {
        self.0
    }

    as_its_stream! { writes }
}

/// Methods that only TCP has.
impl ReadHalf<'_, TcpStream> {
    as_its_stream! { peeks, "let (reading, _) = stream.split();" }
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
