//! What has a position that can be changed.
//!
//! In tokio: `io/async_seek.rs`.

use std::io::{self, Cursor, Seek, SeekFrom};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A stream with a position that can be changed.
///
/// This is [`std::io::Seek`] without blocking, in two steps: `start_seek` begins, and `poll_complete` waits for the
/// result. Users call the methods of [`AsyncSeekExt`](crate::AsyncSeekExt), which do both.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::AsyncSeek;
/// use std::io::{Cursor, SeekFrom};
/// use std::pin::Pin;
/// let mut stream = Cursor::new(b"teapot");
/// Pin::new(&mut stream).start_seek(SeekFrom::End(-3))?;
/// let position = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_complete(cx)).await?;
/// assert_eq!(position, 3);
/// # Ok(())
/// # }
/// ```
pub trait AsyncSeek {
    /// Begins to go to a position, in bytes. It is reached when [`poll_complete`](AsyncSeek::poll_complete) says so.
    ///
    /// A position behind the end is allowed; what happens there depends on the stream.
    ///
    /// # Errors
    ///
    /// May fail if an operation is going on: call [`poll_complete`](AsyncSeek::poll_complete) before. An `Ok` does not
    /// mean that the position can be reached.
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()>;

    /// Waits until the position is reached, and returns how far it is from the start.
    ///
    /// If no seek is going on, the result depends on the stream: mostly it is the current position.
    ///
    /// # Errors
    ///
    /// Returns what has gone wrong, for example `InvalidInput` for a position before the start.
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>>;
}

impl<T: AsyncSeek + Unpin + ?Sized> AsyncSeek for &mut T {
    #[inline]
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut **self).start_seek(position)
    }

    #[inline]
    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut **self).poll_complete(cx)
    }
}

impl<T: AsyncSeek + Unpin + ?Sized> AsyncSeek for Box<T> {
    #[inline]
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut **self).start_seek(position)
    }

    #[inline]
    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut **self).poll_complete(cx)
    }
}

impl<P> AsyncSeek for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncSeek,
{
    #[inline]
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.as_deref_mut().start_seek(position)
    }

    #[inline]
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.as_deref_mut().poll_complete(cx)
    }
}

impl<T: AsRef<[u8]> + Unpin> AsyncSeek for Cursor<T> {
    #[inline]
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.get_mut().seek(position).map(drop)
    }

    #[inline]
    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position()))
    }
}
