//! The two directions of a stream, apart: borrowed from it, or owning it together.
//!
//! [`tcp`](crate::tcp) and [`unix`](crate::unix) have names for those of their streams.

/// `as_its_stream! { reads }` or `{ writes }` or `{ peeks, $split }`, in an `impl`: what a half does as its stream does, by
/// `self.stream()`. `$split` is the line of an example that makes the half, `reading`.
macro_rules! as_its_stream {
    (reads) => {
        as_its_stream! { both }

        /// See the stream's `readable`, also for errors.
        ///
        /// # Cancel safety
        ///
        /// Like the stream's.
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
    };

    (writes) => {
        as_its_stream! { both }

        /// See the stream's `writable`, also for errors.
        ///
        /// # Cancel safety
        ///
        /// Like the stream's.
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
    };

    (both) => {
        /// See the stream's `ready`, also for errors.
        ///
        /// # Cancel safety
        ///
        /// Like the stream's.
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            self.stream().socket().ready(interest).await
        }

        /// See the stream's `local_addr`, also for errors.
        pub fn local_addr(&self) -> io::Result<S::Addr> {
            self.stream().local_addr()
        }

        /// See the stream's `peer_addr`, also for errors.
        pub fn peer_addr(&self) -> io::Result<S::Addr> {
            self.stream().peer_addr()
        }
    };

    (peeks, $split:literal) => {
        /// See [`TcpStream::peek`], also for errors.
        ///
        /// # Cancel safety
        ///
        /// Like [`TcpStream::peek`].
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

        /// See [`TcpStream::poll_peek`], also for errors.
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
        /// let mut buf = [0; 8];
        /// assert_eq!(poll_fn(|cx| reading.poll_peek(cx, &mut buf)).await?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
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
