//! The two directions of a stream: borrowed from it, or owning it together.
//!
//! [`tcp`](crate::tcp) and [`unix`](crate::unix) have names for those of their streams.

/// `as_its_stream! { reads }` or `{ writes }` or `{ peeks, $split }`, in an `impl`: the methods of a half that do what
/// its stream does, by `self.stream()`. `$split` is the line of an example that makes the half, `reading`.
macro_rules! as_its_stream {
    (reads) => {
        as_its_stream! { both }

        /// Waits like the stream's `readable`, and fails like it.
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as the stream's.
        pub async fn readable(&self) -> io::Result<()> {
            self.ready(Interest::READABLE).await.map(drop)
        }

        /// Reads like the stream's `try_read`, and fails like it.
        #[inline]
        pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.stream().socket().try_read(buf)
        }

        /// Reads like the stream's `try_read_vectored`, and fails like it.
        #[inline]
        pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
            self.stream().socket().try_read_vectored(bufs)
        }

        /// Reads like the stream's `try_read_buf`, and fails like it.
        #[cfg(feature = "bytes")]
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let read = |room: &mut crate::sys::Room| Ok((self.stream().socket().try_read_uninit(room)?, ()));
            crate::read::fill(buf, read).map(|(read, ())| read)
        }
    };

    (writes) => {
        as_its_stream! { both }

        /// Waits like the stream's `writable`, and fails like it.
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as the stream's.
        pub async fn writable(&self) -> io::Result<()> {
            self.ready(Interest::WRITABLE).await.map(drop)
        }

        /// Writes like the stream's `try_write`, and fails like it.
        #[inline]
        pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
            self.stream().socket().try_write(buf)
        }

        /// Writes like the stream's `try_write_vectored`, and fails like it.
        #[inline]
        pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.stream().socket().try_write_vectored(bufs)
        }
    };

    (both) => {
        /// Waits like the stream's `ready`, and fails like it.
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as the stream's.
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            self.stream().socket().ready(interest).await
        }

        /// Returns the stream's `local_addr`, and fails like it.
        pub fn local_addr(&self) -> io::Result<S::Addr> {
            self.stream().local_addr()
        }

        /// Returns the stream's `peer_addr`, and fails like it.
        pub fn peer_addr(&self) -> io::Result<S::Addr> {
            self.stream().peer_addr()
        }
    };

    (peeks, $split:literal) => {
        /// Peeks like [`TcpStream::peek`], and fails like it.
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as [`TcpStream::peek`].
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
        #[doc = $split]
        /// assert_eq!(reading.peek(&mut [0; 8]).await?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.stream().peek(buf).await
        }

        /// Polls like [`TcpStream::poll_peek`], and fails like it.
        ///
        /// # Examples
        ///
        /// ```
        /// # let rt = ayi::runtime::Runtime::new().unwrap();
        /// # rt.block_on(async {
        /// use std::future::poll_fn;
        /// # use ayi::net::{TcpListener, TcpStream};
        /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
        /// # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
        /// # let (peer, _) = listener.accept().await?;
        /// # peer.write(b"tea").await?;
        #[doc = $split]
        /// let mut memory = [0; 8];
        /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
        /// assert_eq!(poll_fn(|cx| reading.poll_peek(cx, &mut buf)).await?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
            self.stream().poll_peek(cx, buf)
        }
    };
}

mod borrowed;
mod owned;

pub(crate) use borrowed::split;
pub use borrowed::{ReadHalf, WriteHalf};
pub(crate) use owned::into_split;
pub use owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
