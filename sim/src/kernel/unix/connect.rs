//! How Unix sockets get their peers: listen, connect, accept.

use super::{Listener, Peer, State, Unix, UnixKind};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{Description, Fd, Kind};
use crate::kernel::slab::Key;
use std::collections::VecDeque;

/// `net.core.somaxconn`.
const LONGEST_BACKLOG: usize = 4_096;

impl Kernel {
    pub(crate) fn listen_unix(&mut self, key: Key, backlog: i32) -> Result<(), Errno> {
        let backlog = usize::try_from(backlog).unwrap_or(LONGEST_BACKLOG).min(LONGEST_BACKLOG);
        let unix = self.unix(key);
        if !unix.kind.has_connections() {
            return Err(libc::EOPNOTSUPP);
        }
        if unix.name.is_empty() {
            return Err(libc::EINVAL);
        }
        match &mut unix.state {
            State::New => unix.state = State::Listening(Listener { backlog, waiting: VecDeque::new() }),
            State::Listening(listener) => listener.backlog = backlog,
            State::Connected => return Err(libc::EINVAL),
        }
        unix.has_credentials = true;
        Ok(())
    }

    /// connect(2). `None` ends the connection of a datagram socket.
    pub(crate) fn connect_unix(&mut self, key: Key, name: Option<&[u8]>) -> Result<(), Errno> {
        match self.unix(key).kind {
            UnixKind::Datagram => self.connect_datagrams(key, name),
            UnixKind::Stream | UnixKind::Packets => self.connect_stream(key, name.ok_or(libc::EINVAL)?),
        }
    }

    fn connect_stream(&mut self, key: Key, name: &[u8]) -> Result<(), Errno> {
        let (host, kind) = (self.unix(key).host, self.unix(key).kind);
        let listener = self.find_unix(host, name, kind)?;
        let there = self.unix(listener);
        if !there.listens() || there.has_shut_read {
            return Err(libc::ECONNREFUSED);
        }
        if there.is_full() {
            return Err(libc::EAGAIN);
        }
        match self.unix(key).state {
            State::New => {}
            State::Connected => return Err(libc::EISCONN),
            State::Listening(_) => return Err(libc::EINVAL),
        }
        let mut accepted = Unix::new(kind, host);
        // unix(7): it tells the name of its listener.
        accepted.name = self.unix(listener).name.clone();
        accepted.state = State::Connected;
        accepted.has_credentials = true;
        accepted.is_unaccepted = true;
        accepted.peer = Some(Peer { socket: key, name: self.unix(key).name.clone() });
        let name = accepted.name.clone();
        let (kind, flags, watchers) = (Kind::Unix(accepted), libc::O_RDWR, Vec::new());
        let accepted = self.descriptions.insert(Description { kind, host, flags, users: 1, watchers });
        let unix = self.unix(key);
        unix.state = State::Connected;
        unix.has_credentials = true;
        unix.peer = Some(Peer { socket: accepted, name });
        if let State::Listening(queue) = &mut self.unix(listener).state {
            queue.waiting.push_back(accepted);
        }
        self.notify(listener, libc::EPOLLIN as u32);
        Ok(())
    }

    /// accept4(2): returns the name of the peer, too. `waits` says whether the call may wait.
    pub(crate) fn accept_unix(&mut self, key: Key, flags: i32, waits: bool) -> Result<(Fd, Vec<u8>), Errno> {
        let unix = self.unix(key);
        if !unix.kind.has_connections() {
            return Err(libc::EOPNOTSUPP);
        }
        let is_shut = unix.has_shut_read;
        let State::Listening(queue) = &mut unix.state else { return Err(libc::EINVAL) };
        let Some(accepted) = queue.waiting.front().copied() else {
            return Err(if is_shut && waits { libc::EINVAL } else { libc::EAGAIN });
        };
        let fd = self.add_descriptor(accepted, flags & libc::SOCK_CLOEXEC != 0)?;
        if let State::Listening(queue) = &mut self.unix(key).state {
            queue.waiting.pop_front();
        }
        let description = &mut self.descriptions[accepted];
        description.flags |= flags & libc::SOCK_NONBLOCK;
        // The listener's use of it has ended.
        description.users -= 1;
        self.unix(accepted).is_unaccepted = false;
        let name = self.unix_peer_name(accepted)?;
        Ok((fd, name))
    }

    /// The kernel's `unix_dgram_connect`.
    fn connect_datagrams(&mut self, key: Key, name: Option<&[u8]>) -> Result<(), Errno> {
        let host = self.unix(key).host;
        let peer = match name {
            Some(name) => {
                let socket = self.find_unix(host, name, UnixKind::Datagram)?;
                self.check_may_send(key, socket)?;
                Some(Peer { socket, name: name.to_vec() })
            }
            None => None,
        };
        let new = peer.as_ref().map(|peer| peer.socket);
        let before = std::mem::replace(&mut self.unix(key).peer, peer).map(|peer| peer.socket);
        if let Some(before) = before {
            if self.unix_if_alive(before).is_some() {
                self.unix(before).senders.retain(|sender| *sender != key);
            }
            // What it may have waited for at the last one is over.
            self.unix(key).wants_room.set(false);
            self.notify(key, libc::EPOLLOUT as u32);
            if new != Some(before) {
                self.part_from(key, before);
            }
        }
        if let Some(new) = new {
            self.unix(new).senders.push(key);
        }
        Ok(())
    }

    /// A socket that is connected takes datagrams from its peer only.
    pub(super) fn check_may_send(&self, key: Key, to: Key) -> Result<(), Errno> {
        let peer = self.unix_if_alive(to).and_then(Unix::peer_key);
        if peer.is_none_or(|peer| peer == key) { Ok(()) } else { Err(libc::EPERM) }
    }
}
