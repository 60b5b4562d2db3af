//! A listening socket that survives a full table of descriptors.
//!
//! When a process has no descriptor left, `accept` fails with `EMFILE`, and the client stays in the kernel's queue: a
//! server that asks again at once spins. So one descriptor is kept in reserve. It is given up for as long as it takes
//! to accept that client and close the connection, so that the client knows. ayi lets the clients wait instead, and
//! tries again after 50 ms.

use crate::sys;
use socket2::{Domain, Protocol, Socket, Type};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::Duration;

/// How many connections the kernel keeps for us until we accept them.
const BACKLOG: i32 = 4096;

pub struct Listener {
    socket: Socket,
}

/// The reserve. A thread that accepts shares the lock with others; one that uses the reserve has it alone. Otherwise
/// another thread would take the reserve's place.
static SPARE: RwLock<Option<File>> = RwLock::new(None);

impl Listener {
    /// Makes a listener. With `shared_port`, other listeners may have the same address (`SO_REUSEPORT`), and the kernel
    /// distributes new connections among them.
    pub fn bind(address: SocketAddr, shared_port: bool) -> io::Result<Listener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shared_port)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let mut spare = SPARE.write().unwrap_or_else(PoisonError::into_inner);
        if spare.is_none() {
            *spare = Some(File::open("/dev/null")?);
        }
        Ok(Listener { socket })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        Ok(self.socket.local_addr()?.as_socket().expect("a TCP socket has an Internet address"))
    }

    /// Accepts the next connection. `None` means that there was one, but it is gone, or had to be turned away.
    /// `WouldBlock` means that there is none, and that the listener does not block. Any other error means that the
    /// listener was shut down.
    pub fn accept(&self) -> io::Result<Option<OwnedFd>> {
        let accepted = {
            let _together = SPARE.read().unwrap_or_else(PoisonError::into_inner);
            sys::accept(&self.socket)
        };
        match accepted.as_ref().map_err(io::Error::raw_os_error) {
            Err(Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) => self.turn_away(),
            // An error of one connection, accept(2).
            Err(Some(
                libc::ECONNABORTED | libc::EPROTO | libc::ENETDOWN | libc::EHOSTUNREACH | libc::EPERM,
            )) => Ok(None),
            _ => accepted.map(Some),
        }
    }

    /// Accepts in the place of the reserve. Linux looks for a descriptor before it looks for a client, so there may be
    /// no client.
    fn turn_away(&self) -> io::Result<Option<OwnedFd>> {
        let mut spare = SPARE.write().unwrap_or_else(PoisonError::into_inner);
        if spare.take().is_none() {
            // Something else has taken its place. The pause keeps this from spinning.
            thread::sleep(Duration::from_millis(10));
            *spare = File::open("/dev/null").ok();
            return Ok(None);
        }
        let mut accepted = sys::accept(&self.socket).map(Some);
        *spare = File::open("/dev/null").ok();
        if spare.is_none() {
            // There is no room, as expected.
            accepted = accepted.map(|_| None);
            *spare = File::open("/dev/null").ok();
        }
        accepted
    }

    /// Returns the same socket in the form of the standard library.
    pub fn to_std(&self) -> io::Result<TcpListener> {
        Ok(self.socket.try_clone()?.into())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
