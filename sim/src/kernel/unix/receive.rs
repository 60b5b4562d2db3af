//! How Unix sockets receive, also the descriptors that come with messages.

use super::UnixKind;
use super::send::{Message, take_error};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::Fd;
use crate::kernel::slab::Key;

/// What a call has received.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) count: usize,
    /// How many bytes the message had.
    pub(crate) whole: usize,
    /// The name of the sender, if it has one.
    pub(crate) from: Option<Vec<u8>>,
    /// Descriptions, which the caller uses from here on.
    pub(crate) passed: Vec<Key>,
}

impl Kernel {
    /// recv(2). `waits` says whether the call may wait.
    pub(crate) fn receive_unix(
        &mut self,
        key: Key,
        to: &mut [u8],
        peeks: bool,
        waits: bool,
    ) -> Result<Received, Errno> {
        let unix = self.unix(key);
        match unix.kind {
            UnixKind::Stream if !unix.is_connected() => Err(libc::EINVAL),
            UnixKind::Stream => self.receive_stream(key, to, peeks),
            UnixKind::Packets if !unix.is_connected() => Err(libc::ENOTCONN),
            UnixKind::Packets | UnixKind::Datagram => self.receive_message(key, to, peeks, waits),
        }
    }

    fn receive_stream(&mut self, key: Key, to: &mut [u8], peeks: bool) -> Result<Received, Errno> {
        let unix = self.unix(key);
        let Some(first) = unix.received.front() else {
            take_error(unix)?;
            return if unix.has_shut_read { Ok(Received::default()) } else { Err(libc::EAGAIN) };
        };
        let mut received = Received { from: name_of(first), ..Received::default() };
        let mut peeked = 0;
        // A read stops after a message that passes descriptors.
        while received.passed.is_empty() {
            let Some(message) = self.unix(key).received.get_mut(peeked) else { break };
            let unread = &message.bytes[message.read..];
            let room = &mut to[received.count..];
            let count = unread.len().min(room.len());
            room[..count].copy_from_slice(&unread[..count]);
            received.count += count;
            let is_partial = count < unread.len();
            if peeks {
                received.passed = message.passed.clone();
                peeked += 1;
            } else {
                message.read += count;
                received.passed = std::mem::take(&mut message.passed);
            }
            if is_partial {
                break;
            }
            if !peeks {
                self.discard_first(key);
            }
            if received.count == to.len() {
                break;
            }
        }
        if peeks {
            received.passed.iter().for_each(|passed| self.descriptions[*passed].users += 1);
        }
        received.whole = received.count;
        Ok(received)
    }

    fn receive_message(
        &mut self,
        key: Key,
        to: &mut [u8],
        peeks: bool,
        waits: bool,
    ) -> Result<Received, Errno> {
        let unix = self.unix(key);
        take_error(unix)?;
        let Some(message) = unix.received.front_mut() else {
            // Linux tells the end to datagram sockets only if they may wait for it.
            let is_told = waits || unix.kind == UnixKind::Packets;
            return if unix.has_shut_read && is_told { Ok(Received::default()) } else { Err(libc::EAGAIN) };
        };
        let (count, whole) = (message.bytes.len().min(to.len()), message.bytes.len());
        to[..count].copy_from_slice(&message.bytes[..count]);
        let from = name_of(message);
        let passed = if peeks { message.passed.clone() } else { std::mem::take(&mut message.passed) };
        let senders = unix.senders.clone();
        if peeks {
            passed.iter().for_each(|passed| self.descriptions[*passed].users += 1);
        } else {
            self.discard_first(key);
        }
        self.wake_senders(&senders);
        Ok(Received { count, whole, from, passed })
    }

    fn discard_first(&mut self, key: Key) {
        if let Some(message) = self.unix(key).received.pop_front() {
            self.discard(message);
        }
    }

    /// Makes descriptors of what has been passed, at most so many. Returns them, and whether all have become some.
    pub(crate) fn take_passed(
        &mut self,
        passed: Vec<Key>,
        most: usize,
        closes_on_exec: bool,
    ) -> (Vec<Fd>, bool) {
        let mut fds = Vec::new();
        for description in passed.iter().take(most) {
            let Ok(fd) = self.add_descriptor(*description, closes_on_exec) else { break };
            fds.push(fd);
        }
        let are_all = fds.len() == passed.len();
        passed.into_iter().for_each(|description| self.give_up(description));
        (fds, are_all)
    }

    /// FIONREAD: all bytes of a stream, and those of the first datagram.
    pub(crate) fn unread_of_unix(&mut self, key: Key) -> Result<usize, Errno> {
        let unix = self.unix(key);
        if unix.listens() {
            return Err(libc::EINVAL);
        }
        let most = if unix.kind.has_connections() { usize::MAX } else { 1 };
        Ok(unix.received.iter().take(most).map(|message| message.bytes.len() - message.read).sum())
    }
}

fn name_of(message: &Message) -> Option<Vec<u8>> {
    (!message.name.is_empty()).then(|| message.name.clone())
}
