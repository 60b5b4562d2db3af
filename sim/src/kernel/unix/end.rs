//! How connections between Unix sockets end.

use super::send::Message;
use super::{ALL, State, Unix};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::Kind;
use crate::kernel::hosts::HostId;
use crate::kernel::slab::Key;

impl Kernel {
    /// shutdown(2). It needs no connection.
    pub(crate) fn shut_down_unix(&mut self, key: Key, how: i32) -> Result<(), Errno> {
        let (read, write) = match how {
            libc::SHUT_RD => (true, false),
            libc::SHUT_WR => (false, true),
            libc::SHUT_RDWR => (true, true),
            _ => return Err(libc::EINVAL),
        };
        let unix = self.unix(key);
        unix.has_shut_read |= read;
        unix.has_shut_write |= write;
        let peer = unix.peer_key().filter(|_| unix.kind.has_connections());
        self.notify(key, ALL);
        if let Some(peer) = peer.filter(|peer| self.unix_if_alive(*peer).is_some()) {
            let there = self.unix(peer);
            there.has_shut_read |= write;
            there.has_shut_write |= read;
            self.notify(peer, ALL);
        }
        Ok(())
    }

    /// The last descriptor of a socket is closed: the kernel's `unix_release_sock`.
    pub(crate) fn close_unix(&mut self, unix: Unix, key: Key) {
        self.release_unix_name(unix.host, unix.kind, unix.name, key);
        self.wake_senders(&unix.senders);
        if let Some(peer) = unix.peer.map(|peer| peer.socket).filter(|it| self.unix_if_alive(*it).is_some()) {
            // Linux takes an empty message at the front for one that was read.
            let is_read = |first: &Message| usize::from(first.is_empty());
            let is_unread = unix.received.len() > unix.received.front().map_or(0, is_read);
            let there = self.unix(peer);
            if unix.kind.has_connections() {
                there.has_shut_read = true;
                there.has_shut_write = true;
                if is_unread || unix.is_unaccepted {
                    there.error = libc::ECONNRESET;
                }
                self.notify(peer, ALL);
            } else {
                there.senders.retain(|sender| *sender != key);
            }
        }
        if let State::Listening(queue) = unix.state {
            queue.waiting.into_iter().for_each(|waiting| self.give_up(waiting));
        }
        unix.received.into_iter().for_each(|message| self.discard(message));
    }

    /// A datagram socket no longer has the peer `before`: the kernel's `unix_dgram_disconnected`.
    pub(super) fn part_from(&mut self, key: Key, before: Key) {
        let lost = std::mem::take(&mut self.unix(key).received);
        if lost.is_empty() {
            return;
        }
        lost.into_iter().for_each(|message| self.discard(message));
        let senders = self.unix(key).senders.clone();
        self.wake_senders(&senders);
        if self.unix_if_alive(before).is_some_and(|there| there.peer_key() == Some(key)) {
            self.unix(before).error = libc::ECONNRESET;
            self.notify(before, libc::EPOLLERR as u32);
        }
    }

    /// Tells those that wait for room in their receiver's queue.
    pub(super) fn wake_senders(&mut self, senders: &[Key]) {
        for sender in senders {
            if self.unix_if_alive(*sender).is_some_and(|unix| unix.wants_room.take()) {
                self.notify(*sender, libc::EPOLLOUT as u32);
            }
        }
    }

    /// The program of `host` has closed all it had. What is left are sockets that are under way to each other.
    pub(crate) fn discard_unix_in_flight(&mut self, host: HostId) {
        let left: Vec<Key> = self
            .descriptions
            .iter()
            .filter(|(_, it)| it.host == host && matches!(it.kind, Kind::Unix(_)))
            .map(|(key, _)| key)
            .collect();
        for key in left {
            if self.unix_if_alive(key).is_some() {
                let messages = std::mem::take(&mut self.unix(key).received);
                messages.into_iter().for_each(|message| self.discard(message));
            }
        }
    }
}
