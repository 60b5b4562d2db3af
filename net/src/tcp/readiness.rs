//! The other way to use a stream: wait until it is ready, then try.
//!
//! It serves where a buffer should not be held while nothing happens, and where the system call is
//! not one of ours (`sendfile`, `splice`).
//!
//! Readiness may be false ("ready" and then `WouldBlock`), but is not missed: only a call through the
//! stream that found nothing left clears it.
//!
//! In tokio: `net/tcp/stream.rs` and, for the rules, `io/async_fd.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::tcp::TcpStream;

impl TcpStream {
    /// Waits until the stream is ready for `interest`, and tells in what way.
    ///
    /// ```no_run
    /// use ayi_runtime::io::Interest;
    /// # async fn run(stream: ayi_net::TcpStream) -> std::io::Result<()> {
    /// let ready = stream.ready(Interest::READABLE).await?;
    /// if ready.is_read_closed() {
    ///     println!("the peer will send no more");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// That there is no ayi runtime on this thread, or that the stream belongs to another.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this future is dropped: readiness stays.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.socket.ready(interest).await
    }

    /// Waits until there may be something to read, or the end of the stream.
    ///
    /// ```no_run
    /// use std::io::ErrorKind;
    /// # async fn run(stream: ayi_net::TcpStream) -> std::io::Result<()> {
    /// let mut buffer = [0; 4096];
    /// let n = loop {
    ///     stream.readable().await?;
    ///     match stream.try_read(&mut buffer) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ready`](TcpStream::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](TcpStream::ready).
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until there may be room to write.
    ///
    /// # Errors
    ///
    /// As [`ready`](TcpStream::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](TcpStream::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.writable().await?;
    /// assert_eq!(stream.try_write(b"tea")?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// As [`readable`](TcpStream::readable), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`ready`](TcpStream::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// poll_fn(|cx| stream.poll_read_ready(cx)).await?;
    /// assert_eq!(stream.try_read(&mut [0; 8])?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = self.socket.poll_ready(Interest::READABLE, cx);
        ready.map_ok(drop)
    }

    /// As [`writable`](TcpStream::writable), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`ready`](TcpStream::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// poll_fn(|cx| stream.poll_write_ready(cx)).await?;
    /// assert_eq!(stream.try_write(b"tea")?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = self.socket.poll_ready(Interest::WRITABLE, cx);
        ready.map_ok(drop)
    }

    /// Reads what has arrived, without waiting. Returns the number of bytes, 0 at the end of the
    /// stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived, and what recv(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::ErrorKind;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let nothing = stream.try_read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buf)
    }

    /// As [`try_read`](TcpStream::try_read) into several buffers.
    ///
    /// # Errors
    ///
    /// As [`try_read`](TcpStream::try_read).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::IoSliceMut;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"teapot").await?;
    /// stream.readable().await?;
    /// let (mut head, mut body) = ([0; 3], [0; 1024]);
    /// let n = stream.try_read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)])?;
    /// assert_eq!((n, &head, &body[..3]), (6, b"tea", &b"pot"[..]));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.try_read_vectored(bufs)
    }

    /// Writes as much of `buf` as there is room for, without waiting. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room, and what send(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.writable().await?;
    /// assert_eq!(stream.try_write(b"tea")?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_write(buf)
    }

    /// As [`try_write`](TcpStream::try_write) from several buffers.
    ///
    /// # Errors
    ///
    /// As [`try_write`](TcpStream::try_write).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::IoSlice;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert_eq!(stream.try_write_vectored(&[IoSlice::new(b"tea"), IoSlice::new(b"pot")])?, 6);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_write_vectored(bufs)
    }

    /// Calls `op` once, which is to do its own I/O on this socket and to return `WouldBlock` only
    /// if the socket did.
    ///
    /// # Errors
    ///
    /// What `op` returns.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::io::Interest;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// stream.readable().await?;
    /// let n = stream.try_io(Interest::READABLE, || another_way_to_read(&stream))?;
    /// # assert_eq!(n, 3);
    /// # fn another_way_to_read(stream: &TcpStream) -> std::io::Result<usize> {
    /// #     stream.try_read(&mut [0; 8])
    /// # }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_io<R>(&self, interest: Interest, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_io(interest, |_| op())
    }

    /// Calls `op`, which is to do its own I/O on this socket, until it returns something other
    /// than `WouldBlock`, and waits for `interest` in between.
    ///
    /// # Errors
    ///
    /// What `op` returns; as [`ready`](TcpStream::ready).
    ///
    /// # Cancel safety
    ///
    /// It returns as soon as `op` has done something, so nothing is lost if this future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::io::Interest;
    /// # use ayi_net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// let n = stream.async_io(Interest::READABLE, || another_way_to_read(&stream)).await?;
    /// # assert_eq!(n, 3);
    /// # fn another_way_to_read(stream: &TcpStream) -> std::io::Result<usize> {
    /// #     stream.try_read(&mut [0; 8])
    /// # }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.async_io(interest, |_| op()).await
    }
}
