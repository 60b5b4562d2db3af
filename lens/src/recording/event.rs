//! Events: three words each in memory as in the file, and what they mean.

/// The lower 48 bits: an id of a task.
const ID: u64 = (1 << 48) - 1;

/// The lower 40 bits: how long a system call took.
pub(crate) const TOOK: u64 = (1 << 40) - 1;

/// An event, as it stands in the file. [`Event::what`] says what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The kind and the time, then `a` and `b`.
    pub words: [u64; 3],
}

/// What has happened. Times and durations are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are named like the columns of the table in FORMAT.md.
pub enum What {
    /// `epoll_wait` has returned.
    Looked { took: u64, events: u32, may_sleep: bool },
    /// A turn of the loop is over.
    Turned { took: u64, polls: u64 },
    /// A thread has come into the runtime.
    Entered { thread: u64 },
    /// It has left it.
    Left { thread: u64 },
    /// A task begins.
    Spawned { task: u64, place: Option<u32>, by: Cause },
    /// A part of the name of the task of the event before, or of the peer of its descriptor.
    Text { bytes: [u8; 16] },
    /// A task is put on the run queue.
    Woken { task: u64, why: Cause },
    /// A poll is over.
    Polled { task: u64, outcome: Outcome, took: u64 },
    /// A task is finished.
    Ended { task: u64, how: How, worker: u64 },
    /// A task has come from another worker.
    Arrived { task: u64, place: Option<u32>, worker: u64 },
    /// A task, in its poll, begins to wait.
    Waits { task: u64, wait: Wait },
    /// A descriptor is in epoll from now on.
    Registered { key: u64, fd: u32, kind: u32 },
    /// epoll has reported it.
    Reported { key: u64, bits: u64 },
    /// An operation was tried.
    Tried { key: u64, operation: u16, result: u16 },
    /// A descriptor has left epoll.
    GivenUp { key: u64, fd: u32 },
    /// A task waits for a time.
    TimerSet { key: u64, deadline: u64 },
    /// It was due.
    TimerFired { key: u64, deadline: u64 },
    /// It is no longer waited for.
    TimerDropped { key: u64 },
    /// A task has used up its budget.
    Budget { task: u64 },
    /// Messages of other threads were read.
    Messages { count: u64 },
    /// A blocking call waits for a thread of the pool.
    CallQueued { call: u64 },
    /// A blocking call is over.
    CallRan { call: u64, took: u64 },
    /// An operation is given to the ring.
    Submitted { operation: u64, code: u64 },
    /// It is done.
    Completed { operation: u64, result: i32 },
    /// A phase of the runtime's end.
    End { phase: u64, left: u64 },
    /// A burst has overwritten what nobody had read.
    Lost { events: u64 },
    /// A system call is over. `given`: a descriptor, or how many. `result`: below 0, it is `-errno`.
    Called { thread: u32, call: u16, given: Option<u16>, took: u64, result: i32 },
    /// A kind that this reader does not know.
    Unknown { kind: u8 },
}

/// What the loop, or the code that ran, was doing: the first byte says what, the other 56 bits which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause(pub u64);

/// What was doing: a [`Cause`], taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are named like the rows of the table in FORMAT.md.
pub enum By {
    /// It is not known.
    Unknown,
    /// The code of a task.
    Task(u64),
    /// A report of a descriptor: the lower 56 bits of its key.
    Descriptor(u64),
    /// A timer: the lower 56 bits of its key.
    Timer(u64),
    /// A message of another thread.
    Message,
    /// The future of `block_on`, or code that runs outside of a task.
    Outside,
    /// Its budget is renewed.
    Budget,
    /// The end of the task that it joins.
    Joined(u64),
    /// A blocking call is done.
    Call(u64),
    /// An operation of the ring is done.
    Operation(u64),
    /// The runtime ends.
    End,
    /// It begins. 0, or its spawner.
    Begin(u64),
    /// A cause that this reader does not know.
    Other(u8),
}

impl Cause {
    /// Puts a cause together.
    pub fn new(what: u8, which: u64) -> Cause {
        Cause(which << 8 | u64::from(what))
    }

    /// Takes a cause apart.
    pub fn by(self) -> By {
        let which = self.0 >> 8;
        match self.0 as u8 {
            0 => By::Unknown,
            1 => By::Task(which & ID),
            2 => By::Descriptor(which),
            3 => By::Timer(which),
            4 => By::Message,
            5 => By::Outside,
            6 => By::Budget,
            7 => By::Joined(which & ID),
            8 => By::Call(which & ID),
            9 => By::Operation(which),
            10 => By::End,
            11 => By::Begin(which & ID),
            other => By::Other(other),
        }
    }
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The task is not finished.
    Pending,
    /// The task is finished.
    Ready,
    /// The task has panicked.
    Panicked,
    /// An outcome that this reader does not know.
    Other(u16),
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was ready.
    Ready,
    /// It has panicked.
    Panicked,
    /// It was cancelled.
    Cancelled,
    /// It has gone to another worker.
    Moved,
    /// A way that this reader does not know.
    Other(u16),
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// 1 descriptor, 2 timer, 3 task, 4 blocking call, 5 operation of the ring, 6 channel or lock.
    pub on: u16,
    /// Its key, id, number or address.
    pub which: u64,
}

impl Event {
    /// Returns the number of the event's kind.
    pub fn kind(self) -> u8 {
        self.words[0] as u8
    }

    /// Returns the event's time.
    pub fn time(self) -> u64 {
        self.words[0] >> 8
    }

    /// Says what has happened.
    pub fn what(self) -> What {
        let [_, a, b] = self.words;
        let (id, more) = (a & ID, (a >> 48) as u16);
        match self.kind() {
            1 => What::Looked { took: a, events: b as u32, may_sleep: b >> 32 & 1 == 1 },
            2 => What::Turned { took: a, polls: b },
            3 => What::Entered { thread: a },
            4 => What::Left { thread: a },
            8 => What::Spawned { task: id, place: u32::from(more).checked_sub(1), by: Cause(b) },
            9 => What::Text { bytes: text(a, b) },
            10 => What::Woken { task: id, why: Cause(b) },
            11 => What::Polled { task: id, outcome: Outcome::from(more), took: b },
            12 => What::Ended { task: id, how: How::from(more), worker: b },
            13 => What::Arrived { task: id, place: u32::from(more).checked_sub(1), worker: b },
            14 => What::Waits { task: id, wait: Wait { on: more, which: b } },
            16 => What::Registered { key: a, fd: b as u32, kind: u32::from((b >> 32) as u8) },
            17 => What::Reported { key: a, bits: b },
            18 => What::Tried { key: a, operation: b as u16, result: (b >> 16) as u16 },
            19 => What::GivenUp { key: a, fd: b as u32 },
            24 => What::TimerSet { key: a, deadline: b },
            25 => What::TimerFired { key: a, deadline: b },
            26 => What::TimerDropped { key: a },
            32 => What::Budget { task: id },
            33 => What::Messages { count: a },
            40 => What::CallQueued { call: id },
            41 => What::CallRan { call: id, took: b },
            48 => What::Submitted { operation: a, code: b },
            49 => What::Completed { operation: a, result: b as u32 as i32 },
            56 => What::End { phase: a, left: b },
            60 => What::Lost { events: a },
            64 => What::Called {
                thread: a as u32,
                call: more,
                given: ((a >> 32) as u16).checked_sub(1),
                took: b & TOOK,
                result: (b as i64 >> 40) as i32,
            },
            kind => What::Unknown { kind },
        }
    }
}

fn text(a: u64, b: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_le_bytes());
    bytes[8..].copy_from_slice(&b.to_le_bytes());
    bytes
}

impl From<u16> for Outcome {
    fn from(number: u16) -> Outcome {
        match number {
            0 => Outcome::Pending,
            1 => Outcome::Ready,
            2 => Outcome::Panicked,
            other => Outcome::Other(other),
        }
    }
}

impl From<u16> for How {
    fn from(number: u16) -> How {
        match number {
            0 => How::Ready,
            1 => How::Panicked,
            2 => How::Cancelled,
            3 => How::Moved,
            other => How::Other(other),
        }
    }
}

/// Returns the name of a kind of descriptor.
pub fn kind_name(kind: u32) -> &'static str {
    const NAMES: [&str; 13] = [
        "unknown",
        "TCP stream",
        "TCP listener",
        "UDP",
        "Unix stream",
        "Unix listener",
        "Unix datagram",
        "pipe",
        "eventfd",
        "timerfd",
        "signalfd",
        "pidfd",
        "other",
    ];
    usize::try_from(kind).ok().and_then(|kind| NAMES.get(kind)).copied().unwrap_or("unknown")
}

/// Returns the name of a system call by its number on x86-64, as programs call it, or none.
pub fn call_name(call: u16) -> Option<&'static str> {
    let name = match call {
        0 => "read",
        1 => "write",
        3 => "close",
        7 => "poll",
        17 => "pread",
        18 => "pwrite",
        19 => "readv",
        20 => "writev",
        23 => "select",
        39 => "getpid",
        44 => "send",
        45 => "recv",
        48 => "shutdown",
        72 => "fcntl",
        128 => "sigtimedwait",
        206 => "io_setup",
        207 => "io_destroy",
        208 => "io_getevents",
        209 => "io_submit",
        232 => "epoll_wait",
        233 => "epoll_ctl",
        270 => "pselect",
        271 => "ppoll",
        281 => "epoll_pwait",
        288 => "accept",
        289 => "signalfd",
        290 => "eventfd",
        291 => "epoll_create",
        425 => "io_uring_setup",
        426 => "io_uring_enter",
        427 => "io_uring_register",
        441 => "epoll_pwait2",
        _ => return None,
    };
    Some(name)
}
