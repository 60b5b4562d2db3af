//! How a connection ends: in order, by a reset, or with its host.

use super::{Key, State, Tcp, What};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::events::Event;
use crate::kernel::hosts::HostId;
use crate::kernel::ports::Protocol;

const ALL: i32 = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR;

impl Kernel {
    /// shutdown(2).
    pub(crate) fn shut_down_tcp(&mut self, key: Key, how: i32) -> Result<(), Errno> {
        if let State::Listening(_) = self.tcp[key].state {
            if how != libc::SHUT_WR {
                self.stop_listening(key);
                self.notify_tcp(key, ALL);
            }
            return Ok(());
        }
        if !matches!(self.tcp[key].state, State::Connected) {
            return Err(libc::ENOTCONN);
        }
        let connection = &mut self.tcp[key].connection;
        let ends = how != libc::SHUT_RD && !connection.has_shut_write;
        connection.has_shut_read |= how != libc::SHUT_WR;
        connection.has_shut_write |= how != libc::SHUT_RD;
        if ends {
            self.send_segment(key, What::End);
        }
        self.notify_tcp(key, ALL & !libc::EPOLLERR);
        Ok(())
    }

    /// The program has closed its last descriptor.
    pub(crate) fn close_tcp(&mut self, key: Key) {
        // It is gone already if the machine has lost its power.
        let Some(tcp) = self.tcp.get_mut(key) else { return };
        tcp.description = None;
        match self.tcp[key].state {
            State::Listening(_) => self.stop_listening(key),
            State::Connected => {
                let tcp = &self.tcp[key];
                if !tcp.connection.received.is_empty() || tcp.options.linger == Some(0) {
                    return self.reset(key);
                }
                if !std::mem::replace(&mut self.tcp[key].connection.has_shut_write, true) {
                    self.send_segment(key, What::End);
                }
            }
            State::New | State::Connecting | State::Closed => self.tcp[key].state = State::Closed,
        }
        self.remove_if_over(key);
    }

    fn stop_listening(&mut self, key: Key) {
        let tcp = &mut self.tcp[key];
        if let State::Listening(queue) = std::mem::replace(&mut tcp.state, State::Closed) {
            self.release_port(key);
            // Those whose handshake is under way find out by themselves.
            queue.ready.into_iter().for_each(|waiting| self.reset(waiting));
        }
    }

    /// Sends a reset, and forgets the socket, which the program no longer has.
    pub(crate) fn reset(&mut self, key: Key) {
        let Some(tcp) = self.tcp.get(key) else { return };
        let (host, there, peer) = (tcp.host, tcp.connection.peer_host, tcp.connection.peer);
        self.release_port(key);
        self.tcp.remove(key);
        let Some(peer) = peer else { return };
        if host == there {
            return self.reset_arrives(peer, libc::ECONNRESET);
        }
        let arrives = self.links.arrival(host, there, 0, self.now);
        // It does not overtake what was sent before, which is lost with it.
        self.events.add(arrives, Event::Reset(peer));
    }

    /// The connection of this socket is over, for the reason `error`. What has arrived can still be read.
    pub(crate) fn reset_arrives(&mut self, key: Key, error: Errno) {
        let Some(tcp) = self.tcp.get(key) else { return };
        let (host, there) = (tcp.host, tcp.connection.peer_host);
        // A reset that is lost is not repeated: the next packet gets another one.
        if error != libc::ECONNRESET || self.links.arrives(there, host) {
            self.break_off(key, error);
        }
    }

    fn break_off(&mut self, key: Key, error: Errno) {
        let Some(tcp) = self.tcp.get_mut(key) else { return };
        if !matches!(tcp.state, State::Connected) {
            return;
        }
        tcp.state = State::Closed;
        // tcp_reset: whoever has been told of the peer's end hears of a broken pipe.
        let has_heard_end = tcp.connection.peer_has_ended && error == libc::ECONNRESET;
        tcp.error = if has_heard_end { libc::EPIPE } else { error };
        tcp.connection.segments.clear();
        self.release_port(key);
        self.notify_tcp(key, ALL);
        self.remove_if_over(key);
    }

    /// Resets all connections between two hosts, at both ends.
    pub(crate) fn reset_between(&mut self, a: HostId, b: HostId) {
        let is_between =
            |(_, tcp): &(Key, &Tcp)| [(a, b), (b, a)].contains(&(tcp.host, tcp.connection.peer_host));
        let broken: Vec<Key> = self.tcp.iter().filter(is_between).map(|(key, _)| key).collect();
        for key in broken {
            self.break_off(key, libc::ECONNRESET);
        }
    }

    pub(crate) fn release_port(&mut self, key: Key) {
        let tcp = &self.tcp[key];
        if let Some(local) = tcp.local {
            self.ports.release(tcp.host, Protocol::Tcp, local.port(), key);
        }
    }

    /// Removes a socket that the program has closed and that has nothing left to send.
    pub(crate) fn remove_if_over(&mut self, key: Key) {
        let Some(tcp) = self.tcp.get(key) else { return };
        if tcp.description.is_some() || tcp.connection.is_unaccepted {
            return;
        }
        let is_over = match tcp.state {
            State::Connected => tcp.connection.has_shut_write && tcp.connection.segments.is_empty(),
            _ => true,
        };
        if is_over {
            self.release_port(key);
            self.tcp.remove(key);
        }
    }

    /// The machine has lost its power: its sockets are gone, and nobody is told.
    pub(crate) fn lose_tcp(&mut self, host: HostId) {
        let lost: Vec<Key> =
            self.tcp.iter().filter(|(_, tcp)| tcp.host == host).map(|(key, _)| key).collect();
        for key in lost {
            self.release_port(key);
            self.tcp.remove(key);
        }
    }
}
