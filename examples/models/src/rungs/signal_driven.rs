//! Rung 9: the kernel sends a signal.
//!
//! ```text
//!   process   works on · · · · · · ▒ recvfrom▓ sendto ▒ works on · · · ·        UDP: in the handler (▒)
//!   process   sigtimedwait····· (si_fd = 7) recv▓ send recv– sigtimedwait···    TCP: the signal is fetched
//!   client                  data
//!
//!   phase 1, until there is data    nobody: the process does what it likes until it is interrupted
//!   phase 2, the copy               the process, in recvfrom or recv (▓)
//! ```
//!
//! `F_SETOWN` says who gets the signal, `O_ASYNC` that there is one, and `F_SETSIG` which one: a real-time signal,
//! which is queued and says in `si_fd` what descriptor it is about. For UDP one socket serves all clients, and the
//! handler does everything. For TCP each change of each connection gives a signal, as with `EPOLLET`. There it is
//! better to block the signal and to fetch it when one has time, because a handler may call hardly any function, see
//! signal-safety(7).
//!
//! The queue of signals has an end (`RLIMIT_SIGPENDING`). When it is full, the kernel sends a plain `SIGIO`, which says
//! only that something was lost: every connection then has to be checked.
//!
//! Fixes: no call that waits.
//! Costs: one system call to learn of one event, where `epoll_wait` returns 256; an overflow; and a process has only so
//! many signals, which libraries compete for.
//!
//! In tokio: nothing. Its `signal` module is about other signals.

use super::epoll_edge::advance;
use super::nonblocking::{Conversation, Step};
use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::protocol::MESSAGE;
use crate::stop::Stop;
use crate::sys;
use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

pub const RUNG: Rung = Rung {
    number: "9",
    name: "signal_driven",
    family: Family::Kernel,
    summary: "a real-time signal says which socket is ready; UDP is served in the handler itself",
    serve,
    ..USUAL
};

/// How long a stop may go unnoticed: an eventfd sends no signals.
const BREATH: Duration = Duration::from_millis(100);

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let udp = Udp::start(listener)?;
    let result = serve_tcp(listener, stop);
    drop(udp);
    result
}

fn serve_tcp(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let signal = libc::SIGRTMIN() + 1;
    sys::block_signals(&[signal, libc::SIGIO]);
    sys::set_nonblocking(listener)?;
    sys::set_signal(listener, signal)?;
    let own_fd = listener.as_fd().as_raw_fd();
    // Indexed by descriptor, as the signals name them. A signal that was sent for an earlier connection of that number
    // costs a step for nothing.
    let mut conversations: HashMap<RawFd, Conversation> = HashMap::new();
    // What came before the signal was set up sends none.
    let mut unfinished = vec![own_fd];
    while !stop.is_requested() {
        let mut ready = std::mem::take(&mut unfinished);
        match sys::next_signal(&[signal, libc::SIGIO], if ready.is_empty() { BREATH } else { Duration::ZERO })
        {
            Some(info) if info.signal == signal => ready.push(info.fd),
            // The queue was full: some signals were not sent, and nobody knows which.
            Some(_) => ready.extend(conversations.keys().chain([&own_fd])),
            None => {}
        }
        for fd in ready {
            if let Some(conversation) = conversations.get_mut(&fd) {
                match advance(conversation) {
                    Step::Moved => unfinished.push(fd),
                    Step::WouldBlock => {}
                    Step::Over => drop(conversations.remove(&fd)),
                }
            } else if fd == own_fd {
                if let Some(conversation) = Conversation::accept(listener)? {
                    let fd = conversation.as_fd().as_raw_fd();
                    if sys::set_signal(&conversation, signal).is_ok() {
                        conversations.insert(fd, conversation);
                    }
                    unfinished.extend([fd, own_fd]);
                }
            }
        }
    }
    sys::clear_signal(listener)?;
    drop(conversations);
    // Takes those that are still queued. They stay blocked, but possibly not for ever.
    while sys::next_signal(&[signal, libc::SIGIO], Duration::ZERO).is_some() {}
    Ok(())
}

/// The socket that the handler serves.
static UDP: AtomicI32 = AtomicI32::new(-1);

/// Serves UDP, on the listener's address, for as long as it lives.
struct Udp {
    _socket: UdpSocket,
    before: libc::sigaction,
}

impl Udp {
    fn start(listener: &Listener) -> io::Result<Udp> {
        let address = listener.address()?;
        let explain = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot serve UDP on {address}: {error}"))
        };
        let socket = UdpSocket::bind(address).map_err(explain)?;
        sys::set_nonblocking(&socket)?;
        UDP.store(socket.as_raw_fd(), Ordering::Relaxed);
        // SAFETY: zeros are a valid sigaction, with an empty mask.
        let (mut action, mut before): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the handler calls nothing that it must not call.
        sys::check(unsafe { libc::sigaction(libc::SIGRTMIN(), &action, &mut before) })?;
        let udp = Udp { _socket: socket, before };
        sys::set_signal(&udp._socket, libc::SIGRTMIN())?;
        on_signal(0);
        Ok(udp)
    }
}

/// Answers what has come. It makes only system calls, which signal-safety(7) allows, and takes no lock and no memory. A
/// slow answer would be slow here as well, but nothing else would run meanwhile, so it just sends back what it gets.
extern "C" fn on_signal(_signal: libc::c_int) {
    let udp = UDP.load(Ordering::Relaxed);
    let mut message = [0u8; MESSAGE];
    // SAFETY: zeros are a valid address, whose size is given; the buffers are as large as is said. The interrupted code
    // finds its errno unchanged.
    unsafe {
        let errno = *libc::__errno_location();
        loop {
            let mut from: libc::sockaddr_storage = std::mem::zeroed();
            let mut size = size_of_val(&from) as libc::socklen_t;
            let address = (&raw mut from).cast();
            let received = libc::recvfrom(udp, message.as_mut_ptr().cast(), MESSAGE, 0, address, &mut size);
            if received < 0 {
                break;
            }
            libc::sendto(udp, message.as_ptr().cast(), received as usize, 0, address, size);
        }
        *libc::__errno_location() = errno;
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        let _ = sys::clear_signal(&self._socket);
        // SAFETY: this restores the previous handler. No signal is under way any longer: it is not blocked.
        unsafe { libc::sigaction(libc::SIGRTMIN(), &self.before, null_mut()) };
        UDP.store(-1, Ordering::Relaxed);
    }
}
