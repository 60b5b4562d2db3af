//! Waiting for the end of a connection, without reading.
//!
//! The kernel reports that the peer will send no more (epoll_ctl(2), `EPOLLRDHUP`, `EPOLLHUP`) apart from data, and
//! whether or not there is data left. Once reported, it stays known.
//!
//! Not in tokio: there `ready` returns as long as there is anything to read.

use std::io;

use ayi_runtime::io::Interest;

use crate::{TcpStream, UnixStream};

macro_rules! peers {
    ($($type:ty: $made:expr;)*) => {$(
        impl $type {
            /// Waits until the peer has hung up: it has closed the connection, reset it, or ended its direction of
            /// writing. Data that arrives does not end the wait. Nothing is read: what has arrived before can still be
            /// read afterwards.
            ///
            /// This is for a task that has nothing to read at the moment, for example while it computes an answer that
            /// nobody needs once the client has gone. A peer that only ended its direction of writing may still read the
            /// answer, as some clients do; the kernel does not tell this from a peer that has closed. It says nothing
            /// either of a peer whose machine or network has failed: set
            #[doc = "[`keepalive`](crate::TcpSocket::set_keepalive), or a time limit."]
            ///
            /// It also returns once this end has shut down its own direction of reading.
            ///
            /// # Errors
            ///
            #[doc = concat!("Fails like [`ready`](", stringify!($type), "::ready).")]
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost if the future is dropped.
            ///
            /// # Examples
            ///
            /// An answer that is worked out only as long as the client is there:
            ///
            /// ```
            /// # let rt = ayi::runtime::Runtime::new().unwrap();
            /// # rt.block_on(async {
            #[doc = $made]
            /// # drop(peer);
            /// # async fn answer() -> Vec<u8> { std::future::pending().await }
            /// ayi::select! {
            ///     answer = answer() => { stream.write(&answer).await?; }
            ///     gone = stream.hung_up() => { gone?; println!("nobody waits for the answer"); }
            /// }
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn hung_up(&self) -> io::Result<()> {
                while !self.socket.ready(Interest::PEER_CLOSED).await?.is_read_closed() {}
                Ok(())
            }
        }
    )*};
}

peers! {
    TcpStream:
        "# use ayi::net::{TcpListener, TcpStream};\n\
         # let listener = TcpListener::bind(\"127.0.0.1:0\").await?;\n\
         # let stream = TcpStream::connect(listener.local_addr()?).await?;\n\
         # let (peer, _) = listener.accept().await?;";
    UnixStream: "# let (stream, peer) = ayi::net::UnixStream::pair()?;";
}
