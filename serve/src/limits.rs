//! When a connection has to end because its client is silent.
//!
//! ```text
//!   Serving ── nothing is done for a whole limit, or `stop` ──▶ Ending ── the client stays silent ──▶ cut
//!      └────── the client does not take its response ───────────────────────────────────────────────────▲
//! ```
//!
//! Something is done if a request comes, or a response moves on. Bytes alone do not count while there is no request,
//! nor do the pings of HTTP/2: otherwise a client could send one now and then, and keep what the server holds for it.

use crate::watched::Activity;
use crate::work::{Side, Work};
use ayi_runtime::time::{Sleep, sleep};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long a client without a request under way may take to leave, once it was told to. It is enough for three round
/// trips of a bad mobile network, with packets lost, and less than servers usually have for their own end.
const FAREWELL: Duration = Duration::from_secs(10);
/// How many reads with a result in one period of HTTP/2 count as the body of a request, and not as pings.
const UPLOAD: usize = 16;

/// What is to be done with a connection.
pub(crate) enum Verdict {
    EndGracefully,
    Cut(io::Error),
}

pub(crate) struct Limits<'a> {
    /// With `None` a connection may be idle, and its client slow, without limit.
    idle: Option<Duration>,
    work: Rc<Work>,
    activity: &'a Activity,
    timer: Option<Sleep>,
    before: Steps,
    /// Whether the client was told to go.
    is_ending: bool,
    /// How long nothing has been done since it was told to go.
    silence: Duration,
}

/// The progress at the last tick of the timer.
struct Steps {
    work: usize,
    stream: usize,
    reads: usize,
}

impl<'a> Limits<'a> {
    pub(crate) fn new(idle: Option<Duration>, work: Rc<Work>, activity: &'a Activity) -> Limits<'a> {
        let before = Steps { work: work.steps(), stream: activity.steps(), reads: activity.reads() };
        let (timer, silence) = (idle.map(sleep), Duration::ZERO);
        Limits { idle, work, activity, timer, before, is_ending: false, silence }
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// Tells the client to go, and starts a new period for that.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
        self.is_progressing();
        self.timer = Some(sleep(self.period()));
    }

    /// The time between two ticks of the timer.
    fn period(&self) -> Duration {
        let idle = self.idle.unwrap_or(Duration::MAX);
        if self.is_ending { idle.min(FAREWELL) } else { idle }
    }

    /// Ready when the connection's client has been silent for too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        loop {
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            ready!(Pin::new(timer).poll(cx));
            self.timer = Some(sleep(self.period()));
            let is_progressing = self.is_progressing();
            let verdict = match () {
                () if is_progressing => None,
                () if self.is_ending => self.judge_silence(),
                () if self.is_stalled() => Some(Verdict::Cut(too_slow())),
                () => Some(Verdict::EndGracefully),
            };
            if is_progressing {
                self.silence = Duration::ZERO;
            }
            if let Some(verdict) = verdict {
                return Poll::Ready(verdict);
            }
        }
    }

    /// Decides after a period in which nothing was done, once the client was told to go.
    fn judge_silence(&mut self) -> Option<Verdict> {
        self.silence = self.silence.saturating_add(self.period());
        let is_patience_over = self.idle.is_some_and(|idle| self.silence >= idle);
        if self.is_stalled() || self.work.has_tunnel() {
            return is_patience_over.then(|| Verdict::Cut(too_slow()));
        }
        // An answer that takes long is not the client's fault.
        (!self.work.waits_for(Side::Server)).then(|| Verdict::Cut(does_not_go()))
    }

    /// Returns whether the client has to take something.
    fn is_stalled(&self) -> bool {
        self.work.waits_for(Side::Client) || self.activity.is_write_waiting()
    }

    /// Returns whether anything was done since the last call.
    fn is_progressing(&mut self) -> bool {
        let now =
            Steps { work: self.work.steps(), stream: self.activity.steps(), reads: self.activity.reads() };
        let before = std::mem::replace(&mut self.before, now);
        let has_moved = self.before.stream != before.stream;
        let has_request = self.work.waits_for(Side::Server);
        self.before.work != before.work
            || match () {
                () if self.work.has_tunnel() => has_moved,
                () if self.work.is_http_2() => {
                    has_request && self.before.reads.wrapping_sub(before.reads) >= UPLOAD
                }
                () => has_moved && (has_request || self.is_stalled()),
            }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the client has not read what was sent to it within the idle timeout; `Http::idle_timeout` sets how long it \
         may take",
    )
}

fn does_not_go() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the client was told that the connection ends, had no request under way, and has not left in time, so that the \
         connection was cut",
    )
}
