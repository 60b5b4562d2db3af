//! Reading and writing a stream of bytes: wait until it is ready, then try.

macro_rules! stream_methods {
    // Reading a stream of bytes.
    (reads, $it:tt, $begin:expr) => {
        /// Waits until there may be something to read, or the end of the stream.
        ///
        /// # Errors
        ///
        /// Fails like [`ready`](Self::ready).
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as [`ready`](Self::ready).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.write(b"tea").await?;
        /// use std::io::ErrorKind;
        /// let mut buf = [0; 1024];
        /// let n = loop {
        ///     stream.readable().await?;
        ///     match stream.try_read(&mut buf) {
        ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
        ///         result => break result?,
        ///     }
        /// };
        /// # assert_eq!(n, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn readable(&self) -> io::Result<()> {
            self.ready(Interest::READABLE).await.map(drop)
        }

        /// Polls for read readiness, like [`readable`](Self::readable).
        ///
        /// # Errors
        ///
        /// Fails like [`ready`](Self::ready).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.write(b"tea").await?;
        /// use std::future::poll_fn;
        /// poll_fn(|cx| stream.poll_read_ready(cx)).await?;
        /// assert_eq!(stream.try_read(&mut [0; 8])?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.socket.poll_ready(Interest::READABLE, cx).map_ok(drop)
        }

        /// Reads what has arrived, without waiting. Returns the number of bytes, 0 at the end of the stream.
        ///
        /// # Errors
        ///
        /// Returns `WouldBlock` if nothing has arrived, and what recv(2) or read(2) reports.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use std::io::ErrorKind;
        /// let nothing = stream.try_read(&mut [0; 8]).unwrap_err();
        /// assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.socket.try_read(buf)
        }

        /// Reads like [`try_read`](Self::try_read), into several buffers.
        ///
        /// # Errors
        ///
        /// Fails like [`try_read`](Self::try_read).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.write(b"teapot").await?;
        /// use std::io::IoSliceMut;
        /// stream.readable().await?;
        /// let (mut head, mut body) = ([0; 3], [0; 1024]);
        /// let n = stream.try_read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)])?;
        /// assert_eq!((n, &head, &body[..3]), (6, b"tea", &b"pot"[..]));
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
            self.socket.try_read_vectored(bufs)
        }

        /// Reads like [`try_read`](Self::try_read), into the free part of `buf`, which may be uninitialised. Needs the
        /// feature `bytes`.
        ///
        /// # Errors
        ///
        /// Fails like [`try_read`](Self::try_read).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.write(b"tea").await?;
        /// let mut buf = Vec::with_capacity(1024); // or a BytesMut
        /// stream.readable().await?;
        /// assert_eq!(stream.try_read_buf(&mut buf)?, 3);
        /// assert_eq!(buf, b"tea");
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[cfg(feature = "bytes")]
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            crate::read::fill(buf, |room| Ok((self.socket.try_read_uninit(room)?, ()))).map(|(read, ())| read)
        }
    };

    // Writing a stream of bytes.
    (writes, $it:tt, $begin:expr) => {
        /// Waits until there may be room to write.
        ///
        /// # Errors
        ///
        /// Fails like [`ready`](Self::ready).
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as [`ready`](Self::ready).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// stream.writable().await?;
        /// assert_eq!(stream.try_write(b"tea")?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn writable(&self) -> io::Result<()> {
            self.ready(Interest::WRITABLE).await.map(drop)
        }

        /// Polls for write readiness, like [`writable`](Self::writable).
        ///
        /// # Errors
        ///
        /// Fails like [`ready`](Self::ready).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use std::future::poll_fn;
        /// poll_fn(|cx| stream.poll_write_ready(cx)).await?;
        /// assert_eq!(stream.try_write(b"tea")?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.socket.poll_ready(Interest::WRITABLE, cx).map_ok(drop)
        }

        /// Writes as much of `buf` as there is room for, without waiting. Returns the number of bytes.
        ///
        /// # Errors
        ///
        /// Returns `WouldBlock` if there is no room, and what send(2) or write(2) reports.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// stream.writable().await?;
        /// assert_eq!(stream.try_write(b"tea")?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
            self.socket.try_write(buf)
        }

        /// Writes like [`try_write`](Self::try_write), from several buffers.
        ///
        /// # Errors
        ///
        /// Fails like [`try_write`](Self::try_write).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use std::io::IoSlice;
        /// assert_eq!(stream.try_write_vectored(&[IoSlice::new(b"tea"), IoSlice::new(b"pot")])?, 6);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.socket.try_write_vectored(bufs)
        }
    };
}
