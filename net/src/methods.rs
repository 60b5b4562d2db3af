//! Methods that several types have, written once, in groups. `methods` puts groups into an `impl`.
//!
//! Some groups are the other way to use a socket or a pipe: wait until it is ready, then try. This serves if no buffer
//! should be held while nothing happens, and if the system call is not one of ours, such as `sendfile` or `splice`.
//! Readiness may be false, that is "ready" and then `WouldBlock`, but it is never missed: only a call through the
//! socket that found nothing left clears it.
//!
//! A function that only calls generic ones is `#[inline]`, here and in the whole crate. rustc compiles such a function in
//! the crates that call it, so a program does not compile what it does not use.
//!
//! In tokio: `net/tcp/stream.rs`, `net/udp.rs` and, for the rules of readiness, `io/async_fd.rs`.

#[macro_use]
mod datagrams;
#[macro_use]
mod streams;

/// `methods! { $it, $made; $group, $group }`, in an `impl`. `$it` is what the type is called in text and examples:
/// "stream" or "socket". `$made` contains the lines of an example that make one, connected to its `peer`.
macro_rules! methods {
    ($it:tt, $made:expr; $($group:ident),+) => {
        $(methods! {
            @$group $it,
            concat!("# let rt = ayi::runtime::Runtime::new().unwrap();\n# rt.block_on(async {\n", $made)
        })+
    };

    (@ready $it:tt, $begin:expr) => {
        #[doc = concat!("Waits until the ", $it, " is ready for one of `interest`, and tells in what way.")]
        ///
        /// An attempt may find nothing nevertheless, and then this waits again. A stream that was accepted is taken for ready
        /// until an attempt on it fails.
        ///
        /// # Errors
        ///
        #[doc = concat!("Fails if the ", $it, " cannot wait: there is no ayi runtime on this thread, and none in which it was")]
        /// made.
        ///
        /// # Cancel safety
        ///
        /// Nothing is lost if the future is dropped: readiness stays.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// # drop(peer);
        /// use ayi::io::Interest;
        #[doc = concat!("let ready = ", $it, ".ready(Interest::READABLE | Interest::WRITABLE).await?;")]
        /// if ready.is_read_closed() {
        ///     println!("the peer will send no more");
        /// }
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            self.socket.ready(interest).await
        }
    };

    // System calls by the user.
    (@own_io $it:tt, $begin:expr) => {
        /// Calls `op` once if the socket is ready. `op` does its own I/O on this socket, for example by sendfile(2), and
        /// must return `WouldBlock` only if the socket did.
        ///
        /// # Errors
        ///
        /// Returns `WouldBlock` without a call if the socket is known not to be ready, and the errors of `op`.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use ayi::io::Interest;
        /// # fn another_way_to_send(_: impl std::os::fd::AsFd) -> std::io::Result<usize> { Ok(3) }
        #[doc = concat!($it, ".writable().await?;")]
        #[doc = concat!("let n = ", $it, ".try_io(Interest::WRITABLE, || another_way_to_send(&", $it, "))?;")]
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub fn try_io<R>(&self, interest: Interest, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
            self.socket.try_if_ready(interest, op)
        }

        /// Calls `op`, which does its own I/O on this socket, until it returns anything other than `WouldBlock`, and
        /// waits for `interest` in between.
        ///
        /// # Errors
        ///
        /// Returns the errors of `op`, and fails like [`ready`](Self::ready).
        ///
        /// # Cancel safety
        ///
        /// Nothing is lost if the future is dropped: it returns as soon as `op` has done something.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        /// use ayi::io::Interest;
        /// # fn another_way_to_send(_: impl std::os::fd::AsFd) -> std::io::Result<usize> { Ok(3) }
        #[doc = concat!("let n = ", $it, ".async_io(Interest::WRITABLE, || another_way_to_send(&", $it, ")).await?;")]
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
    };

    // Those of one kind of socket stand in files of their own.
    (@reads $it:tt, $begin:expr) => { stream_methods! { reads, $it, $begin } };
    (@writes $it:tt, $begin:expr) => { stream_methods! { writes, $it, $begin } };
    (@datagrams_ready $it:tt, $begin:expr) => { datagram_methods! { ready, $it, $begin } };
    (@datagrams $it:tt, $begin:expr) => { datagram_methods! { transfers, $it, $begin } };
    (@datagrams_into_buffers $it:tt, $begin:expr) => { datagram_methods! { into_buffers, $it, $begin } };

    (@take_error $it:tt, $begin:expr) => {
        /// Takes the error that the system holds for this socket, if any.
        ///
        /// # Errors
        ///
        /// Returns what getsockopt(2) reports.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $begin]
        #[doc = concat!("assert!(", $it, ".take_error()?.is_none());")]
        /// # std::io::Result::Ok(())
        /// # }).unwrap();
        /// ```
        pub fn take_error(&self) -> io::Result<Option<io::Error>> {
            self.socket.std().take_error()
        }
    };
}
