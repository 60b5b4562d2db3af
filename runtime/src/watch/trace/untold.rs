//! Empty traces, which are used without the feature `tracing`. Their functions only run what they are given.

use crate::core::onlooker::TaskFacts;
use crate::core::ready::Interest;
use crate::core::wait::Instant;
use std::task::{Context, Poll, Waker};

pub(crate) struct TaskTrace;

impl TaskTrace {
    pub(crate) const IS_TOLD: bool = false;
    pub(crate) const NOTHING: TaskTrace = TaskTrace;

    #[inline(always)]
    pub(crate) fn begin(_: &TaskFacts<'_>, _: Waker) -> TaskTrace {
        TaskTrace
    }

    #[inline(always)]
    pub(crate) fn root<'a>(_: impl FnOnce() -> TaskFacts<'a>, _: Option<Waker>) -> TaskTrace {
        TaskTrace
    }

    #[inline(always)]
    pub(crate) fn enter(&self) -> Entered {
        Entered
    }

    #[inline(always)]
    pub(crate) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        poll(cx)
    }
}

pub(crate) struct Entered;

pub(crate) struct CallTrace;

impl CallTrace {
    #[inline(always)]
    pub(crate) fn new(_: &TaskFacts<'_>, _: fn() -> &'static str) -> CallTrace {
        CallTrace
    }

    #[inline(always)]
    pub(crate) fn enter(&self) -> Entered {
        Entered
    }
}

#[derive(Default)]
pub(crate) struct TimerTrace;

impl TimerTrace {
    #[inline(always)]
    pub(crate) fn sleep(_: Instant) -> TimerTrace {
        TimerTrace
    }

    #[inline(always)]
    pub(crate) fn interval(_: Instant) -> TimerTrace {
        TimerTrace
    }

    #[inline(always)]
    pub(crate) fn reset(&mut self, _: Instant) {}

    #[inline(always)]
    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        poll()
    }
}

#[derive(Default)]
pub(crate) struct SocketTrace;

pub(crate) struct SocketOp;

impl SocketOp {
    pub(crate) const NOTHING: SocketOp = SocketOp;
}

impl SocketTrace {
    pub(crate) const NOTHING: SocketTrace = SocketTrace;

    #[inline(always)]
    pub(crate) fn new(_: impl FnOnce() -> (&'static str, &'static str), _: i32) -> SocketTrace {
        SocketTrace
    }

    #[inline(always)]
    pub(crate) fn poll<R>(&self, _: Interest, _: &mut SocketOp, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        poll()
    }

    #[inline(always)]
    pub(crate) fn poll_shared<R>(&self, _: Interest, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        poll()
    }
}
