//! Rung 6: `poll`: the list without an end.
//!
//! ```text
//!   thread    poll·············recv▓ send poll·······recv▓ send poll ···
//!   client 1               data        ✓                                
//!   client 2                                     data       ✓           
//!
//!   phase 1, until there is data    the thread, in poll (·), for all of them together
//!   phase 2, the copy               the thread, in recv (▓)
//! ```
//!
//! An array has an entry for each descriptor: the question (`events`) and, beside it, the answer (`revents`). So the
//! array need not be filled again for each call, and any descriptor has a place in it.
//!
//! Fixes: the limit of 1,024.
//! Costs: all of the array is still copied into the kernel and searched, there and here, on each call, and each entry
//! costs a look at its socket: O(n), though only one may be ready.
//!
//! In tokio: nothing.

use super::nonblocking::{Conversation, Step};
use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use libc::{POLLIN, POLLOUT, pollfd};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

pub const RUNG: Rung = Rung {
    number: "6",
    name: "poll",
    family: Family::Readiness,
    summary: "like select, with a list of any length; still all of it on every call",
    serve,
    ..USUAL
};

/// The entries that belong to no conversation: the listener's and that of the stop.
const OTHERS: usize = 2;

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    // The conversation `i` has the entry `i + OTHERS`.
    let mut entries = vec![entry(listener, POLLIN), entry(stop.as_fd(), POLLIN)];
    let mut conversations: Vec<Conversation> = Vec::new();
    while !stop.is_requested() {
        sys::poll(&mut entries, None)?;
        // It goes backwards, because the last one takes the place of one that is removed: it has had its turn.
        for i in (0..conversations.len()).rev() {
            if entries[i + OTHERS].revents == 0 {
                continue;
            }
            // An error or a hang-up is reported unasked; the step finds out.
            if conversations[i].step() == Step::Over {
                conversations.swap_remove(i);
                entries.swap_remove(i + OTHERS);
                continue;
            }
            let wanted = if conversations[i].is_answering() { POLLOUT } else { POLLIN };
            entries[i + OTHERS].events = wanted;
        }
        if entries[0].revents != 0 {
            if let Some(conversation) = Conversation::accept(listener)? {
                entries.push(entry(&conversation, POLLIN));
                conversations.push(conversation);
            }
        }
    }
    Ok(())
}

fn entry(fd: impl AsFd, events: i16) -> pollfd {
    pollfd { fd: fd.as_fd().as_raw_fd(), events, revents: 0 }
}
