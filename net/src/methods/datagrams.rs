//! Waiting for datagrams, sending and receiving them.

macro_rules! datagram_methods {
    // Waiting for datagrams.
    (ready, $it:tt, $begin:expr) => {
        /// Waits until there may be a datagram to receive.
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
        /// # peer.send(b"tea").await?;
        /// use std::io::ErrorKind;
        /// let mut buf = [0; 1500];
        /// let n = loop {
        ///     socket.readable().await?;
        ///     match socket.try_recv(&mut buf) {
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

        /// Waits until there may be room for a datagram to send.
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
        /// socket.writable().await?;
        /// socket.try_send(b"tea")?;
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn writable(&self) -> io::Result<()> {
            self.ready(Interest::WRITABLE).await.map(drop)
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
        /// # peer.send(b"tea").await?;
        /// use std::future::poll_fn;
        /// poll_fn(|cx| socket.poll_recv_ready(cx)).await?;
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.socket.poll_ready(Interest::READABLE, cx).map_ok(drop)
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
        /// poll_fn(|cx| socket.poll_send_ready(cx)).await?;
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.socket.poll_ready(Interest::WRITABLE, cx).map_ok(drop)
        }
    };

    // Sending and receiving datagrams. The type has `receiving` and `receiving_from` of its own: a future keeps of them
    // what the type needs, which may be nothing.
    (transfers, $it:tt, $begin:expr) => {
        /// Sends a datagram to the connected peer, and waits while there is no room for it. Returns the number of bytes.
        ///
        /// # Errors
        ///
        /// Returns `NotConnected`, or for UDP `EDESTADDRREQ`, if it is not connected; `ConnectionRefused` if an earlier
        /// datagram was refused; and what send(2) reports. It also fails if it has to wait and there is no ayi runtime
        /// on this thread.
        ///
        /// # Cancel safety
        ///
        /// Nothing was sent if the future is dropped: it returns as soon as it has sent.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// socket.send(b"tea").await?;
        /// assert_eq!(peer.recv(&mut [0; 8]).await?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
            self.socket.async_io(Interest::WRITABLE, |socket| sys::send(socket.as_fd(), buf)).await
        }

        /// Polls to send, like [`send`](Self::send).
        ///
        /// # Errors
        ///
        /// Fails like [`send`](Self::send).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use std::future::poll_fn;
        /// assert_eq!(poll_fn(|cx| socket.poll_send(cx, b"tea")).await?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.socket.poll_io(Interest::WRITABLE, cx, |socket| sys::send(socket.as_fd(), buf))
        }

        /// Sends like [`send`](Self::send), without waiting.
        ///
        /// # Errors
        ///
        /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`send`](Self::send).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// socket.writable().await?;
        /// assert_eq!(socket.try_send(b"tea")?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
            self.socket.try_io(Interest::WRITABLE, |socket| sys::send(socket.as_fd(), buf))
        }

        /// Waits for a datagram, and returns the number of its bytes. The part that does not fit into `buf` is lost.
        ///
        /// # Errors
        ///
        /// Returns what recv(2) reports: for UDP, `ConnectionRefused` if the connected peer refused an earlier
        /// datagram. It also fails if it has to wait and there is no ayi runtime on this thread.
        ///
        /// # Cancel safety
        ///
        /// Nothing is lost if the future is dropped: it returns as soon as it has a datagram.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// let mut buf = [0; 1500]; // what is longer than the buffer is cut off
        /// let n = socket.recv(&mut buf).await?;
        /// assert_eq!(&buf[..n], b"tea");
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
            let receive = self.receiving();
            self.socket.async_io(Interest::READABLE, move |socket| receive(socket, sys::room(buf))).await
        }

        /// Polls to receive, like [`recv`](Self::recv).
        ///
        /// # Errors
        ///
        /// Fails like [`recv`](Self::recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// use std::future::poll_fn;
        /// let mut memory = [0; 1500];
        /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
        /// poll_fn(|cx| socket.poll_recv(cx, &mut buf)).await?;
        /// assert_eq!(buf.filled(), b"tea");
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            poll_fill(buf, |room| {
                let receive = |socket: &Std| Ok((self.receiving()(socket, room)?, ()));
                self.socket.poll_io(Interest::READABLE, cx, receive)
            })
        }

        /// Receives like [`recv`](Self::recv), without waiting.
        ///
        /// # Errors
        ///
        /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`recv`](Self::recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use std::io::ErrorKind;
        /// assert_eq!(socket.try_recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.socket.try_io(Interest::READABLE, |socket| self.receiving()(socket, sys::room(buf)))
        }

        /// Receives like [`recv`](Self::recv), and returns the address of the sender too. A Unix socket that sends may
        /// have no address.
        ///
        /// # Errors
        ///
        /// Fails like [`recv`](Self::recv).
        ///
        /// # Cancel safety
        ///
        /// Nothing is lost if the future is dropped: it returns as soon as it has a datagram.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// let mut buf = [0; 1500];
        /// let (n, sender) = socket.recv_from(&mut buf).await?;
        /// println!("{n} bytes from {sender:?}");
        /// # assert_eq!(format!("{sender:?}"), format!("{:?}", peer.local_addr()?));
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            let receive = self.receiving_from();
            self.socket.async_io(Interest::READABLE, move |socket| receive(socket, sys::room(buf))).await
        }

        /// Polls to receive, like [`recv_from`](Self::recv_from).
        ///
        /// # Errors
        ///
        /// Fails like [`recv_from`](Self::recv_from).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// use std::future::poll_fn;
        /// let mut memory = [0; 1500];
        /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
        /// let sender = poll_fn(|cx| socket.poll_recv_from(cx, &mut buf)).await?;
        /// println!("{:?} from {sender:?}", buf.filled());
        /// # assert_eq!(buf.filled(), b"tea");
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn poll_recv_from(
            &self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<SocketAddr>> {
            poll_fill(buf, |room| {
                let receive = |socket: &Std| self.receiving_from()(socket, room);
                self.socket.poll_io(Interest::READABLE, cx, receive)
            })
        }

        /// Receives like [`recv_from`](Self::recv_from), without waiting.
        ///
        /// # Errors
        ///
        /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`recv_from`](Self::recv_from).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// socket.readable().await?;
        /// let (n, sender) = socket.try_recv_from(&mut [0; 1500])?;
        /// # assert_eq!(n, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        #[inline]
        pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            self.socket.try_io(Interest::READABLE, |socket| self.receiving_from()(socket, sys::room(buf)))
        }
    };

    // The same with the buffers of the crate `bytes`.
    (into_buffers, $it:tt, $begin:expr) => {
        /// Receives like [`recv`](Self::recv), into the free part of `buf`, which may be uninitialised. Needs the
        /// feature `bytes`.
        ///
        /// # Errors
        ///
        /// Fails like [`recv`](Self::recv).
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as [`recv`](Self::recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// let mut buf = Vec::with_capacity(1500);
        /// assert_eq!(socket.recv_buf(&mut buf).await?, 3);
        /// assert_eq!(buf, b"tea");
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let receive = |socket: &Std| fill(buf, |room| Ok((self.receiving()(socket, room)?, ())));
            self.socket.async_io(Interest::READABLE, receive).await.map(|(received, ())| received)
        }

        /// Receives like [`recv_buf`](Self::recv_buf), without waiting.
        ///
        /// # Errors
        ///
        /// Fails like [`try_recv`](Self::try_recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// socket.readable().await?;
        /// let mut buf = Vec::with_capacity(1500);
        /// assert_eq!(socket.try_recv_buf(&mut buf)?, 3);
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub fn try_recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let receive = |socket: &Std| fill(buf, |room| Ok((self.receiving()(socket, room)?, ())));
            self.socket.try_io(Interest::READABLE, receive).map(|(received, ())| received)
        }

        /// Receives like [`recv_buf`](Self::recv_buf), and returns the address of the sender too.
        ///
        /// # Errors
        ///
        /// Fails like [`recv`](Self::recv).
        ///
        /// # Cancel safety
        ///
        /// As cancel safe as [`recv`](Self::recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// let mut buf = Vec::with_capacity(1500);
        /// let (n, sender) = socket.recv_buf_from(&mut buf).await?;
        /// # assert_eq!(format!("{n} {sender:?}"), format!("3 {:?}", peer.local_addr()?));
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn recv_buf_from<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
            let receive = |socket: &Std| fill(buf, |room| self.receiving_from()(socket, room));
            self.socket.async_io(Interest::READABLE, receive).await
        }

        /// Receives like [`recv_buf_from`](Self::recv_buf_from), without waiting.
        ///
        /// # Errors
        ///
        /// Fails like [`try_recv`](Self::try_recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # peer.send(b"tea").await?;
        /// socket.readable().await?;
        /// let mut buf = Vec::with_capacity(1500);
        /// let (n, sender) = socket.try_recv_buf_from(&mut buf)?;
        /// # assert_eq!(format!("{n} {sender:?}"), format!("3 {:?}", peer.local_addr()?));
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub fn try_recv_buf_from<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
            let receive = |socket: &Std| fill(buf, |room| self.receiving_from()(socket, room));
            self.socket.try_io(Interest::READABLE, receive)
        }
    };
}
