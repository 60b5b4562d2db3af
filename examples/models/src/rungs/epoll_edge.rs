//! Rung 8: epoll, edge-triggered: the kernel says it once.
//!
//! ```text
//!   thread    ctl(+1) wait··········recv▓ send recv– wait·······recv▓ send recv– wait ···
//!   kernel                       1 becomes ready             1 becomes ready              
//!   client 1                   data        ✓              data         ✓                  
//!
//!   phase 1, until there is data    the thread, in epoll_wait (·), for all of them together
//!   phase 2, the copy               the thread, in recv (▓), until EAGAIN (–)
//! ```
//!
//! *Edge-triggered* means: the kernel reports that a socket **becomes** ready, not that it is ready. So a socket can be
//! registered once and for all, for both directions, and no change of mind costs a call. The duty that comes with it:
//! continue until `EAGAIN`. A server that stops before, and then waits, waits for a report that was already given. The
//! test below shows it.
//!
//! But a server must not continue for ever, either: a client that never stops asking would have the thread to itself.
//! So there is a limit to the steps in a row, and since the kernel will not remind us of what is left, we have to
//! remember it.
//!
//! Fixes: one `epoll_wait` and no `epoll_ctl` for a question and its answer.
//! Costs: the duty, and a `recv` that only hears `EAGAIN`.
//!
//! In tokio: this is how mio registers everything; the bit that remembers what is left is tokio's "readiness", and
//! the limit is its "coop budget".

use super::nonblocking::{Conversation, Step};
use super::{Family, Rung, USUAL};
use crate::epoll::{EDGE, Epoll, Events, READABLE, WRITABLE};
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use std::collections::HashMap;
use std::io;
use std::time::Duration;

pub const RUNG: Rung = Rung {
    number: "8",
    name: "epoll_edge",
    family: Family::Readiness,
    summary: "the kernel says once that something became ready; then read until EAGAIN, or wait for ever",
    serve,
    ..USUAL
};

const LISTENER: u64 = 0;
const STOP: u64 = 1;

/// The number of steps in a row. A question and its answer are two.
pub const PATIENCE: usize = 64;

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let (epoll, mut events) = (Epoll::new()?, Events::new());
    epoll.add(listener, READABLE | EDGE, LISTENER)?;
    epoll.add(stop.as_fd(), READABLE | EDGE, STOP)?;
    let mut conversations: HashMap<u64, Conversation> = HashMap::new();
    let mut next_token = STOP + 1;
    // These are ready, as far as we know, though the kernel will not say so again.
    let mut unfinished: Vec<u64> = Vec::new();
    while !stop.is_requested() {
        let timeout = if unfinished.is_empty() { None } else { Some(Duration::ZERO) };
        epoll.wait(&mut events, timeout)?;
        let ready = std::mem::take(&mut unfinished).into_iter();
        for token in ready.chain(events.iter().map(|(token, _)| token)) {
            let is_unfinished = match conversations.get_mut(&token) {
                Some(conversation) => match advance(conversation) {
                    Step::Over => conversations.remove(&token).is_none(),
                    step => step == Step::Moved,
                },
                None if token == LISTENER => {
                    let accepted = Conversation::accept(listener)?;
                    let is_accepted = accepted.is_some();
                    if let Some(conversation) = accepted {
                        // What has come already is reported at once.
                        if epoll.add(&conversation, READABLE | WRITABLE | EDGE, next_token).is_ok() {
                            conversations.insert(next_token, conversation);
                            next_token += 1;
                        }
                    }
                    is_accepted
                }
                // It was closed since.
                None => false,
            };
            if is_unfinished {
                unfinished.push(token);
            }
        }
    }
    Ok(())
}

/// Makes steps until `WouldBlock`, or until others have waited for long enough: the last one is `Moved` then.
pub fn advance(conversation: &mut Conversation) -> Step {
    for _ in 0..PATIENCE {
        match conversation.step() {
            Step::Moved => {}
            other => return other,
        }
    }
    Step::Moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    /// Ten bytes come, and five are read. Returns whether the rest is reported.
    fn is_reported_again(mode: u32) -> bool {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
        epoll.add(&server, READABLE | mode, 7).unwrap();
        client.write_all(b"0123456789").unwrap();
        epoll.wait(&mut events, None).unwrap();
        assert_eq!(events.iter().count(), 1);
        server.read_exact(&mut [0; 5]).unwrap();
        epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().count() == 1
    }

    #[test]
    fn who_stops_reading_before_eagain_hears_no_more_of_it_edge_triggered() {
        assert!(!is_reported_again(EDGE));
    }

    #[test]
    fn who_stops_reading_before_eagain_is_told_again_level_triggered() {
        assert!(is_reported_again(0));
    }
}
