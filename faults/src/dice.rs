//! Which call fails, and how: the seed, and the faults so far.

use ayi_runtime::faults::aside;
use std::cell::Cell;
use std::io::{Write, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A fault, as it was put into a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The call's name.
    pub call: &'static str,
    /// What was done, in words.
    pub what: &'static str,
    /// The error, or 0 if the call did not fail.
    pub errno: i32,
    /// Whether the program may see it.
    pub is_hard: bool,
}

/// Each kind of call has dice of its own, so that one more `epoll_wait` does not change what happens to a `recv`.
#[derive(Clone, Copy)]
pub(crate) enum Call {
    Wait,
    Watch,
    Read,
    Write,
    Poll,
    Accept,
    Connect,
    Make,
    Bind,
    Open,
    ReadAt,
    WriteAt,
    Enter,
    Submit,
    Thread,
}

const CALLS: usize = Call::Thread as usize + 1;

// Relaxed, all of them: they are set while no other thread makes calls, and the start of a later thread makes them
// visible to it.
static SEED: AtomicU64 = AtomicU64::new(0);
/// One in so many calls fails; 0 means none.
static ONE_IN: AtomicU32 = AtomicU32::new(UNKNOWN);
/// Whether there are also faults that the program sees.
static IS_HARD: AtomicBool = AtomicBool::new(false);
/// Whether transfers are never made shorter.
static IS_WHOLE: AtomicBool = AtomicBool::new(false);
/// The session to which a thread's dice belong.
static EPOCH: AtomicU32 = AtomicU32::new(1);
/// How many threads have no name.
static UNNAMED: AtomicU64 = AtomicU64::new(0);
static DONE: Mutex<Vec<Fault>> = Mutex::new(Vec::new());

/// The environment has not been read yet.
const UNKNOWN: u32 = u32::MAX;

/// The default if the environment has no number. It is even, because a call that is begun again until it is let through
/// must succeed at some time.
const DEFAULT_ONE_IN: u32 = 8;

thread_local! {
    static THROWN: Cell<Thrown> = const { Cell::new(Thrown { epoch: 0, stream: 0, counts: [0; CALLS] }) };
}

thread_local! {
    /// The last session that this thread has started.
    static OWN: Cell<u32> = const { Cell::new(0) };
}

#[derive(Clone, Copy)]
struct Thrown {
    epoch: u32,
    stream: u64,
    counts: [u32; CALLS],
}

/// Faults of both kinds, in this process, until it is dropped. There is one session at a time.
#[derive(Debug)]
pub struct Session(());

impl Session {
    /// Starts a session in which one in `one_in` calls fails, at least 2.
    pub fn start(seed: u64, one_in: u32) -> Session {
        assert!(one_in >= 2, "calls that always fail never end");
        DONE.lock().unwrap().clear();
        SEED.store(seed, Ordering::Relaxed);
        UNNAMED.store(0, Ordering::Relaxed);
        OWN.set(EPOCH.fetch_add(1, Ordering::Relaxed) + 1);
        IS_HARD.store(true, Ordering::Relaxed);
        IS_WHOLE.store(false, Ordering::Relaxed);
        ONE_IN.store(one_in, Ordering::Relaxed);
        Session(())
    }

    /// Returns the faults of this session so far.
    pub fn faults() -> Vec<Fault> {
        DONE.lock().unwrap().clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        ONE_IN.store(0, Ordering::Relaxed);
        IS_HARD.store(false, Ordering::Relaxed);
    }
}

/// The random numbers for one fault.
pub(crate) struct Dice(u64);

/// Returns `None` for most calls: they are let through.
pub(crate) fn throw(call: Call) -> Option<Dice> {
    let one_in = match ONE_IN.load(Ordering::Relaxed) {
        0 => return None,
        UNKNOWN => read_environment(),
        one_in => one_in,
    };
    let mut thrown = THROWN.get();
    let epoch = EPOCH.load(Ordering::Relaxed);
    if thrown.epoch != epoch {
        thrown = Thrown { epoch, stream: stream(), counts: [0; CALLS] };
    }
    let count = &mut thrown.counts[call as usize];
    *count += 1;
    let place = u64::from(*count) << 8 | call as u64;
    THROWN.set(thrown);
    let seed = SEED.load(Ordering::Relaxed);
    let mut dice = Dice(mix(mix(seed) ^ thrown.stream) ^ mix(place));
    (one_in > 0 && dice.one_in(one_in)).then_some(dice)
}

/// Returns whether the program may see a fault, and this one is to be such.
pub(crate) fn is_hard(dice: &mut Dice) -> bool {
    in_session() && dice.one_in(8)
}

pub(crate) fn in_session() -> bool {
    IS_HARD.load(Ordering::Relaxed)
}

/// Returns whether this thread has started the current session.
pub(crate) fn is_own() -> bool {
    OWN.get() == EPOCH.load(Ordering::Relaxed)
}

pub(crate) fn is_whole() -> bool {
    IS_WHOLE.load(Ordering::Relaxed)
}

/// Records a fault. The calls that recording makes are no operations of ours.
pub(crate) fn note(call: &'static str, what: &'static str, errno: i32) {
    aside(|| write_down(Fault { call, what, errno, is_hard: false }));
}

/// Records a fault that the program may see.
pub(crate) fn note_hard(call: &'static str, errno: i32) {
    aside(|| write_down(Fault { call, what: "fails for good", errno, is_hard: true }));
}

fn write_down(fault: Fault) {
    let Fault { call, what, errno, .. } = fault;
    // This is only for people who look for a fault. The test harness would keep the output of `eprintln!`.
    if std::env::var_os("AYI_FAULTS_SHOW").is_some() {
        let _ = writeln!(stderr(), "{}: {call} {what} {errno}", thread_name());
    }
    if in_session() {
        DONE.lock().unwrap().push(fault);
    }
}

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n as usize) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Returns a part of `len`, which is at least 2. The part is often small.
    pub(crate) fn part_of(&mut self, len: usize) -> usize {
        let most = if self.one_in(2) { len.min(9) } else { len };
        1 + self.below(most - 1)
    }
}

/// The mixer of SplitMix64, by Sebastiano Vigna: <https://prng.di.unimi.it/splitmix64.c>.
fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Returns this thread's stream of numbers: invariant 4.
fn stream() -> u64 {
    match thread_name().as_str() {
        "" => mix(UNNAMED.fetch_add(1, Ordering::Relaxed)),
        name => name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mix(hash ^ u64::from(byte))),
    }
}

fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Reads `AYI_FAULTS=SEED`, `SEED:N`, or `SEED:N:whole`.
fn read_environment() -> u32 {
    let Some(text) = std::env::var_os("AYI_FAULTS") else {
        ONE_IN.store(0, Ordering::Relaxed);
        return 0;
    };
    let text = text.to_string_lossy();
    let mut parts = text.split(':');
    let seed = parts.next().and_then(|seed| seed.parse().ok());
    let one_in = parts.next().map_or(Some(DEFAULT_ONE_IN), |one_in| one_in.parse().ok());
    let is_whole = parts.next().map(|whole| whole == "whole");
    let (Some(seed), Some(one_in @ 2..), None | Some(true), None) = (seed, one_in, is_whole, parts.next())
    else {
        panic!(
            "AYI_FAULTS={text}: it is SEED, or SEED:N for faults in one of N calls, N at least 2, or SEED:N:whole to make \
             no transfer shorter"
        );
    };
    SEED.store(seed, Ordering::Relaxed);
    IS_WHOLE.store(is_whole.is_some(), Ordering::Relaxed);
    ONE_IN.store(one_in, Ordering::Relaxed);
    one_in
}
