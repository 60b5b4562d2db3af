//! The traits of other crates, for every stream of ayi: one table, from which each stream takes a row.
//!
//! ```text
//!                            other_families! { [] TcpStream: read write; }
//!                                │
//!   TcpStream: ayi's AsyncRead   ├─▶ futures_io::AsyncRead   (feature `futures-io`)
//!              ayi's AsyncWrite  ├─▶ hyper::rt::Read, Write  (feature `hyper`)
//!                                └─▶ tokio::io::AsyncRead, … (feature `tokio`)
//! ```
//!
//! A row lists what the type has of ayi's traits: `read`, `write`, `fill` (AsyncBufRead) and `seek`. Each macro below is
//! one column. It is empty while its feature is off, whatever the crate in which the row stands: that crate needs
//! neither the feature nor the dependency.
//!
//! A read goes straight into the other family's buffer, which may be uninitialised: see `lent`, where the unsafe code
//! is.
//!
//! In tokio: –. There `hyper_util::rt::TokioIo` and `tokio_util::compat` wrap streams.

#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
mod lent;
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
mod table;

#[cfg(feature = "futures-io")]
pub use futures_io;
#[cfg(feature = "hyper")]
pub use hyper;
#[cfg(feature = "futures-io")]
pub use lent::futures_read;
#[cfg(feature = "hyper")]
pub use lent::hyper_read;
#[cfg(feature = "tokio")]
pub use lent::tokio_read;
#[cfg(feature = "tokio")]
pub use tokio;

/// Implements the traits of other families for types that have ayi's. Each line has the generics of the impls, the
/// type, and which traits it has.
#[doc(hidden)]
#[macro_export]
macro_rules! other_families {
    ($($generics:tt $type:ty: $($has:ident)+;)*) => {$($(
        $crate::__futures! { $has $generics $type }
        $crate::__hyper! { $has $generics $type }
        $crate::__tokio! { $has $generics $type }
    )+)*};
}

/// The four methods of writing, by ayi's. `$shutdown` is what the family calls ending a stream.
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __writes {
    ($shutdown:ident) => {
        #[inline]
        fn poll_write(
            self: ::core::pin::Pin<&mut Self>,
            cx: &mut ::core::task::Context<'_>,
            buf: &[u8],
        ) -> ::core::task::Poll<::std::io::Result<usize>> {
            <Self as $crate::AsyncWrite>::poll_write(self, cx, buf)
        }

        #[inline]
        fn poll_write_vectored(
            self: ::core::pin::Pin<&mut Self>,
            cx: &mut ::core::task::Context<'_>,
            bufs: &[::std::io::IoSlice<'_>],
        ) -> ::core::task::Poll<::std::io::Result<usize>> {
            <Self as $crate::AsyncWrite>::poll_write_vectored(self, cx, bufs)
        }

        #[inline]
        fn poll_flush(
            self: ::core::pin::Pin<&mut Self>,
            cx: &mut ::core::task::Context<'_>,
        ) -> ::core::task::Poll<::std::io::Result<()>> {
            <Self as $crate::AsyncWrite>::poll_flush(self, cx)
        }

        #[inline]
        fn $shutdown(
            self: ::core::pin::Pin<&mut Self>,
            cx: &mut ::core::task::Context<'_>,
        ) -> ::core::task::Poll<::std::io::Result<()>> {
            <Self as $crate::AsyncWrite>::poll_shutdown(self, cx)
        }
    };
}

/// The two methods of a reader with a buffer.
#[cfg(any(feature = "futures-io", feature = "tokio"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __fills {
    () => {
        #[inline]
        fn poll_fill_buf(
            self: ::core::pin::Pin<&mut Self>,
            cx: &mut ::core::task::Context<'_>,
        ) -> ::core::task::Poll<::std::io::Result<&[u8]>> {
            <Self as $crate::AsyncBufRead>::poll_fill_buf(self, cx)
        }

        #[inline]
        fn consume(self: ::core::pin::Pin<&mut Self>, amount: usize) {
            <Self as $crate::AsyncBufRead>::consume(self, amount)
        }
    };
}

/// A seek of `futures-io` is one step. Whether ayi's first step has been made would have to be remembered, so a type
/// that can seek in one step says how, by [`futures_seek!`](crate::futures_seek).
#[cfg(feature = "futures-io")]
#[doc(hidden)]
#[macro_export]
macro_rules! __futures {
    (read [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::futures_io::AsyncRead for $type
        where
            Self: $crate::AsyncRead,
        {
            #[inline]
            fn poll_read(
                self: ::core::pin::Pin<&mut Self>,
                cx: &mut ::core::task::Context<'_>,
                buf: &mut [u8],
            ) -> ::core::task::Poll<::std::io::Result<usize>> {
                $crate::families::futures_read(self, cx, buf)
            }
        }
    };
    (write [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::futures_io::AsyncWrite for $type
        where
            Self: $crate::AsyncWrite,
        {
            $crate::__writes! { poll_close }
        }
    };
    (fill [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::futures_io::AsyncBufRead for $type
        where
            Self: $crate::AsyncBufRead,
        {
            $crate::__fills! {}
        }
    };
    (seek $($_:tt)*) => {};
}

#[cfg(not(feature = "futures-io"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __futures {
    ($($_:tt)*) => {};
}

/// `futures_seek! { File: |file, cx, to| … }`: a seek of `futures-io`, polled by one expression.
#[cfg(feature = "futures-io")]
#[doc(hidden)]
#[macro_export]
macro_rules! futures_seek {
    ($type:ty: |$it:ident, $cx:ident, $to:ident| $polled:expr) => {
        impl $crate::families::futures_io::AsyncSeek for $type {
            fn poll_seek(
                self: ::core::pin::Pin<&mut Self>,
                $cx: &mut ::core::task::Context<'_>,
                $to: ::std::io::SeekFrom,
            ) -> ::core::task::Poll<::std::io::Result<u64>> {
                let $it = self.get_mut();
                $polled
            }
        }
    };
}

#[cfg(not(feature = "futures-io"))]
#[doc(hidden)]
#[macro_export]
macro_rules! futures_seek {
    ($($_:tt)*) => {};
}

/// hyper has no traits for a buffer or a position.
#[cfg(feature = "hyper")]
#[doc(hidden)]
#[macro_export]
macro_rules! __hyper {
    (read [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::hyper::rt::Read for $type
        where
            Self: $crate::AsyncRead,
        {
            #[inline]
            fn poll_read(
                self: ::core::pin::Pin<&mut Self>,
                cx: &mut ::core::task::Context<'_>,
                buf: $crate::families::hyper::rt::ReadBufCursor<'_>,
            ) -> ::core::task::Poll<::std::io::Result<()>> {
                $crate::families::hyper_read(self, cx, buf)
            }
        }
    };
    (write [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::hyper::rt::Write for $type
        where
            Self: $crate::AsyncWrite,
        {
            $crate::__writes! { poll_shutdown }

            #[inline]
            fn is_write_vectored(&self) -> bool {
                <Self as $crate::AsyncWrite>::is_write_vectored(self)
            }
        }
    };
    ($($_:tt)*) => {};
}

#[cfg(not(feature = "hyper"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __hyper {
    ($($_:tt)*) => {};
}

#[cfg(feature = "tokio")]
#[doc(hidden)]
#[macro_export]
macro_rules! __tokio {
    (read [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::tokio::io::AsyncRead for $type
        where
            Self: $crate::AsyncRead,
        {
            #[inline]
            fn poll_read(
                self: ::core::pin::Pin<&mut Self>,
                cx: &mut ::core::task::Context<'_>,
                buf: &mut $crate::families::tokio::io::ReadBuf<'_>,
            ) -> ::core::task::Poll<::std::io::Result<()>> {
                $crate::families::tokio_read(self, cx, buf)
            }
        }
    };
    (write [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::tokio::io::AsyncWrite for $type
        where
            Self: $crate::AsyncWrite,
        {
            $crate::__writes! { poll_shutdown }

            #[inline]
            fn is_write_vectored(&self) -> bool {
                <Self as $crate::AsyncWrite>::is_write_vectored(self)
            }
        }
    };
    (fill [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::tokio::io::AsyncBufRead for $type
        where
            Self: $crate::AsyncBufRead,
        {
            $crate::__fills! {}
        }
    };
    (seek [$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::families::tokio::io::AsyncSeek for $type
        where
            Self: $crate::AsyncSeek,
        {
            #[inline]
            fn start_seek(
                self: ::core::pin::Pin<&mut Self>,
                position: ::std::io::SeekFrom,
            ) -> ::std::io::Result<()> {
                <Self as $crate::AsyncSeek>::start_seek(self, position)
            }

            #[inline]
            fn poll_complete(
                self: ::core::pin::Pin<&mut Self>,
                cx: &mut ::core::task::Context<'_>,
            ) -> ::core::task::Poll<::std::io::Result<u64>> {
                <Self as $crate::AsyncSeek>::poll_complete(self, cx)
            }
        }
    };
}

#[cfg(not(feature = "tokio"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __tokio {
    ($($_:tt)*) => {};
}
