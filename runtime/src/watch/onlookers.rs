//! What looks on at the tasks of a runtime: the user's hooks, reports of slow polls and of unhandled panics, waits for
//! the end of tasks, and the ages of tasks.

use super::ages::Ages;
use super::hooks::{Hooks, TaskHook, TaskMeta};
use super::slow_poll::Reports;
use super::unhandled::UnhandledPanic;
use crate::core::counters::{Count, Counters};
use crate::core::foreign;
use crate::core::onlooker::{Onlooker, TaskFacts};
use crate::core::sync::Cell;
use crate::core::task::Id;
use crate::core::task::id::NEXT;
use crate::core::wait::Instant;
use crate::watch::record::{Began, Recorder, Recording};
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

/// The onlookers of one scheduler. Only its owner touches them.
#[derive(Default)]
pub(crate) struct Onlookers {
    pub(super) unhandled: Cell<UnhandledPanic>,
    /// Whether there are hooks to be run, watchers to be woken, or polls to be timed.
    are_any: Cell<bool>,
    hooks: Cell<Option<Rc<Hooks>>>,
    /// The limit for polls, if there is one.
    slow_poll: Cell<Option<Duration>>,
    /// Wakers that are to be woken when a task is finished.
    watchers: Cell<Vec<Waker>>,
    /// The reports of slow polls.
    reports: Reports,
    ages: Cell<Ages>,
    /// How many tasks had been spawned at the latest note in `ages`.
    noted: Cell<u64>,
    recording: Cell<Recording>,
}

impl Onlookers {
    /// Takes over what the runtime's builder has set.
    pub(crate) fn configure(&self, unhandled: UnhandledPanic, hooks: Hooks) {
        self.unhandled.set(unhandled);
        self.are_any.set(hooks.are_any());
        self.slow_poll.set(hooks.slow_poll);
        self.hooks.set(Some(Rc::new(hooks)));
    }

    /// Whether polls are timed.
    pub(crate) fn time_polls(&self) -> bool {
        self.recording.get().is_on() || self.slow_poll.get().is_some()
    }

    /// The runtime is recorded from its beginning on, if it is.
    pub(crate) fn record(&self, recording: Recording) {
        self.recording.set(recording);
        self.are_any.set(self.are_any.get() || recording.is_on());
    }

    /// Runs a hook of the user, if there is one.
    #[cold]
    fn run_hook(&self, hook: fn(&Hooks) -> &Option<TaskHook>, task: &TaskFacts<'_>) {
        let hooks = self.hooks.take();
        self.hooks.set(hooks.clone());
        let Some(hook) = hooks.as_deref().and_then(|hooks| hook(hooks).as_ref()) else { return };
        let meta = TaskMeta { id: task.id, name: task.name, spawned_at: task.place };
        foreign::run(|| hook(&meta));
    }

    /// Reports a poll that is over, if it took too long.
    fn polled(&self, began: Began, who: impl FnOnce() -> String) {
        let Began(Some(start)) = began else { return };
        let took = start.elapsed();
        if let Some(limit) = self.slow_poll.get().filter(|limit| took > *limit) {
            let (recording, who) = (self.recording.get(), who());
            if recording.is_on() {
                recording.was_slow(&format!("{who} did not give way for {took:?}"));
            }
            self.reports.tell(took, limit, &who);
        }
    }

    #[cold]
    fn note_age(&self) {
        let mut ages = self.ages.take();
        // This is the last id that this thread has given. Later ids are larger.
        ages.note(Id(NEXT.get() - 1), Instant::now());
        self.ages.set(ages);
    }

    /// Takes the ages of all tasks until now.
    pub(super) fn take_ages(&self) -> Ages {
        self.note_age();
        self.ages.take()
    }

    pub(super) fn put_ages(&self, ages: Ages) {
        self.ages.set(ages);
    }

    /// Wakes `waker` when a task is finished, once. Returns false if it was to be woken already.
    pub(crate) fn watch(&self, waker: Waker) -> bool {
        let mut watchers = self.watchers.take();
        let is_new = !watchers.iter().any(|known| known.will_wake(&waker));
        if is_new {
            watchers.push(waker);
        }
        self.watchers.set(watchers);
        self.are_any.set(true);
        is_new
    }
}

impl Onlooker for Onlookers {
    #[inline]
    fn are_any(&self) -> bool {
        self.are_any.get()
    }

    fn root_begins(&self, id: Id, place: &'static Location<'static>) -> bool {
        Recorder::root_begins(id, place);
        self.time_polls()
    }

    fn task_begins(&self, task: &TaskFacts<'_>) -> bool {
        Recorder::task_begins(task);
        self.run_hook(|hooks| &hooks.on_spawn, task);
        self.time_polls()
    }

    fn poll_begins(&self) -> Began {
        Recorder::poll_begins();
        Began(self.slow_poll.get().map(|_| std::time::Instant::now()))
    }

    #[inline]
    fn task_polled<'a>(
        &self,
        began: Began,
        is_ready: Option<bool>,
        id: Id,
        task: impl FnOnce() -> TaskFacts<'a>,
    ) {
        Recorder::task_polled(self.recording.get(), id, is_ready);
        self.polled(began, || {
            let task = task();
            let name = task.name.map(|name| format!(" {name:?}")).unwrap_or_default();
            format!("task {}{name}, spawned at {},", task.id, task.place)
        });
    }

    #[cold]
    #[inline(never)]
    fn root_polled(&self, began: Began, is_ready: bool, place: &'static Location<'static>) {
        Recorder::root_polled(is_ready);
        self.polled(began, || format!("the future of block_on at {place}"));
    }

    #[cold]
    fn task_ends(&self, task: &TaskFacts<'_>) {
        if !task.more.is_elsewhere {
            Recorder::task_ends(task);
        }
        if task.more.is_visiting {
            return;
        }
        self.run_hook(|hooks| &hooks.on_terminate, task);
    }

    #[cold]
    fn task_has_ended(&self) {
        Recorder::task_has_ended();
        let hooks = self.hooks.take();
        let is_recorded = self.recording.get().is_on();
        self.are_any.set(is_recorded || hooks.as_ref().is_some_and(|hooks| hooks.are_any()));
        self.hooks.set(hooks);
        self.watchers.take().into_iter().for_each(foreign::wake);
    }

    /// Notes new tasks, so that `ages` knows all tasks that are older than this turn.
    #[inline]
    fn turn(&self, counters: &Counters) {
        Recorder::turn_begins();
        let spawned = counters.get(Count::Spawned);
        if spawned != self.noted.replace(spawned) {
            self.note_age();
        }
    }

    #[inline]
    fn come_here(here: Option<&Self>) {
        here.map_or_else(Recording::default, |onlookers| onlookers.recording.get()).come_here();
    }

    fn leave(&self) {
        self.recording.take().end();
        let (hooks, watchers) = (self.hooks.take(), self.watchers.take());
        foreign::run(|| drop(hooks));
        watchers.into_iter().for_each(foreign::drop_waker);
        let mut ages = self.ages.take();
        ages.clear();
        self.ages.set(ages);
        self.reports.reset();
        self.noted.set(0);
        self.unhandled.set(UnhandledPanic::default());
        self.slow_poll.set(None);
        self.are_any.set(false);
    }
}
