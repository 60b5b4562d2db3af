//! What epoll is asked to watch, and what it reports.

use crate::dice::{Call, Dice, in_session, note, note_hard, throw};
use crate::kernel::{self, fail};
use libc::{c_int, c_long, epoll_event};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

struct Watched {
    /// What was registered, by epoll instance and descriptor. A descriptor that was closed stays here until its number
    /// is used again.
    now: BTreeMap<(c_int, c_int), (u64, u32)>,
    /// The latest tokens that are no longer watched.
    gone: Vec<(c_int, u64)>,
}

static WATCHED: Mutex<Watched> = Mutex::new(Watched { now: BTreeMap::new(), gone: Vec::new() });

/// How many tokens of sources that are gone are remembered.
const GONE: usize = 16;

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Watched {
    fn is_gone(&mut self, epoll: c_int, token: u64) {
        if self.gone.len() == GONE {
            self.gone.remove(0);
        }
        self.gone.push((epoll, token));
    }

    /// Returns the entries of one epoll instance.
    fn of(&self, epoll: c_int) -> Vec<(c_int, u64, u32)> {
        let range = self.now.range((epoll, c_int::MIN)..=(epoll, c_int::MAX));
        range.map(|((_, fd), (token, events))| (*fd, *token, *events)).collect()
    }
}

/// # Safety
///
/// Those of epoll_ctl(2).
unsafe fn control(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    let arguments = [epoll.into(), operation.into(), fd.into(), event as c_long, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { kernel::call(libc::SYS_epoll_ctl, arguments) as c_int }
}

/// Asks the kernel to report the present state of a descriptor once more, wherever it is watched: invariant 1 of the
/// crate. If the descriptor was closed meanwhile, the kernel does not know it, and nothing happens.
pub(crate) fn report_again(fd: c_int) {
    let now: Vec<_> =
        watched().now.iter().filter(|((_, other), _)| *other == fd).map(|(k, v)| (*k, *v)).collect();
    for ((epoll, fd), (token, events)) in now {
        let mut event = epoll_event { events, u64: token };
        // SAFETY: `event` outlives the call. A number that is no longer an epoll instance gives an error.
        unsafe { control(epoll, libc::EPOLL_CTL_MOD, fd, &mut event) };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_create1(flags: c_int) -> c_int {
    if in_session() {
        if let Some(mut dice) = throw(Call::Make) {
            let errno = dice.pick(&[libc::EMFILE, libc::ENFILE, libc::ENOMEM]);
            note_hard("epoll_create1", errno);
            return fail(errno);
        }
    }
    // A runtime begins with this call.
    ayi_runtime::faults::set_on_submit(crate::entry::on_submit);
    // SAFETY: it takes no pointers.
    let epoll = unsafe { kernel::call(libc::SYS_epoll_create1, [flags.into(), 0, 0, 0, 0, 0]) as c_int };
    let mut watched = watched();
    watched.now.retain(|(other, _), _| *other != epoll);
    watched.gone.retain(|(other, _)| *other != epoll);
    epoll
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    if operation == libc::EPOLL_CTL_ADD && in_session() {
        if let Some(mut dice) = throw(Call::Watch) {
            let errno = dice.pick(&[libc::ENOMEM, libc::ENOSPC]);
            note_hard("epoll_ctl", errno);
            return fail(errno);
        }
    }
    // SAFETY: the caller's promise.
    let result = unsafe { control(epoll, operation, fd, event) };
    if result == 0 {
        let mut watched = watched();
        let before = match operation {
            libc::EPOLL_CTL_DEL => watched.now.remove(&(epoll, fd)),
            _ => {
                // SAFETY: the caller's promise: there is one, except for EPOLL_CTL_DEL.
                let event = unsafe { *event };
                watched.now.insert((epoll, fd), (event.u64, event.events))
            }
        };
        if let Some((token, _)) = before {
            watched.is_gone(epoll, token);
        }
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    milliseconds: c_int,
) -> c_int {
    let wait = |room: c_int, at_once: bool| {
        let limit = if at_once { 0 } else { milliseconds };
        let arguments = [epoll.into(), events as c_long, room.into(), limit.into(), 0, 8];
        // SAFETY: the caller's promise.
        unsafe { kernel::call(libc::SYS_epoll_pwait, arguments) as c_int }
    };
    // SAFETY: the caller's promise.
    unsafe { self::wait(epoll, events, room, milliseconds > 0, wait) }
}

/// # Safety
///
/// There is room for `room` events, at least one.
pub(crate) unsafe fn wait(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    has_limit: bool,
    wait: impl Fn(c_int, bool) -> c_int,
) -> c_int {
    let Some(mut dice) = throw(Call::Wait) else { return wait(room, false) };
    match dice.below(6) {
        0 => {
            note("epoll_wait", "fails", libc::EINTR);
            fail(libc::EINTR)
        }
        // As if the clock of its limit were ahead.
        1 if has_limit => {
            note("epoll_wait", "ends early", 0);
            0
        }
        2 => {
            let of_it = watched().of(epoll);
            if let Some((fd, ..)) = any(&of_it, &mut dice) {
                note("epoll_wait", "reports once more", 0);
                report_again(fd);
            }
            wait(room, false)
        }
        3 if room > 1 => match false_report(epoll, &mut dice) {
            Some(report) => {
                note("epoll_wait", "reports what is not so", 0);
                let count = wait(room - 1, true).max(0);
                // SAFETY: one place was left.
                unsafe { events.add(count as usize).write(report) };
                count + 1
            }
            None => wait(room, false),
        },
        _ => {
            note("epoll_wait", "has room for one", 0);
            wait(1, false)
        }
    }
}

/// Makes a report of a source that is not ready, or of one that is gone.
fn false_report(epoll: c_int, dice: &mut Dice) -> Option<epoll_event> {
    let watched = watched();
    let gone: Vec<u64> =
        watched.gone.iter().filter(|(of, _)| *of == epoll).map(|(_, token)| *token).collect();
    let bit = dice.pick(&[libc::EPOLLIN, libc::EPOLLOUT, libc::EPOLLIN | libc::EPOLLOUT]) as u32;
    let token = match any(&watched.of(epoll), dice) {
        _ if !gone.is_empty() && dice.one_in(4) => dice.pick(&gone),
        Some((_, token, _)) => token,
        None => return None,
    };
    Some(epoll_event { events: bit, u64: token })
}

fn any<T: Copy>(of: &[T], dice: &mut Dice) -> Option<T> {
    (!of.is_empty()).then(|| dice.pick(of))
}
