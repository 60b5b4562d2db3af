//! How Unix sockets send: what a message is, and what it costs.

use super::{Unix, UnixKind};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::slab::Key;

/// A stream sends its bytes in parts of at most so many: what Linux puts into one buffer, a page without the buffer's
/// own data and 32 KiB.
const LARGEST_PART: usize = HEAD + 32_768;

/// So many bytes of a page are left for what is sent.
const HEAD: usize = 3_776;

/// The same of the largest block that Linux takes for one datagram, of four pages.
const LARGE_HEAD: usize = 16_064;

/// The rest of a large datagram is in pages, of which there are at most 17.
const MOST_IN_PAGES: usize = 17 * PAGE;

const PAGE: usize = 4_096;

/// What has been sent, by one call or a part of one.
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    /// So many bytes have been read.
    pub(super) read: usize,
    /// The descriptions that are passed with its first byte.
    pub(super) passed: Vec<Key>,
    from: Key,
    /// The name of the sender.
    pub(super) name: Vec<u8>,
    cost: usize,
}

impl Message {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Kernel {
    /// send(2): returns how many of `bytes` are accepted. `to` is where a datagram goes to, if not to the peer.
    pub(crate) fn send_unix(
        &mut self,
        key: Key,
        bytes: &[u8],
        to: Option<&[u8]>,
        passed: &[Key],
    ) -> Result<usize, Errno> {
        let unix = self.unix(key);
        match unix.kind {
            UnixKind::Stream if to.is_some() => {
                Err(if unix.is_connected() { libc::EISCONN } else { libc::EOPNOTSUPP })
            }
            UnixKind::Stream => self.send_stream(key, bytes, passed),
            UnixKind::Datagram => self.send_datagram(key, bytes, to, passed),
            UnixKind::Packets => {
                take_error(unix)?;
                if !unix.is_connected() {
                    return Err(libc::ENOTCONN);
                }
                self.send_datagram(key, bytes, None, passed)
            }
        }
    }

    fn send_stream(&mut self, key: Key, bytes: &[u8], passed: &[Key]) -> Result<usize, Errno> {
        let unix = self.unix(key);
        let peer = unix.peer_key().ok_or(libc::ENOTCONN)?;
        if unix.has_shut_write {
            return Err(libc::EPIPE);
        }
        let most = (unix.send_buffer / 2 - 64).min(LARGEST_PART);
        let mut sent = 0;
        for part in bytes.chunks(most) {
            let passed = if sent == 0 { passed } else { &[] };
            match self.send_part(key, peer, part, passed) {
                Ok(()) => sent += part.len(),
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn send_part(&mut self, key: Key, peer: Key, part: &[u8], passed: &[Key]) -> Result<(), Errno> {
        self.check_room(key)?;
        if self.unix_if_alive(peer).is_none_or(|there| there.has_shut_read) {
            self.tell_of_room(key);
            return Err(libc::EPIPE);
        }
        let paged = pages(part.len().saturating_sub(HEAD)).min(part.len());
        self.deliver(key, peer, part, cost(part.len() - paged, paged), passed);
        Ok(())
    }

    fn send_datagram(
        &mut self,
        key: Key,
        bytes: &[u8],
        to: Option<&[u8]>,
        passed: &[Key],
    ) -> Result<usize, Errno> {
        let unix = self.unix(key);
        let (host, kind, peer) = (unix.host, unix.kind, unix.peer_key());
        if bytes.len() > unix.send_buffer - 32 {
            return Err(libc::EMSGSIZE);
        }
        self.check_room(key)?;
        let receiver = match to {
            Some(name) => self.find_unix(host, name, kind),
            None => peer.ok_or(libc::ENOTCONN),
        };
        let receiver = receiver.and_then(|receiver| self.check_receiver(key, receiver).map(|()| receiver));
        let receiver = receiver.inspect_err(|_| self.tell_of_room(key))?;
        let paged = pages(bytes.len().saturating_sub(LARGE_HEAD).min(MOST_IN_PAGES));
        self.deliver(key, receiver, bytes, cost(bytes.len() - paged, paged), passed);
        Ok(bytes.len())
    }

    /// Whether a datagram from `key` can be sent to `receiver`.
    fn check_receiver(&mut self, key: Key, receiver: Key) -> Result<(), Errno> {
        let peer = self.unix(key).peer_key();
        self.check_may_send(key, receiver)?;
        let Some(there) = self.unix_if_alive(receiver) else {
            // It is the peer, and the socket is no longer connected to it.
            self.unix(key).peer = None;
            self.unix(key).wants_room.set(false);
            self.notify(key, libc::EPOLLOUT as u32);
            self.part_from(key, receiver);
            return Err(libc::ECONNREFUSED);
        };
        if there.has_shut_read {
            return Err(libc::EPIPE);
        }
        if receiver != key && there.peer_key() != Some(key) && there.is_full() {
            if peer == Some(receiver) {
                self.unix(key).wants_room.set(true);
            }
            return Err(libc::EAGAIN);
        }
        Ok(())
    }

    /// Some of the buffer of `key` is free again. Linux tells this also when it gives up a message that could not be sent.
    fn tell_of_room(&mut self, key: Key) {
        if self.unix_if_alive(key).is_some_and(Unix::is_writable) {
            self.notify(key, libc::EPOLLOUT as u32);
        }
    }

    /// The kernel's `sock_alloc_send_pskb`: a message may begin while any of the buffer is free.
    fn check_room(&mut self, key: Key) -> Result<(), Errno> {
        let unix = self.unix(key);
        take_error(unix)?;
        if unix.has_shut_write {
            return Err(libc::EPIPE);
        }
        if unix.in_flight < unix.send_buffer { Ok(()) } else { Err(libc::EAGAIN) }
    }

    fn deliver(&mut self, from: Key, to: Key, bytes: &[u8], cost: usize, passed: &[Key]) {
        for description in passed {
            self.descriptions[*description].users += 1;
        }
        let sender = self.unix(from);
        sender.in_flight += cost;
        let name = sender.name.clone();
        let (bytes, passed) = (bytes.to_vec(), passed.to_vec());
        self.unix(to).received.push_back(Message { bytes, read: 0, passed, from, name, cost });
        self.notify(to, libc::EPOLLIN as u32);
    }

    /// A message is gone, and its sender has the room that it took.
    pub(super) fn discard(&mut self, message: Message) {
        if self.unix_if_alive(message.from).is_some() {
            self.unix(message.from).in_flight -= message.cost;
            self.tell_of_room(message.from);
        }
        message.passed.into_iter().for_each(|description| self.give_up(description));
    }
}

pub(super) fn take_error(unix: &mut Unix) -> Result<(), Errno> {
    match std::mem::take(&mut unix.error) {
        0 => Ok(()),
        error => Err(error),
    }
}

fn pages(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE)
}

/// What a buffer with so many bytes in one block and so many in pages counts for: the kernel's `truesize`. 320 bytes
/// stand at the end of the block, and 256 in one of their own.
fn cost(block: usize, paged: usize) -> usize {
    (block.next_multiple_of(64) + 320).next_power_of_two() + 256 + pages(paged)
}
