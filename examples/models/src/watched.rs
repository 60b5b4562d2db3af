//! Keeps the system calls of this program, with their times, while somebody watches.
//!
//! `count` makes each call through [`keep`]. Each thread has a buffer of its own, of fixed size, which is there before
//! the watching begins. So a call that is kept costs two readings of the clock and some stores: no lock, no memory, and
//! a signal handler may make it, too. If nobody has prepared that ([`prepare`]), it costs one load.
//!
//! 1. A call is kept if somebody watched when it began or when it ended, so also those that were under way before.
//! 2. What finds no room is not kept: the buffers have the first calls, not the last.
//! 3. A thread that has looked away ([`look_away`]) is neither kept nor counted among [`made`].

use crate::count;
use crate::sys;
use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// More threads than these are not watched.
const THREADS: usize = 32;
/// How many calls of a thread are kept: some milliseconds of one that never waits.
const ROOM: usize = 1 << 14;

/// A call: when it began and ended, in nanoseconds of the system's monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub thread: u64,
    pub begin: u64,
    pub end: u64,
    /// Its number on x86-64, see [`number`].
    pub number: u64,
    /// A descriptor, or how many; below 0: unknown.
    pub given: i64,
    /// Whether it was allowed to sleep.
    pub may_sleep: bool,
    /// What it has returned, or `-errno`.
    pub result: i64,
}

/// The numbers of the calls that are counted, as Linux has them on x86-64.
pub mod number {
    pub const READ: u16 = 0;
    pub const WRITE: u16 = 1;
    pub const CLOSE: u16 = 3;
    pub const POLL: u16 = 7;
    pub const READV: u16 = 19;
    pub const WRITEV: u16 = 20;
    pub const SELECT: u16 = 23;
    pub const GETPID: u16 = 39;
    pub const SEND: u16 = 44;
    pub const RECV: u16 = 45;
    pub const SHUTDOWN: u16 = 48;
    pub const CLONE: u16 = 56;
    pub const WAIT4: u16 = 61;
    pub const KILL: u16 = 62;
    pub const FCNTL: u16 = 72;
    pub const SIGTIMEDWAIT: u16 = 128;
    pub const IO_SETUP: u16 = 206;
    pub const IO_DESTROY: u16 = 207;
    pub const IO_GETEVENTS: u16 = 208;
    pub const IO_SUBMIT: u16 = 209;
    pub const EPOLL_WAIT: u16 = 232;
    pub const EPOLL_CTL: u16 = 233;
    pub const ACCEPT: u16 = 288;
    pub const SIGNALFD: u16 = 289;
    pub const EVENTFD: u16 = 290;
    pub const EPOLL_CREATE: u16 = 291;
    pub const IO_URING_ENTER: u16 = 426;
}

/// What is said of a call before it is made.
#[derive(Clone, Copy)]
pub struct Asked {
    pub number: u16,
    pub given: i64,
    pub may_sleep: bool,
}

/// Begin, end, number and whether it may sleep, what it was given, its result.
type Words = [AtomicU64; 5];

struct Buffer {
    thread: AtomicU64,
    /// How many calls wanted a place. It may be more than there are.
    wanted: AtomicUsize,
    calls: Box<[Words]>,
}

static BUFFERS: OnceLock<Vec<Buffer>> = OnceLock::new();
static IS_WATCHED: AtomicBool = AtomicBool::new(false);
/// The calls that were made by threads that have looked away.
static UNSEEN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The index of the thread's buffer.
    static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    static HAS_LOOKED_AWAY: Cell<bool> = const { Cell::new(false) };
}

/// Makes room for the calls, so that they can be kept.
pub fn prepare() {
    let words = || [const { AtomicU64::new(0) }; 5];
    let buffer = || Buffer {
        thread: AtomicU64::new(0),
        wanted: AtomicUsize::new(0),
        calls: (0..ROOM).map(|_| words()).collect(),
    };
    BUFFERS.get_or_init(|| (0..THREADS).map(|_| buffer()).collect());
}

/// Begins to watch, if there is room, and returns how many calls were made before.
pub fn begin() -> u64 {
    let made = made();
    // Relaxed, here and below: what a thread keeps is read when that thread has ended, or at least waits.
    IS_WATCHED.store(BUFFERS.get().is_some(), Ordering::Relaxed);
    made
}

/// Ends it, and returns how many calls were made so far.
pub fn end() -> u64 {
    IS_WATCHED.store(false, Ordering::Relaxed);
    made()
}

/// What this thread does from now on is nobody's business: it serves those who watch.
pub fn look_away() {
    HAS_LOOKED_AWAY.set(true);
}

/// Returns how many calls all threads have made that have not looked away.
pub fn made() -> u64 {
    count::counted() - UNSEEN.load(Ordering::Relaxed)
}

/// Makes a call, and keeps it if somebody watches. `result` says what it has returned, or `-errno`. `errno` itself stays.
pub fn keep<T>(asked: Asked, make: impl FnOnce() -> T, result: impl FnOnce(&T) -> i64) -> T {
    if HAS_LOOKED_AWAY.get() {
        UNSEEN.fetch_add(1, Ordering::Relaxed);
        return make();
    }
    if BUFFERS.get().is_none() {
        return make();
    }
    let is_watched = IS_WATCHED.load(Ordering::Relaxed);
    let begin = sys::now();
    let made = make();
    let end = sys::now();
    let is_watched = is_watched || IS_WATCHED.load(Ordering::Relaxed);
    if let Some(words) = is_watched.then(place).flatten() {
        let what = u64::from(asked.number) | u64::from(asked.may_sleep) << 16;
        let values = [begin, end, what, asked.given as u64, result(&made) as u64];
        words.iter().zip(values).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
    }
    made
}

/// Returns the next place in the buffer of this thread, if there is one.
fn place() -> Option<&'static Words> {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let buffers = BUFFERS.get()?;
    if OWN.get() == usize::MAX {
        OWN.set(TAKEN.fetch_add(1, Ordering::Relaxed));
        if let Some(buffer) = buffers.get(OWN.get()) {
            buffer.thread.store(sys::thread_id(), Ordering::Relaxed);
        }
    }
    let buffer = buffers.get(OWN.get())?;
    buffer.calls.get(buffer.wanted.fetch_add(1, Ordering::Relaxed))
}

/// Writes all calls that were kept into a file, one a line.
pub fn write(path: &Path) -> io::Result<()> {
    let mut text = String::new();
    for buffer in BUFFERS.get().into_iter().flatten() {
        let thread = buffer.thread.load(Ordering::Relaxed);
        for words in buffer.calls.iter().take(buffer.wanted.load(Ordering::Relaxed)) {
            let [begin, end, what, given, result] =
                std::array::from_fn(|at| words[at].load(Ordering::Relaxed));
            let (number, may_sleep) = (what & 0xffff, what >> 16);
            let (given, result) = (given as i64, result as i64);
            let _ = writeln!(text, "{thread} {begin} {end} {number} {given} {may_sleep} {result}");
        }
    }
    fs::write(path, text)
}

impl FromStr for Call {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<Call> {
        let wrong = || io::Error::other(format!("this is no system call: {line:?}"));
        let numbers: Option<Vec<i64>> = line.split(' ').map(|word| word.parse().ok()).collect();
        let &[thread, begin, end, number, given, may_sleep, result] = numbers.as_deref().ok_or_else(wrong)?
        else {
            return Err(wrong());
        };
        let [thread, begin, end, number] = [thread, begin, end, number].map(|number| number as u64);
        Ok(Call { thread, begin, end, number, given, may_sleep: may_sleep != 0, result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_call() {
        let call = "41 1000 2500 45 7 0 -11".parse::<Call>().unwrap();
        let expected = Call {
            thread: 41,
            begin: 1_000,
            end: 2_500,
            number: 45,
            given: 7,
            may_sleep: false,
            result: -11,
        };
        assert_eq!(call, expected);
        for wrong in ["", "1 2 3", "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 x"] {
            assert!(wrong.parse::<Call>().is_err(), "{wrong}");
        }
    }
}
