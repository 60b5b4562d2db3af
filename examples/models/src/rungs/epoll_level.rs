//! Rung 7: epoll, level-triggered: the kernel keeps the list.
//!
//! ```text
//!   thread    ctl(+1) ctl(+2) wait··········recv▓ send wait·····recv▓ send wait ···
//!   kernel    list: 1  2                   1 ready            2 ready               
//!   client 1                           data        ✓                                
//!   client 2                                                data       ✓            
//!
//!   phase 1, until there is data    the thread, in epoll_wait (·), for all of them together
//!   phase 2, the copy               the thread, in recv (▓)
//! ```
//!
//! A socket is put on the kernel's list once (`epoll_ctl`). When something comes, the kernel puts it on a second list,
//! that of the ready ones, and `epoll_wait` returns that. So a call costs what is ready, not what is open.
//!
//! *Level-triggered* means: a socket is reported for as long as there is something to read. So this server makes one
//! step for each report and forgets the rest: what is left unread is reported again. The price is that a socket which
//! should not be read must not be waited for, and each change costs an `epoll_ctl`.
//!
//! Fixes: O(ready) instead of O(open).
//! Costs: two calls to `epoll_wait` for a question that is read and answered: one to read, one to write.
//!
//! In tokio: nothing; it takes the next rung.

use super::nonblocking::{Conversation, Step};
use super::{Family, Rung, USUAL};
use crate::epoll::{Epoll, Events, READABLE, WRITABLE};
use crate::listener::Listener;
use crate::stop::Stop;
use crate::sys;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

pub const RUNG: Rung = Rung {
    number: "7",
    name: "epoll_level",
    family: Family::Readiness,
    summary: "the kernel keeps the list and names those that are ready, again until they are read",
    serve,
    ..USUAL
};

const LISTENER: u64 = 0;
const STOP: u64 = 1;

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    let (epoll, mut events) = (Epoll::new()?, Events::new());
    epoll.add(listener, READABLE, LISTENER)?;
    epoll.add(stop.as_fd(), READABLE, STOP)?;
    // Indexed by token. A token is never used twice, so a late report about a closed socket finds nobody.
    let mut conversations: HashMap<u64, Conversation> = HashMap::new();
    let mut next_token = STOP + 1;
    while !stop.is_requested() {
        epoll.wait(&mut events, None)?;
        for (token, _) in events.iter() {
            if token == LISTENER {
                // It accepts one. If there are more, that is reported again.
                if let Some(conversation) = Conversation::accept(listener)? {
                    if epoll.add(&conversation, READABLE, next_token).is_ok() {
                        conversations.insert(next_token, conversation);
                        next_token += 1;
                    }
                }
            } else if let Some(conversation) = conversations.get_mut(&token) {
                if step(conversation, &epoll, token).is_none() {
                    conversations.remove(&token);
                }
            }
        }
    }
    Ok(())
}

/// Makes one step, and then waits for what the next one needs. Returns `None` if the conversation is over.
fn step(conversation: &mut Conversation, epoll: &Epoll, token: u64) -> Option<()> {
    let was_answering = conversation.is_answering();
    if conversation.step() == Step::Over {
        return None;
    }
    if conversation.is_answering() != was_answering {
        let interest = if was_answering { READABLE } else { WRITABLE };
        epoll.modify(conversation.as_fd().as_raw_fd(), interest, token).ok()?;
    }
    Some(())
}
