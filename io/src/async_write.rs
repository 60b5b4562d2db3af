//! What bytes can be written to.
//!
//! In tokio: `io/async_write.rs`.

use std::io::{self, Cursor, IoSlice, Write};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A place for bytes.
///
/// This is [`std::io::Write`] without blocking: where a blocking writer waits, these methods return `Pending`, and the
/// task is woken when it is worth another try. Users call the methods of [`AsyncWriteExt`](crate::AsyncWriteExt),
/// which every writer has.
///
/// Dropping a writer may lose what it has in buffers: call `shutdown` or `flush` first.
///
/// # Examples
///
/// A writer of one's own:
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::AsyncWrite;
/// use std::io::Result;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// /// Counts bytes.
/// struct Counter(usize);
///
/// impl AsyncWrite for Counter {
///     fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
///         self.0 += buf.len();
///         Poll::Ready(Ok(buf.len()))
///     }
///
///     fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
///         Poll::Ready(Ok(()))
///     }
/// }
///
/// let mut counter = Counter(0);
/// std::future::poll_fn(|cx| Pin::new(&mut counter).poll_write(cx, b"tea")).await?;
/// assert_eq!(counter.0, 3);
/// # Ok(())
/// # }
/// ```
pub trait AsyncWrite {
    /// Takes some bytes from the start of `buf`, and returns how many.
    ///
    /// 0 means that the writer can take no more, unless `buf` is empty. A writer that waits returns `Pending`, keeps
    /// the waker of `cx`, and has taken nothing. Only the latest waker is woken.
    ///
    /// # Errors
    ///
    /// Returns what has gone wrong. Nothing was taken then.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Hands on what the writer has in buffers, and waits until all of it has been taken.
    ///
    /// # Errors
    ///
    /// Returns what has gone wrong. What could not be handed on remains in the buffer.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes, and ends the stream in an orderly way. A socket sends the end to its peer.
    ///
    /// Nothing may be written afterwards: a writer may fail or panic then. A writer that has nothing to end only
    /// flushes. Whoever wraps a writer passes this call on.
    ///
    /// # Errors
    ///
    /// Returns what has gone wrong.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes like [`poll_write`](AsyncWrite::poll_write), from several buffers. Each is taken before the next.
    ///
    /// By default, this writes the first buffer that is not empty.
    ///
    /// # Errors
    ///
    /// Fails like [`poll_write`](AsyncWrite::poll_write).
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[], |buf| buf))
    }

    /// Returns whether [`poll_write_vectored`](AsyncWrite::poll_write_vectored) really takes several buffers at once.
    ///
    /// If it does not, which is the default, it is better to copy small pieces into one buffer.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

impl<T: AsyncWrite + Unpin + ?Sized> AsyncWrite for &mut T {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self).poll_write(cx, buf)
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_flush(cx)
    }

    #[inline]
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_shutdown(cx)
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self).poll_write_vectored(cx, bufs)
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        (**self).is_write_vectored()
    }
}

impl<T: AsyncWrite + Unpin + ?Sized> AsyncWrite for Box<T> {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self).poll_write(cx, buf)
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_flush(cx)
    }

    #[inline]
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_shutdown(cx)
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self).poll_write_vectored(cx, bufs)
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        (**self).is_write_vectored()
    }
}

impl<P> AsyncWrite for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncWrite,
{
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.as_deref_mut().poll_write(cx, buf)
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_flush(cx)
    }

    #[inline]
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_shutdown(cx)
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.as_deref_mut().poll_write_vectored(cx, bufs)
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        (**self).is_write_vectored()
    }
}

/// Writers in memory, which write like std's: each call is done at once.
macro_rules! like_std {
    ($($(#[$doc:meta])* $writer:ty;)*) => { $(
        $(#[$doc])*
        impl AsyncWrite for $writer {
            #[inline]
            fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Poll::Ready(self.get_mut().write(buf))
            }

            #[inline]
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            #[inline]
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            #[inline]
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(self.get_mut().write_vectored(bufs))
            }

            #[inline]
            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    )* };
}

like_std! {
    /// What is written is appended.
    Vec<u8>;
    /// What is written replaces what is at the position. At the end, nothing is taken.
    Cursor<&mut [u8]>;
    /// What is written replaces what is at the position. The vector grows at its end.
    Cursor<&mut Vec<u8>>;
    /// What is written replaces what is at the position. The vector grows at its end.
    Cursor<Vec<u8>>;
    /// What is written replaces what is at the position. At the end, nothing is taken.
    Cursor<Box<[u8]>>;
}
