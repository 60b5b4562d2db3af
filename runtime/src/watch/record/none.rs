//! Without the feature `record`: what the core calls, empty.

use crate::core::counters::Counters;
use crate::core::onlooker::TaskFacts;
use crate::core::ready::Interest;
use crate::core::task::Id;
use crate::core::wait::SourceKey;
use std::os::fd::RawFd;
use std::panic::Location;
use std::task::Poll;
use std::time::Duration;

/// The recording of a runtime: there is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Recording;

/// When a poll began: for the report of slow polls, if there are such reports.
pub(crate) struct Began(pub(crate) Option<std::time::Instant>);

/// The mark of a `block_on`.
pub(crate) struct Entered;

/// The times of a blocking call.
pub(crate) struct CallTimes;

pub(crate) struct Recorder;

/// What is waited for.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct What;

/// The task that has a lock.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Holder;

/// The note of a future that waits.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct WaitNote;

// One line each: that they are empty is all there is to say.
#[rustfmt::skip]
impl Recording {
    #[inline(always)] pub(crate) fn is_on(self) -> bool { false }
    #[inline(always)] pub(crate) fn come_here(self) {}
    #[inline(always)] pub(crate) fn end(self) {}
    #[inline(always)] pub(crate) fn was_slow(self, _: &str) {}
}

#[rustfmt::skip]
impl What {
    #[inline(always)] #[must_use] pub const fn new(_: &'static str) -> What { What }
    #[inline(always)] #[must_use] pub const fn lock(_: &'static str) -> What { What }
}

#[rustfmt::skip]
impl Holder {
    #[inline(always)] #[must_use] pub const fn new() -> Holder { Holder }
    #[inline(always)] pub fn take(&self) {}
    #[inline(always)] pub fn give_back(&self) {}
}

#[rustfmt::skip]
impl WaitNote {
    #[inline(always)] #[must_use] pub const fn new() -> WaitNote { WaitNote }
    #[inline(always)] pub fn begin(&mut self, _: What, _: usize) {}
    #[inline(always)] pub fn begin_for(&mut self, _: What, _: usize, _: &Holder) {}
    #[inline(always)] pub fn follow(&mut self) {}
    #[inline(always)] pub fn end(&mut self) {}
}

#[rustfmt::skip]
impl CallTimes {
    #[inline(always)] pub(crate) fn new() -> CallTimes { CallTimes }
    #[inline(always)] pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R { f() }
    #[inline(always)] pub(crate) fn tell(&self) {}
}

#[rustfmt::skip]
impl Recorder {
    #[inline(always)] pub(crate) fn scheduled(_: Id) {}
    #[inline(always)] pub(crate) fn task_begins(_: &TaskFacts<'_>) {}
    #[inline(always)] pub(crate) fn arrived(_: Id, _: Option<&str>, _: &'static Location<'static>, _: u64) {}
    #[inline(always)] pub(crate) fn departed(_: Id, _: u64) {}
    #[inline(always)] pub(crate) fn poll_begins() {}
    #[inline(always)] pub(crate) fn task_polled(_: Recording, _: Id, _: Option<bool>) {}
    #[inline(always)] pub(crate) fn root_polled(_: bool) {}
    #[inline(always)] pub(crate) fn task_ends(_: &TaskFacts<'_>) {}
    #[inline(always)] pub(crate) fn task_has_ended() {}
    #[inline(always)] pub(crate) fn waits_for_task<T>(_: Id) -> Poll<T> { Poll::Pending }
    #[inline(always)] pub(crate) fn root_begins(_: Id, _: &'static Location<'static>) {}
    #[inline(always)] pub(crate) fn enter() -> Entered { Entered }
    #[inline(always)] pub(crate) fn turn_begins() {}
    #[inline(always)] pub(crate) fn sleeps() {}
    #[inline(always)] pub(crate) fn looked(_: Option<Duration>, _: usize) {}
    #[inline(always)] pub(crate) fn turned(_: &Counters) {}
    #[inline(always)] pub(crate) fn reads_messages() {}
    #[inline(always)] pub(crate) fn renews_budgets() {}
    #[inline(always)] pub(crate) fn ends(_: u64, _: u64) {}
    #[inline(always)] pub(crate) fn registered(_: SourceKey, _: RawFd) {}
    #[inline(always)] pub(crate) fn given_up(_: SourceKey, _: RawFd) {}
    #[inline(always)] pub(crate) fn reported(_: SourceKey, _: u32) {}
    #[inline(always)] pub(crate) fn tried(_: SourceKey, _: Interest, _: bool) {}
    #[inline(always)] pub(crate) fn tried_unregistered(_: RawFd, _: Interest) {}
    #[inline(always)] pub(crate) fn found_nothing(_: SourceKey, _: Interest) {}
    #[inline(always)] pub(crate) fn waits<T>(_: SourceKey) -> Poll<T> { Poll::Pending }
    #[inline(always)] pub(crate) fn timer_set(_: u32, _: u64) {}
    #[inline(always)] pub(crate) fn timer_fired(_: u32, _: u64) {}
    #[inline(always)] pub(crate) fn timer_dropped(_: u32) {}
}

#[cfg(feature = "uring")]
#[rustfmt::skip]
impl Recorder {
    #[inline(always)] pub(crate) fn submitted(_: u32, _: u32) {}
    #[inline(always)] pub(crate) fn completed(_: u32, _: i32) {}
}
