//! What goes through a connection.

use super::{FIRST_RETRY, LONGEST_RETRY, Segment, State, What};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::events::Event;
use crate::kernel::hosts::HostState;
use crate::kernel::slab::Key;

/// tcp(7), `tcp_retries2`: a quarter of an hour.
const RETRIES: u32 = 15;

/// A segment has at most so many bytes, as with segmentation offload.
const SEGMENT: usize = 65_536;

/// One in so many segments is split, so that a reader gets part of what was written.
const SPLIT_ONE_IN: u64 = 16;

impl Kernel {
    /// send(2): returns how many of `bytes` are accepted.
    pub(crate) fn send_tcp(&mut self, key: Key, bytes: &[u8]) -> Result<usize, Errno> {
        self.take_tcp_error(key)?;
        match self.tcp[key].state {
            State::Connecting => return Err(libc::EAGAIN),
            State::New | State::Listening(_) => return Err(libc::EPIPE),
            State::Closed => return Err(libc::EPIPE),
            State::Connected if self.tcp[key].connection.has_shut_write => return Err(libc::EPIPE),
            State::Connected => {}
        }
        let mut count = 0;
        loop {
            count += self.send_what_fits(key, &bytes[count..]);
            let Some(tcp) = self.tcp.get_mut(key) else { return Ok(count) };
            if count == bytes.len() || !matches!(tcp.state, State::Connected) {
                return Ok(count);
            }
            // Within a host, what was sent has arrived, and there may be room again.
            self.settle_acks(key);
            if self.room(key) == 0 {
                break;
            }
        }
        self.tcp[key].connection.wants_room = true;
        self.plan_ack(key);
        if count == 0 { Err(libc::EAGAIN) } else { Ok(count) }
    }

    fn room(&self, key: Key) -> usize {
        let tcp = &self.tcp[key];
        tcp.options.send_buffer.saturating_sub(tcp.connection.in_flight)
    }

    fn send_what_fits(&mut self, key: Key, bytes: &[u8]) -> usize {
        self.settle_acks(key);
        let count = bytes.len().min(self.room(key));
        let tcp = &mut self.tcp[key];
        tcp.connection.in_flight += count;
        let (host, there) = (tcp.host, tcp.connection.peer_host);
        for part in bytes[..count].chunks(SEGMENT) {
            let is_split = host != there && part.len() > 1 && self.rng.below(SPLIT_ONE_IN) == 0;
            let at = if is_split { self.rng.between(1, part.len() as u64 - 1) as usize } else { part.len() };
            let (first, second) = part.split_at(at);
            self.send_segment(key, What::Data(first.to_vec()));
            if !second.is_empty() {
                self.send_segment(key, What::Data(second.to_vec()));
            }
        }
        count
    }

    pub(super) fn send_segment(&mut self, key: Key, what: What) {
        let Some(tcp) = self.tcp.get(key) else { return };
        let (host, there) = (tcp.host, tcp.connection.peer_host);
        let len = if let What::Data(bytes) = &what { bytes.len() } else { 0 };
        let arrives = self.links.arrival(host, there, len, self.now);
        let connection = &mut self.tcp[key].connection;
        let arrives = arrives.max(connection.last_arrival);
        connection.last_arrival = arrives;
        connection.segments.push_back(Segment { arrives, what });
        if connection.is_due {
            return;
        }
        // Within a host, segments arrive before the call returns.
        if host == there { self.segment_arrives(key) } else { self.plan_segment(key) }
    }

    /// Plans the arrival of the first segment.
    fn plan_segment(&mut self, key: Key) {
        let now = self.now;
        let connection = &mut self.tcp[key].connection;
        let Some(first) = connection.segments.front() else { return };
        connection.is_due = true;
        let at = first.arrives.max(now);
        self.events.add(at, Event::Segment(key));
    }

    /// The first segment that this socket has sent arrives at its peer. Within a host, all of them do.
    pub(crate) fn segment_arrives(&mut self, key: Key) {
        while self.deliver_first(key) {}
    }

    /// Returns whether the next segment arrives at once, too.
    fn deliver_first(&mut self, key: Key) -> bool {
        let Some(tcp) = self.tcp.get_mut(key) else { return false };
        tcp.connection.is_due = false;
        let (host, there) = (tcp.host, tcp.connection.peer_host);
        let Some(segment) = tcp.connection.segments.front() else { return false };
        let len = match &segment.what {
            What::Data(bytes) => Some(bytes.len()),
            What::End => None,
        };
        let peer = tcp.connection.peer;
        if self.host(there).state != HostState::Up || !self.links.arrives(host, there) {
            self.retry_segment(key);
            return false;
        }
        let peer = peer.filter(|peer| self.tcp.get(*peer).is_some());
        let takes = peer.filter(|peer| len.is_none() || self.takes_data(*peer));
        let Some(peer) = takes else {
            // Nobody is there any more. An end needs no answer, and data gets a reset.
            if len.is_none() {
                self.tcp[key].connection.segments.pop_front();
                self.remove_if_over(key);
            } else {
                self.answer_with_reset(key);
            }
            return false;
        };
        if len.is_some() && self.is_full(peer) {
            // The window is closed. A read opens it: `open_window`.
            return false;
        }
        let segment = self.tcp[key].connection.segments.pop_front().expect("it is the first one");
        self.tcp[key].connection.retries = 0;
        match segment.what {
            What::Data(bytes) => {
                let heard = self.links.arrival(there, host, 0, self.now);
                self.tcp[key].connection.acks.push_back((heard, bytes.len()));
                self.tcp[peer].connection.received.extend(bytes);
                self.notify_tcp(peer, libc::EPOLLIN);
                if self.tcp[key].connection.wants_room {
                    self.plan_ack(key);
                }
            }
            What::End => {
                self.tcp[peer].connection.peer_has_ended = true;
                let hang_up = if self.tcp[peer].connection.has_shut_write { libc::EPOLLHUP } else { 0 };
                self.notify_tcp(peer, libc::EPOLLIN | libc::EPOLLRDHUP | hang_up);
                self.remove_if_over(peer);
            }
        }
        self.next_segment(key)
    }

    /// Plans the arrival of the next segment. Returns whether it arrives at once.
    fn next_segment(&mut self, key: Key) -> bool {
        let Some(tcp) = self.tcp.get(key) else { return false };
        if tcp.connection.segments.is_empty() {
            self.remove_if_over(key);
            return false;
        }
        let is_here = tcp.host == tcp.connection.peer_host;
        if !is_here {
            self.plan_segment(key);
        }
        is_here
    }

    /// Whether the socket still takes what arrives. One that the program has closed does not.
    fn takes_data(&self, key: Key) -> bool {
        let tcp = &self.tcp[key];
        matches!(tcp.state, State::Connected) && (tcp.description.is_some() || tcp.connection.is_unaccepted)
    }

    fn is_full(&self, key: Key) -> bool {
        let tcp = &self.tcp[key];
        !tcp.connection.has_shut_read && tcp.connection.received.len() >= tcp.options.receive_buffer
    }

    fn retry_segment(&mut self, key: Key) {
        let now = self.now;
        let connection = &mut self.tcp[key].connection;
        connection.retries += 1;
        if connection.retries > RETRIES {
            return self.reset_arrives(key, libc::ETIMEDOUT);
        }
        let wait = (FIRST_RETRY << (connection.retries - 1)).min(LONGEST_RETRY);
        let first = connection.segments.front_mut().expect("it was lost");
        first.arrives = now + wait;
        connection.last_arrival = connection.last_arrival.max(first.arrives);
        self.plan_segment(key);
    }

    fn answer_with_reset(&mut self, key: Key) {
        let (host, there) = (self.tcp[key].host, self.tcp[key].connection.peer_host);
        self.tcp[key].connection.segments.clear();
        if host == there {
            return self.reset_arrives(key, libc::ECONNRESET);
        }
        let arrives = self.links.arrival(there, host, 0, self.now);
        self.events.add(arrives, Event::Reset(key));
    }

    /// Counts as acknowledged what is known to be by now.
    fn settle_acks(&mut self, key: Key) {
        let now = self.now;
        let connection = &mut self.tcp[key].connection;
        while let Some((_, bytes)) = connection.acks.front().copied().filter(|(at, _)| *at <= now) {
            connection.in_flight -= bytes;
            connection.acks.pop_front();
        }
    }

    /// Has a writer that waits for room hear of the next acknowledgement.
    fn plan_ack(&mut self, key: Key) {
        let now = self.now;
        let connection = &mut self.tcp[key].connection;
        let Some((at, _)) = connection.acks.front().copied() else { return };
        if !std::mem::replace(&mut connection.is_ack_due, true) {
            self.events.add(at.max(now), Event::Ack(key));
        }
    }

    pub(crate) fn ack_arrives(&mut self, key: Key) {
        if self.tcp.get(key).is_none() {
            return;
        }
        self.tcp[key].connection.is_ack_due = false;
        self.settle_acks(key);
        let tcp = &self.tcp[key];
        if self.is_writable(tcp) && tcp.connection.wants_room {
            self.tcp[key].connection.wants_room = false;
            self.notify_tcp(key, libc::EPOLLOUT);
        } else if self.tcp[key].connection.wants_room {
            self.plan_ack(key);
        }
    }

    /// recv(2): copies what has arrived. With `peeks`, it stays.
    pub(crate) fn receive_tcp(&mut self, key: Key, to: &mut [u8], peeks: bool) -> Result<usize, Errno> {
        let tcp = &mut self.tcp[key];
        match tcp.state {
            State::New | State::Listening(_) => return Err(libc::ENOTCONN),
            State::Connecting => return Err(libc::EAGAIN),
            State::Connected | State::Closed => {}
        }
        let connection = &mut tcp.connection;
        let count = connection.received.len().min(to.len());
        if count > 0 {
            let (first, second) = connection.received.as_slices();
            let split = first.len().min(count);
            to[..split].copy_from_slice(&first[..split]);
            to[split..count].copy_from_slice(&second[..count - split]);
            if !peeks {
                self.has_read(key, count);
            }
            return Ok(count);
        }
        if to.is_empty() && matches!(self.tcp[key].state, State::Connected) {
            return Ok(0);
        }
        self.take_tcp_error(key)?;
        let tcp = &self.tcp[key];
        let is_over = tcp.connection.peer_has_ended || tcp.connection.has_shut_read;
        if is_over || matches!(tcp.state, State::Closed) { Ok(0) } else { Err(libc::EAGAIN) }
    }

    fn has_read(&mut self, key: Key, count: usize) {
        let was_full = self.is_full(key);
        let tcp = &mut self.tcp[key];
        tcp.connection.received.drain(..count);
        if was_full && !self.is_full(key) {
            self.open_window(key);
        }
    }

    /// The peer hears that there is room again.
    fn open_window(&mut self, key: Key) {
        let tcp = &self.tcp[key];
        let (host, there) = (tcp.host, tcp.connection.peer_host);
        let Some(peer) = tcp.connection.peer.filter(|peer| self.tcp.get(*peer).is_some()) else { return };
        let connection = &self.tcp[peer].connection;
        if connection.is_due || connection.segments.is_empty() {
            return;
        }
        if host == there {
            return self.segment_arrives(peer);
        }
        // One way for the news, and one for the data.
        let heard = self.links.arrival(host, there, 0, self.now);
        let back = self.links.arrival(there, host, 0, heard);
        let connection = &mut self.tcp[peer].connection;
        connection.is_due = true;
        if let Some(first) = connection.segments.front_mut() {
            first.arrives = back;
        }
        self.events.add(back, Event::Segment(peer));
    }
}
