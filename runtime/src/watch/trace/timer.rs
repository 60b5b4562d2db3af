//! A timer as subscribers of `tracing` see it: a resource that lasts as long as the timer, and an operation on it,
//! which begins when the timer is made, and anew when it is moved.

use super::span::{Op, Resource};
use crate::core::wait::Instant;
use crate::watch::ages::between;
use std::panic::Location;
use std::task::Poll;

/// The trace of a timer. `None` if no subscriber wants to know of it.
#[derive(Default)]
pub(crate) struct TimerTrace(Option<Box<ToldTimer>>);

struct ToldTimer {
    names: &'static Names,
    op: Option<Op>,
    resource: Resource,
}

/// The names in the console, in tokio's words.
struct Names {
    concrete_type: &'static str,
    /// The functions that make and move the timer.
    made: &'static str,
    moved: &'static str,
    poll: &'static str,
}

const SLEEP: Names =
    Names { concrete_type: "Sleep", made: "Sleep::new_timeout", moved: "Sleep::reset", poll: "poll_elapsed" };

const INTERVAL: Names =
    Names { concrete_type: "Interval", made: "Interval::tick", moved: "Interval::tick", poll: "poll_tick" };

impl TimerTrace {
    #[track_caller]
    pub(crate) fn sleep(deadline: Instant) -> TimerTrace {
        TimerTrace::new(&SLEEP, deadline)
    }

    #[track_caller]
    pub(crate) fn interval(deadline: Instant) -> TimerTrace {
        TimerTrace::new(&INTERVAL, deadline)
    }

    #[track_caller]
    fn new(names: &'static Names, deadline: Instant) -> TimerTrace {
        let told = Resource::timer(names.concrete_type, Location::caller()).map(|resource| {
            resource.set_duration(between(Instant::now(), deadline));
            let op = resource.op(names.made);
            Box::new(ToldTimer { names, op, resource })
        });
        TimerTrace(told)
    }

    pub(crate) fn reset(&mut self, deadline: Instant) {
        if let Some(told) = &mut self.0 {
            told.op = told.resource.op(told.names.moved);
            told.resource.set_duration(between(Instant::now(), deadline));
        }
    }

    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        match self.0.as_deref() {
            Some(ToldTimer { op: Some(op), names, resource }) => resource.poll(op, names.poll, poll),
            _ => poll(),
        }
    }
}
