//! What is written into the ring. `lens/FORMAT.md` says the same for readers, in the same order.

/// How a file begins.
pub(crate) const HEADER: &[u8; 24] = b"ayi record\r\n\x1a\n\0\0\x01\0\0\0\0\0\0\0";

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Looked = 1,
    Turned = 2,
    Entered = 3,
    Left = 4,
    Spawned = 8,
    Text = 9,
    Woken = 10,
    Polled = 11,
    Ended = 12,
    Arrived = 13,
    Waits = 14,
    Registered = 16,
    Reported = 17,
    Tried = 18,
    GivenUp = 19,
    TimerSet = 24,
    TimerFired = 25,
    TimerDropped = 26,
    Budget = 32,
    Messages = 33,
    CallQueued = 40,
    CallRan = 41,
    #[cfg(feature = "uring")]
    Submitted = 48,
    #[cfg(feature = "uring")]
    Completed = 49,
    End = 56,
}

/// One event, as it is in the ring: the times are ticks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) time: u64,
    pub(super) kind: u8,
    pub(super) a: u64,
    pub(super) b: u64,
}

/// Ids of tasks have the lower 48 bits of a word, and something else the others.
pub(super) const ID_BITS: u32 = 48;

impl Event {
    pub(super) fn of_words([first, a, b]: [u64; 3]) -> Event {
        Event { time: first >> 8, kind: first as u8, a, b }
    }

    #[inline]
    pub(super) fn first_word(time: u64, kind: u8) -> u64 {
        time << 8 | u64::from(kind)
    }

    pub(super) fn is_a(&self, kind: Kind) -> bool {
        self.kind == kind as u8
    }

    pub(super) fn id(&self) -> u64 {
        self.a & ((1 << ID_BITS) - 1)
    }

    pub(super) fn more(&self) -> u64 {
        self.a >> ID_BITS
    }

    /// The text in an event of the kind `Text`, without the zeros at its end.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut bytes = [self.a.to_le_bytes(), self.b.to_le_bytes()].concat();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }
}

/// What the loop, or the code that ran, was doing when something happened. The word of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cause(pub(super) u64);

impl Cause {
    pub(super) const UNKNOWN: Cause = Cause(0);
    pub(super) const MESSAGE: Cause = Cause(4);
    pub(super) const ROOT: Cause = Cause(5);
    pub(super) const BUDGET: Cause = Cause(6);
    pub(super) const END: Cause = Cause(10);

    pub(super) fn task(id: u64) -> Cause {
        Cause(id << 8 | 1)
    }

    pub(super) fn descriptor(key: u64) -> Cause {
        Cause(key << 8 | 2)
    }

    pub(super) fn timer(key: u64) -> Cause {
        Cause(key << 8 | 3)
    }

    /// The task has ended, and another one joins it.
    pub(super) fn joined(id: u64) -> Cause {
        Cause(id << 8 | 7)
    }

    #[cfg(feature = "uring")]
    pub(super) fn operation(number: u64) -> Cause {
        Cause(number << 8 | 9)
    }

    /// It begins. `spawner`: a task, or 0.
    pub(super) fn spawned_by(spawner: u64) -> Cause {
        Cause(spawner << 8 | 11)
    }
}
