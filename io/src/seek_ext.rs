//! What can be done with any stream that has a position.
//!
//! In tokio: `io/util/async_seek_ext.rs`, `io/seek.rs`.

use crate::AsyncSeek;
use crate::charged::poll_step;
use pin_project_lite::pin_project;
use std::io::{self, SeekFrom};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The methods that every [`AsyncSeek`] has.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncSeekExt};
/// use std::io::{Cursor, SeekFrom};
/// let mut reader = Cursor::new(b"teapot");
/// assert_eq!(reader.seek(SeekFrom::End(-3)).await?, 3);
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "pot");
/// reader.rewind().await?;
/// assert_eq!(reader.stream_position().await?, 0);
/// # Ok(())
/// # }
/// ```
pub trait AsyncSeekExt: AsyncSeek {
    /// Goes to a position, in bytes, and returns how far it is from the start.
    ///
    /// An operation of the stream that is going on is completed first.
    ///
    /// # Errors
    ///
    /// Returns the errors of the stream, mostly `InvalidInput` for a position before the start.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the position is the old one or the new one.
    ///
    /// # Examples
    ///
    /// See [`AsyncSeekExt`].
    fn seek(&mut self, position: SeekFrom) -> SeekTo<'_, Self>
    where
        Self: Unpin,
    {
        SeekTo { stream: self, to: Some(position), was_put_off: false, _pinned: PhantomPinned }
    }

    /// Goes to the start, and returns 0.
    ///
    /// # Errors
    ///
    /// Fails like [`seek`](AsyncSeekExt::seek).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the position is the old one or the new one.
    ///
    /// # Examples
    ///
    /// See [`AsyncSeekExt`].
    fn rewind(&mut self) -> SeekTo<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Start(0))
    }

    /// Returns how far the position is from the start, in bytes.
    ///
    /// # Errors
    ///
    /// Fails like [`seek`](AsyncSeekExt::seek).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// See [`AsyncSeekExt`].
    fn stream_position(&mut self) -> SeekTo<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Current(0))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}

pin_project! {
    /// The future of [`AsyncSeekExt::seek`].
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct SeekTo<'a, S: ?Sized> {
        stream: &'a mut S,
        // `None` once the stream knows it.
        to: Option<SeekFrom>,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<S: AsyncSeek + Unpin + ?Sized> Future for SeekTo<'_, S> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        let mut stream = Pin::new(&mut **this.stream);
        poll_step(cx, this.was_put_off, |cx| {
            if let Some(position) = *this.to {
                ready!(stream.as_mut().poll_complete(cx))?;
                stream.as_mut().start_seek(position)?;
                *this.to = None;
            }
            stream.poll_complete(cx)
        })
    }
}
