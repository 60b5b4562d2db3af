//! Numbers of a fixed size, in both orders of their bytes.
//!
//! In tokio: `io/util/write_int.rs`.

use super::write_all::poll_rest;
use crate::AsyncWrite;
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of the methods that write a number, like
    /// [`AsyncWriteExt::write_u16`](crate::AsyncWriteExt::write_u16).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct WriteNumber<'a, W: ?Sized, B> {
        writer: &'a mut W,
        bytes: B,
        written: usize,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W: ?Sized, B> WriteNumber<'a, W, B> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, bytes: B) -> WriteNumber<'a, W, B> {
        WriteNumber { writer, bytes, written: 0, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, const N: usize> Future for WriteNumber<'_, W, [u8; N]> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let mut rest = &this.bytes[*this.written..];
        let result = poll_rest(Pin::new(&mut **this.writer), cx, &mut rest, this.was_put_off);
        *this.written = N - rest.len();
        result
    }
}

/// Writes the methods of a table: the name, the type, its function that makes bytes, and their number.
macro_rules! write_numbers {
    ($($name:ident $number:ident $encode:ident $bytes:literal;)*) => { $(
        #[doc = concat!("Writes ", $crate::write_ext::numbers::describe!($number $encode), ".")]
        ///
        /// # Errors
        ///
        /// Returns `WriteZero` if the writer takes no more, and the errors of the writer.
        ///
        /// # Cancel safety
        ///
        #[doc = $crate::write_ext::numbers::cancel!($number)]
        ///
        /// # Examples
        ///
        /// ```
        /// # #[ayi::main]
        /// # async fn main() -> std::io::Result<()> {
        /// use ayi::io::AsyncWriteExt;
        /// let mut bytes = Vec::new();
        #[doc = concat!("bytes.", stringify!($name), "(", stringify!($number), "::MAX).await?;")]
        #[doc = concat!("assert_eq!(bytes, ", stringify!($number), "::MAX.", stringify!($encode), "());")]
        /// # Ok(())
        /// # }
        /// ```
        #[inline]
        fn $name(&mut self, number: $number) -> WriteNumber<'_, Self, [u8; $bytes]>
        where
            Self: Unpin,
        {
            WriteNumber::new(self, number.$encode())
        }
    )* };
}

macro_rules! describe {
    (u8 $order:ident) => {
        "a byte"
    };
    (i8 $order:ident) => {
        "a number with a sign as a byte"
    };
    ($number:ident to_be_bytes) => {
        concat!("a number of type `", stringify!($number), "`, the most significant byte first")
    };
    ($number:ident to_le_bytes) => {
        concat!("a number of type `", stringify!($number), "`, the least significant byte first")
    };
}

macro_rules! cancel {
    (u8) => {
        "If the future is dropped, nothing has been written."
    };
    (i8) => {
        "If the future is dropped, nothing has been written."
    };
    ($number:ident) => {
        "Not cancel safe: if the future is dropped, a part of the number may have been written."
    };
}

pub(super) use {cancel, describe, write_numbers};
