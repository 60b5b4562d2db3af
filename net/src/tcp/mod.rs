//! TCP listeners and streams, and the halves of a stream.

mod listener;
mod options;
mod socket;
mod stream;

pub use listener::TcpListener;
pub use socket::TcpSocket;
pub use stream::TcpStream;

use crate::halves;

/// The half of a [`TcpStream`] that reads, made by [`TcpStream::split`].
pub type ReadHalf<'a> = halves::ReadHalf<'a, TcpStream>;
/// The half of a [`TcpStream`] that writes, made by [`TcpStream::split`].
pub type WriteHalf<'a> = halves::WriteHalf<'a, TcpStream>;
/// The half of a [`TcpStream`] that reads, made by [`TcpStream::into_split`].
pub type OwnedReadHalf = halves::OwnedReadHalf<TcpStream>;
/// The half of a [`TcpStream`] that writes, made by [`TcpStream::into_split`].
pub type OwnedWriteHalf = halves::OwnedWriteHalf<TcpStream>;
/// The error of two halves that come from different streams, see
/// [`OwnedReadHalf::reunite`](halves::OwnedReadHalf::reunite).
pub type ReuniteError = halves::ReuniteError<TcpStream>;

#[cfg(test)]
mod tests {
    use super::*;

    fn send_and_sync<T: Send + Sync>() {}
    fn send<T: Send>(_: T) {}

    /// Never called: the test is that it compiles.
    #[allow(dead_code)]
    fn futures_are_send(listener: TcpListener, stream: TcpStream) {
        send(TcpListener::bind("localhost:80"));
        send(TcpStream::connect("localhost:80"));
        send(crate::lookup_host("localhost:80"));
        send(listener.accept());
        send(stream.read(&mut []));
        send(stream.read_vectored(&mut []));
        send(stream.write(&[]));
        send(stream.write_vectored(&[]));
        send(stream.peek(&mut []));
        send(stream.readable());
        send(stream.writable());
    }

    #[test]
    fn sockets_and_halves_can_go_to_other_threads() {
        send_and_sync::<TcpListener>();
        send_and_sync::<TcpStream>();
        send_and_sync::<ReadHalf<'_>>();
        send_and_sync::<WriteHalf<'_>>();
        send_and_sync::<OwnedReadHalf>();
        send_and_sync::<OwnedWriteHalf>();
        send_and_sync::<ReuniteError>();
    }
}
