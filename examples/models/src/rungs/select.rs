//! Rung 5: `select`: one call that waits for many sockets at once.
//!
//! ```text
//!   thread    select·············recv▓ send select·······recv▓ send select ···
//!   client 1                 data        ✓                                    
//!   client 2                                         data       ✓             
//!
//!   phase 1, until there is data    the thread, in select (·), for all of them together
//!   phase 2, the copy               the thread, in recv (▓)
//! ```
//!
//! The sets are bit fields, and parameters in and out: the descriptors that we ask about go in, and those that are
//! ready come out. So they are filled again, copied into the kernel, searched there, copied back and searched here,
//! each time.
//!
//! Fixes: the CPU rests while nothing happens.
//! Costs: O(n) for each call, however few are ready; and a bit field has an end. A descriptor from 1,024 (`FD_SETSIZE`)
//! on has no bit: setting it would write beyond the set. Such a client is refused.
//!
//! In tokio: nothing. It is here to be left behind.

use super::nonblocking::{Conversation, Step};
use super::{Family, Limit, Rung, USUAL};
use crate::count::wait;
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use crate::watched::number;
use libc::FD_SETSIZE;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr::null_mut;

pub const RUNG: Rung = Rung {
    number: "5",
    name: "select",
    family: Family::Readiness,
    summary: "one call waits for all connections; every set is copied and searched on every call",
    // A few descriptors are the program's own.
    limit: Some(Limit {
        clients: FD_SETSIZE - 16,
        beyond: "refused: a set has 1,024 bits, one for each descriptor",
    }),
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let mut conversations: Vec<Conversation> = Vec::new();
    while !stop.is_requested() {
        let (mut readable, mut writable) = (FdSet::new(), FdSet::new());
        readable.insert(listener);
        readable.insert(stop.as_fd());
        for conversation in &conversations {
            let set = if conversation.is_answering() { &mut writable } else { &mut readable };
            set.insert(conversation);
        }
        select(&mut readable, &mut writable)?;
        conversations.retain_mut(|conversation| {
            let is_ready = readable.contains(&*conversation) || writable.contains(&*conversation);
            !is_ready || conversation.step() != Step::Over
        });
        if readable.contains(listener) {
            // Dropping a conversation refuses its client.
            conversations.extend(Conversation::accept(listener)?.filter(FdSet::has_bit));
        }
    }
    Ok(())
}

struct FdSet {
    set: libc::fd_set,
    highest: RawFd,
    /// How many were put in.
    count: u32,
}

impl FdSet {
    fn new() -> FdSet {
        // SAFETY: a set is an array of bits, for which zeros are valid: an empty one.
        FdSet { set: unsafe { std::mem::zeroed() }, highest: -1, count: 0 }
    }

    fn has_bit(fd: &impl AsFd) -> bool {
        (fd.as_fd().as_raw_fd() as usize) < FD_SETSIZE
    }

    fn insert(&mut self, fd: impl AsFd) {
        assert!(FdSet::has_bit(&fd), "beyond the end of the set");
        let fd = fd.as_fd().as_raw_fd();
        self.highest = self.highest.max(fd);
        self.count += 1;
        // SAFETY: the set has that bit.
        unsafe { libc::FD_SET(fd, &mut self.set) };
    }

    fn contains(&self, fd: impl AsFd) -> bool {
        // SAFETY: the descriptors that are asked about have been in a set, or could have been.
        FdSet::has_bit(&fd) && unsafe { libc::FD_ISSET(fd.as_fd().as_raw_fd(), &self.set) }
    }
}

/// Waits until one of the descriptors is ready, and leaves only those in the sets.
fn select(readable: &mut FdSet, writable: &mut FdSet) -> io::Result<()> {
    let end = readable.highest.max(writable.highest) + 1;
    let given = readable.count + writable.count;
    // SAFETY: the sets are valid and hold no descriptor from `end` on. No third set, no time limit.
    let select =
        || unsafe { libc::select(end, &mut readable.set, &mut writable.set, null_mut(), null_mut()) };
    let result = sys::check(wait(number::SELECT, given, true, select));
    match result {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            // The sets are unchanged: none is ready.
            (*readable, *writable) = (FdSet::new(), FdSet::new());
        }
        result => drop(result?),
    }
    Ok(())
}
