//! How long an operation may wait, by which limit, and which direction has been told that the limit is over.

#[cfg(doc)]
use super::TimeoutStream;
use ayi_runtime::task::coop;
use ayi_runtime::time::{Duration, Instant, Sleep};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The limit of a [`TimeoutStream`] that is over.
///
/// # Examples
///
/// ```
/// use ayi::io::TimeLimit;
/// let other = std::io::Error::from(std::io::ErrorKind::TimedOut);
/// assert_eq!(TimeLimit::of(&other), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// [`TimeoutStream::set_idle_timeout`]
    Idle,
    /// [`TimeoutStream::set_write_timeout`]
    Write,
    /// [`TimeoutStream::set_time_limit`]
    Step,
    /// [`TimeoutStream::set_lifetime`]
    Lifetime,
}

/// The limits that keep running while bytes move.
const LASTING: &[TimeLimit] = &[TimeLimit::Step, TimeLimit::Lifetime];
const FOR_READS: &[TimeLimit] = &[TimeLimit::Idle, TimeLimit::Step, TimeLimit::Lifetime];
const FOR_WRITES: &[TimeLimit] = &[TimeLimit::Idle, TimeLimit::Write, TimeLimit::Step, TimeLimit::Lifetime];

impl TimeLimit {
    /// Returns the limit that an error of a [`TimeoutStream`] is about, or `None` for all other errors.
    ///
    /// # Examples
    ///
    /// See [`TimeoutStream`].
    pub fn of(error: &io::Error) -> Option<TimeLimit> {
        error.get_ref()?.downcast_ref::<Exceeded>().map(|exceeded| exceeded.limit)
    }
}

/// Indexed by `TimeLimit`.
#[derive(Default)]
pub(super) struct Limits([Option<Limit>; 4]);

#[derive(Clone, Copy)]
struct Limit {
    after: Duration,
    /// When the first wait that counts began.
    since: Option<Instant>,
    /// Indexed by `Direction`.
    told: [Told; 2],
}

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Read,
    Write,
}

/// Whether a direction has been told that a limit is over, since bytes last moved.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    No,
    /// It was told. The limit begins anew with the next wait.
    Yes,
    /// It was told, and the next wait began at this time.
    Since(Instant),
}

impl Limits {
    pub(super) fn set(&mut self, which: TimeLimit, after: Option<Duration>, since: Option<Instant>) {
        self.0[which as usize] = after.map(|after| Limit { after, since, told: [Told::No; 2] });
    }

    pub(super) fn after(&self, which: TimeLimit) -> Option<Duration> {
        self.0[which as usize].map(|limit| limit.after)
    }

    /// Starts a limit again: bytes have moved.
    pub(super) fn begin_anew(&mut self, which: TimeLimit, at: Option<Instant>) {
        if let Some(limit) = &mut self.0[which as usize] {
            limit.since = at;
            limit.told = [Told::No; 2];
        }
    }

    /// Returns which limit of an operation that waits is over first, and when.
    pub(super) fn first_end(&mut self, direction: Direction) -> Option<End> {
        let which = match direction {
            Direction::Read => FOR_READS,
            Direction::Write => FOR_WRITES,
        };
        self.first_of(which, direction)
    }

    /// Returns a limit that is over although no operation has to wait.
    pub(super) fn overdue(&mut self, direction: Direction) -> Option<End> {
        self.first_of(LASTING, direction).filter(|end| end.at <= Instant::now())
    }

    fn first_of(&mut self, which: &[TimeLimit], direction: Direction) -> Option<End> {
        let mut first: Option<End> = None;
        let mut now = None;
        for &which in which {
            let Some(limit) = &mut self.0[which as usize] else { continue };
            let is_told = limit.told[direction as usize] != Told::No;
            let since = limit.waits_since(which, direction, || *now.get_or_insert_with(Instant::now));
            // A limit beyond what the clock can represent is none.
            let Some(at) = since.checked_add(limit.after) else { continue };
            if first.as_ref().is_none_or(|first| at < first.at) {
                first = Some(End { at, which, direction, is_told });
            }
        }
        first
    }

    /// Makes the error of a limit that is over. The limit begins anew for the direction that is told. If the other
    /// direction waits too, it is to be told as well.
    pub(super) fn over(&mut self, end: &End, is_other_waiting: bool) -> io::Error {
        let limit = self.0[end.which as usize].as_mut().expect("it is this limit that is over");
        if end.which != TimeLimit::Lifetime && !is_other_waiting {
            limit.since = None;
            // The other direction had begun a wait and given it up.
            limit.told = limit.told.map(|told| if told == Told::No { Told::No } else { Told::Yes });
        }
        limit.told[end.direction as usize] = Told::Yes;
        Exceeded { limit: end.which, after: limit.after }.into()
    }
}

impl Limit {
    /// Returns since when an operation waits that waits at `now`.
    fn waits_since(
        &mut self,
        which: TimeLimit,
        direction: Direction,
        now: impl FnOnce() -> Instant,
    ) -> Instant {
        let told = &mut self.told[direction as usize];
        match (*told, self.since) {
            (Told::Yes, Some(since)) if which == TimeLimit::Lifetime => since,
            (Told::Yes, _) => {
                let now = now();
                *told = Told::Since(now);
                self.since.get_or_insert(now);
                now
            }
            (Told::Since(since), Some(first)) => first.max(since),
            (Told::No, Some(since)) => since,
            (_, None) => *self.since.insert(now()),
        }
    }
}

/// When an operation that waits has to end, and by which limit.
pub(super) struct End {
    pub(super) at: Instant,
    which: TimeLimit,
    direction: Direction,
    is_told: bool,
}

impl End {
    /// Polls for that time. The timer may be set to any time before.
    pub(super) fn poll(&self, timer: &mut Sleep, cx: &mut Context<'_>) -> Poll<()> {
        if timer.deadline() > self.at {
            Pin::new(&mut *timer).reset(self.at);
        }
        loop {
            // A stream that always uses up the budget must not starve the limits. But a task that was told and
            // continues must give way.
            ready!(match self.is_told || coop::has_budget_remaining() {
                true => Pin::new(&mut *timer).poll(cx),
                false => Pin::new(&mut coop::unconstrained(&mut *timer)).poll(cx),
            });
            if timer.deadline() == self.at {
                return Poll::Ready(());
            }
            Pin::new(&mut *timer).reset(self.at);
        }
    }
}

#[derive(Debug)]
struct Exceeded {
    limit: TimeLimit,
    after: Duration,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after;
        let (what, setter) = match self.limit {
            TimeLimit::Idle => ("nothing has been read or written for", "set_idle_timeout"),
            TimeLimit::Write => {
                ("the peer has taken nothing of what is written to it for", "set_write_timeout")
            }
            TimeLimit::Step => ("the peer has not let this be finished within", "set_time_limit"),
            TimeLimit::Lifetime => ("the connection has lasted for", "set_lifetime"),
        };
        write!(
            f,
            "{what} {after:?}, which is its limit: close the connection, or allow more with `TimeoutStream::{setter}`"
        )
    }
}

impl std::error::Error for Exceeded {}

impl From<Exceeded> for io::Error {
    fn from(exceeded: Exceeded) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, exceeded)
    }
}
