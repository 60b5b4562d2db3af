//! Numbers of a fixed size, in both orders of their bytes.
//!
//! In tokio: `io/util/read_int.rs`.

use super::read_exact::poll_fill;
use crate::AsyncRead;
use pin_project_lite::pin_project;
use std::fmt;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of the methods that read a number, like [`AsyncReadExt::read_u16`](crate::AsyncReadExt::read_u16).
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadNumber<'a, R: ?Sized, T, B> {
        reader: &'a mut R,
        bytes: B,
        filled: usize,
        decode: fn(B) -> T,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized, T, const N: usize> ReadNumber<'a, R, T, [u8; N]> {
    #[inline]
    pub(super) fn new(reader: &'a mut R, decode: fn([u8; N]) -> T) -> Self {
        ReadNumber { reader, bytes: [0; N], filled: 0, decode, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized, T, const N: usize> Future for ReadNumber<'_, R, T, [u8; N]> {
    type Output = io::Result<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let this = self.project();
        let reader = Pin::new(&mut **this.reader);
        ready!(poll_fill(reader, cx, this.bytes, this.filled, this.was_put_off))?;
        Poll::Ready(Ok((this.decode)(*this.bytes)))
    }
}

impl<R: fmt::Debug + ?Sized, T, const N: usize> fmt::Debug for ReadNumber<'_, R, T, [u8; N]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadNumber")
            .field("reader", &self.reader)
            .field("read", &&self.bytes[..self.filled])
            .finish()
    }
}

/// Writes the methods of a table: the name, the type, its function that takes bytes, and their number.
macro_rules! read_numbers {
    ($($name:ident $number:ident $decode:ident $bytes:literal;)*) => { $(
        #[doc = concat!("Reads ", $crate::read_ext::numbers::describe!($number $decode), ".")]
        ///
        /// # Errors
        ///
        /// Returns `UnexpectedEof` if the reader ends before that, and the errors of the reader.
        ///
        /// # Cancel safety
        ///
        #[doc = $crate::read_ext::numbers::cancel!($number)]
        ///
        /// # Examples
        ///
        /// ```
        /// # #[ayi::main]
        /// # async fn main() -> std::io::Result<()> {
        /// use ayi::io::AsyncReadExt;
        #[doc = concat!("let mut reader = &", stringify!($number), "::MAX.",
            $crate::read_ext::numbers::encode!($decode), "()[..];")]
        #[doc = concat!("assert_eq!(reader.", stringify!($name), "().await?, ", stringify!($number), "::MAX);")]
        /// # Ok(())
        /// # }
        /// ```
        #[inline]
        fn $name(&mut self) -> ReadNumber<'_, Self, $number, [u8; $bytes]>
        where
            Self: Unpin,
        {
            ReadNumber::new(self, $number::$decode)
        }
    )* };
}

macro_rules! describe {
    (u8 $order:ident) => {
        "a byte"
    };
    (i8 $order:ident) => {
        "a byte as a number with a sign"
    };
    ($number:ident from_be_bytes) => {
        concat!("a number of type `", stringify!($number), "`, the most significant byte first")
    };
    ($number:ident from_le_bytes) => {
        concat!("a number of type `", stringify!($number), "`, the least significant byte first")
    };
}

macro_rules! cancel {
    (u8) => {
        "Nothing is lost if the future is dropped."
    };
    (i8) => {
        "Nothing is lost if the future is dropped."
    };
    ($number:ident) => {
        "Not cancel safe: if the future is dropped, the bytes that were read of the number are lost."
    };
}

macro_rules! encode {
    (from_be_bytes) => {
        "to_be_bytes"
    };
    (from_le_bytes) => {
        "to_le_bytes"
    };
}

pub(super) use {cancel, describe, encode, read_numbers};
