//! What the streams have in common, for their halves.

use std::io;
use std::net::Shutdown;

use crate::socket::{ByteStream, Socket};

/// A connection whose two directions can be used, and ended, separately. It is not for others to implement.
pub trait Stream {
    type Std: ByteStream;
    type Addr;

    fn socket(&self) -> &Socket<Self::Std>;
    fn shutdown_now(&self, how: Shutdown) -> io::Result<()>;
    fn local_addr(&self) -> io::Result<Self::Addr>;
    fn peer_addr(&self) -> io::Result<Self::Addr>;

    /// Shuts down the direction of writing. A connection that is gone counts as closed.
    fn close(&self) -> io::Result<()> {
        match self.shutdown_now(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}
