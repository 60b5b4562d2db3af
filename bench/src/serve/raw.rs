//! Echo by hand, on epoll alone: the runtimes are measured against this.
//!
//! It has every trick that ayi has: edge-triggered, one registration for both directions and only for connections that
//! have to wait, no `recv` that only returns `EAGAIN` after a short read, no allocation per event. It has no tasks.

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How many events one call returns: as many as with ayi.
const ROOM: usize = 256;

const ENDING: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

struct Connection {
    socket: OwnedFd,
    buf: Vec<u8>,
    /// The part of the buffer that is to be sent back.
    from: usize,
    to: usize,
    is_registered: bool,
    /// The peer has closed its direction: there is something to read, at least the end.
    is_ending: bool,
}

pub fn echo(listener: TcpListener, buffer: usize) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let listener_number = listener.as_raw_fd() as u64;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(listener_number), EventFlags::IN)?;
    // Indexed by descriptor.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Vec::with_capacity(ROOM);
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        for &epoll::Event { data, flags } in &events {
            let number = data.u64();
            if number == listener_number {
                accept(&listener, &epoll, &mut connections, buffer)?;
            } else if let Some(connection) = &mut connections[number as usize] {
                connection.is_ending |= flags.intersects(ENDING);
                if !connection.go_on(&epoll) {
                    connections[number as usize] = None;
                }
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &OwnedFd,
    connections: &mut Vec<Option<Connection>>,
    buffer: usize,
) -> io::Result<()> {
    loop {
        let socket = match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(socket) => socket,
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::INTR | Errno::CONNABORTED) => continue,
            Err(error) => return Err(error.into()),
        };
        sockopt::set_tcp_nodelay(&socket, true)?;
        let number = socket.as_raw_fd() as usize;
        let mut connection = Connection {
            socket,
            buf: vec![0; buffer],
            from: 0,
            to: 0,
            is_registered: false,
            is_ending: false,
        };
        if connection.go_on(epoll) {
            connections.resize_with(connections.len().max(number + 1), || None);
            connections[number] = Some(connection);
        }
    }
}

impl Connection {
    /// Receives and sends until it has to wait. Returns false if it is over.
    fn go_on(&mut self, epoll: &OwnedFd) -> bool {
        loop {
            while self.from < self.to {
                match send(&self.socket, &self.buf[self.from..self.to], SendFlags::NOSIGNAL) {
                    Ok(bytes) => self.from += bytes,
                    Err(Errno::AGAIN) => return self.wait(epoll),
                    Err(Errno::INTR) => {}
                    Err(_) => return false,
                }
            }
            let room = self.buf.len();
            // Less than would fit was everything there was; the kernel will report more.
            if self.is_registered && !self.is_ending && self.to > 0 && self.to < room {
                self.to = 0;
                return true;
            }
            match recv(&self.socket, &mut self.buf[..], RecvFlags::empty()) {
                Ok((0, _)) => return false,
                Ok((bytes, _)) => (self.from, self.to) = (0, bytes),
                Err(Errno::AGAIN) => {
                    self.to = 0;
                    return self.wait(epoll);
                }
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    fn wait(&mut self, epoll: &OwnedFd) -> bool {
        if !self.is_registered {
            let data = epoll::EventData::new_u64(self.socket.as_raw_fd() as u64);
            let both = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            // What has come in between is reported at once.
            self.is_registered = epoll::add(epoll, self.socket.as_fd(), data, both).is_ok();
        }
        self.is_registered
    }
}
