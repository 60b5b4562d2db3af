//! What the tasks of an input share, and the model of what must hold for them.

use super::RUNTIMES;
use super::actor::{Actor, Drops, Output};
use super::steps;
use super::thing::{Thing, Waits};
use crate::input::Input;
use ayi::runtime::{Handle, Id, Runtime};
use ayi::task::{self, JoinError};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The most tasks of one input.
const MAX_TASKS: usize = 300;
/// The most things at a time. Any more push out the oldest.
const MAX_THINGS: usize = 64;

/// A value that is counted as long as it exists.
pub struct Live(Arc<AtomicI64>);

impl Live {
    pub fn another(&self) -> Live {
        self.0.fetch_add(1, Ordering::Relaxed);
        Live(self.0.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum End {
    Completed,
    /// It panicked in its poll, or in its drop.
    Panicked,
    Cancelled,
}

/// A task, as the model has it.
pub struct Task {
    runtime: Id,
    drops: Arc<Drops>,
    polls: Cell<u32>,
    /// It was woken since its last poll.
    is_due: Cell<bool>,
    /// It was aborted. If its own thread did that, outside of its poll, it is no longer polled.
    is_aborted: Cell<bool>,
    is_stopped: Cell<bool>,
    is_polled: Cell<bool>,
    has_aborted_itself: Cell<bool>,
    end: Cell<Option<End>>,
    has_output: Cell<bool>,
    /// Its output was returned, or the reason why there is none.
    is_joined: Cell<bool>,
    /// The task that waits for its end.
    joiner: Cell<Option<usize>>,
    held: RefCell<Vec<Thing>>,
}

pub struct World {
    input: RefCell<Input>,
    pub runtimes: [RefCell<Option<Rc<Runtime>>>; RUNTIMES],
    ending: RefCell<Vec<Id>>,
    tasks: RefCell<Vec<Rc<Task>>>,
    ids: RefCell<HashMap<task::Id, usize>>,
    things: RefCell<Vec<Thing>>,
    numbers: Cell<usize>,
    pub live: Live,
    /// How deep steps are nested within foreign code.
    pub depth: Cell<u32>,
    faults: RefCell<Vec<String>>,
    pub waits: Waits,
}

impl World {
    pub fn new(data: &[u8]) -> World {
        World {
            input: RefCell::new(Input::new(data)),
            runtimes: Default::default(),
            ending: RefCell::default(),
            tasks: RefCell::default(),
            ids: RefCell::default(),
            things: RefCell::default(),
            numbers: Cell::new(0),
            live: Live(Arc::new(AtomicI64::new(1))),
            depth: Cell::new(0),
            faults: RefCell::default(),
            waits: Waits::default(),
        }
    }

    pub fn choice(&self, limit: usize) -> usize {
        self.input.borrow_mut().choice(limit)
    }

    pub fn is_over(&self) -> bool {
        self.input.borrow().is_empty()
    }

    /// Returns a new number, for things that have to be distinguished.
    pub fn number(&self) -> usize {
        self.numbers.replace(self.numbers.get() + 1)
    }

    /// Records a failure. It does not panic, because the runtime would catch that.
    pub fn require(&self, is_so: bool, or: impl FnOnce() -> String) {
        if !is_so {
            self.faults.borrow_mut().push(or());
        }
    }

    /// # Panics
    ///
    /// Panics if anything was not as it should be.
    pub fn report(&self) {
        let faults = self.faults.take();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    // The things.

    pub fn put(&self, thing: Thing) {
        let oldest = {
            let mut things = self.things.borrow_mut();
            things.push(thing);
            (things.len() > MAX_THINGS).then(|| things.remove(0))
        };
        oldest.into_iter().for_each(steps::discard);
    }

    pub fn take(&self) -> Option<Thing> {
        let len = self.things.borrow().len();
        let index = self.choice(MAX_THINGS);
        // The latest are the most interesting.
        (len > 0).then(|| self.things.borrow_mut().remove(len - 1 - index % len))
    }

    pub fn clear(&self) {
        loop {
            // The borrow is not in the condition, where it would last for the whole round.
            let Some(thing) = self.things.borrow_mut().pop() else { return };
            steps::discard(thing);
        }
    }

    // The runtimes.

    pub fn ends(&self, id: Id) {
        self.ending.borrow_mut().push(id);
    }

    /// A runtime has ended: nothing of it is left.
    pub fn ended(&self, id: Id) {
        for (number, task) in self.all().iter().enumerate().filter(|(_, task)| task.runtime == id) {
            let drops = task.drops.future.load(Ordering::Relaxed);
            self.require(drops == 1, || format!("the future of task {number} outlives its runtime"));
        }
    }

    /// Returns the number of tasks that are alive, and of those that were spawned.
    pub fn count(&self, id: Id) -> (usize, u64) {
        let (mut alive, mut spawned) = (0, 0);
        for task in self.all().iter().filter(|task| task.runtime == id) {
            spawned += 1;
            alive += usize::from(task.end.get().is_none());
        }
        (alive, spawned)
    }

    // The tasks.

    fn all(&self) -> Vec<Rc<Task>> {
        self.tasks.borrow().clone()
    }

    fn task(&self, number: usize) -> Rc<Task> {
        self.tasks.borrow()[number].clone()
    }

    pub fn new_task(&self, runtime: Id) -> Option<Actor> {
        let number = self.tasks.borrow().len();
        if number == MAX_TASKS {
            return None;
        }
        let drops = Arc::new(Drops::default());
        self.tasks.borrow_mut().push(Rc::new(Task::new(runtime, drops.clone())));
        Some(Actor { number, drops, live: self.live.another(), is_awaited: false })
    }

    pub fn name(&self, number: usize, id: task::Id) {
        let before = self.ids.borrow_mut().insert(id, number);
        self.require(before.is_none(), || format!("two tasks have the id {id}"));
    }

    pub fn number_of(&self, id: task::Id) -> usize {
        self.ids.borrow()[&id]
    }

    /// Returns a task that is alive, to give things to.
    pub fn any_task(&self) -> Option<usize> {
        let alive: Vec<usize> = (self.all().iter().enumerate())
            .filter(|(_, task)| task.end.get().is_none() && task.drops.future.load(Ordering::Relaxed) == 0)
            .map(|(number, _)| number)
            .collect();
        let index = self.choice(256);
        (!alive.is_empty()).then(|| alive[index % alive.len()])
    }

    pub fn hold(&self, number: usize, thing: Thing) {
        self.task(number).held.borrow_mut().push(thing);
    }

    pub fn take_held(&self, number: usize) -> Vec<Thing> {
        self.task(number).held.take()
    }

    /// A task was woken: it must be polled before time moves on.
    pub fn woken(&self, number: usize) {
        self.task(number).is_due.set(true);
    }

    pub fn polled(&self, number: usize) {
        let task = self.task(number);
        self.require(task.end.get().is_none(), || format!("task {number} is polled after its end"));
        self.require(!task.is_stopped.get(), || format!("task {number} is polled after it was aborted"));
        task.polls.set(task.polls.get() + 1);
        task.is_due.set(false);
        // What it was woken for will not wake it once more.
        self.waits.forget_past(number);
        self.all().iter().filter(|other| other.has_woken(number)).for_each(|other| other.joiner.set(None));
        task.is_polled.set(true);
    }

    pub fn poll_ends(&self, number: usize) {
        let task = self.task(number);
        task.is_polled.set(false);
        task.is_stopped.set(task.has_aborted_itself.get());
    }

    /// A task was aborted. `here` says that code of its own runtime did it. Otherwise it may be polled until its thread
    /// hears of it.
    pub fn aborted(&self, number: usize, here: bool) {
        let task = self.task(number);
        task.is_aborted.set(true);
        task.is_due.set(true);
        let is_here = Handle::try_current().is_ok_and(|current| current.id() == task.runtime);
        if here && is_here && task.end.get().is_none() {
            // In the middle of a poll it may still end.
            let word = if task.is_polled.get() { &task.has_aborted_itself } else { &task.is_stopped };
            word.set(true);
        }
    }

    pub fn has_output(&self, number: usize) {
        self.task(number).has_output.set(true);
    }

    pub fn has_completed(&self, number: usize) -> bool {
        self.task(number).end.get() == Some(End::Completed)
    }

    pub fn set_end(&self, number: usize, end: End) {
        self.task(number).end.set(Some(end));
    }

    /// A task belongs to a set, which aborts it when it is dropped, at whatever time.
    pub fn is_of_set(&self, number: usize) {
        self.task(number).is_aborted.set(true);
    }

    /// Sets the task that is woken when it ends.
    pub fn joined_by(&self, number: usize, joiner: Option<usize>) {
        self.task(number).joiner.set(joiner);
    }

    pub fn future_dropped(&self, number: usize) {
        let task = self.task(number);
        if task.end.get().is_none() {
            let may_be = task.is_aborted.get() || self.ending.borrow().contains(&task.runtime);
            self.require(may_be, || format!("task {number} is cancelled, and nobody asked for it"));
            self.set_end(number, End::Cancelled);
        }
    }

    pub fn joined(&self, number: usize, result: Result<Output, JoinError>) {
        let task = self.task(number);
        let end = match &result {
            Ok(output) => {
                self.require(output.number == number, || format!("task {number} gives another's output"));
                End::Completed
            }
            Err(error) if error.is_panic() => End::Panicked,
            Err(_) => End::Cancelled,
        };
        // A task that was refused by a runtime that has ended has no end.
        let expected = task.end.get().unwrap_or(End::Cancelled);
        self.require(end == expected, || format!("task {number} says {end:?}, and it is {expected:?}"));
        self.require(!task.is_joined.replace(true), || format!("task {number} is joined twice"));
        steps::guard(self, || drop(result));
    }

    /// Returns the tasks of a runtime that must be polled, with how often they have been.
    pub fn due(&self, id: Id) -> Vec<(usize, u32)> {
        let late = self.waits.late();
        let tasks = self.all();
        let joins = |number| tasks.iter().any(|task| task.runtime == id && task.has_woken(number));
        let is_due = |number: &usize| tasks[*number].is_due.get() || late.contains(number) || joins(*number);
        (0..tasks.len())
            .filter(|number| tasks[*number].runtime == id && tasks[*number].end.get().is_none())
            .filter(is_due)
            .map(|number| (number, tasks[number].polls.get()))
            .collect()
    }

    pub fn check_due(&self, due: &[(usize, u32)]) {
        for (number, polls) in due {
            let task = self.task(*number);
            let is_done = task.end.get().is_some() || (task.polls.get() > *polls && !task.is_stopped.get());
            self.require(is_done, || format!("task {number} was woken, and time has gone on without it"));
        }
    }

    pub fn check_end(&self) {
        for (number, task) in self.all().iter().enumerate() {
            let drops = (&task.drops.future, &task.drops.output);
            let (future, output) = (drops.0.load(Ordering::Relaxed), drops.1.load(Ordering::Relaxed));
            let outputs = u32::from(task.has_output.get());
            self.require((future, output) == (1, outputs), || {
                format!(
                    "task {number}: its future was dropped {future} times, its output {output} of {outputs}"
                )
            });
        }
        let live = self.live.0.load(Ordering::Relaxed) - 1;
        self.require(live == 0, || format!("{live} futures, outputs, payloads and wakers are left"));
    }
}

impl Task {
    fn new(runtime: Id, drops: Arc<Drops>) -> Task {
        Task {
            runtime,
            drops,
            polls: Cell::default(),
            is_due: Cell::new(true),
            is_aborted: Cell::default(),
            is_stopped: Cell::default(),
            is_polled: Cell::default(),
            has_aborted_itself: Cell::default(),
            end: Cell::default(),
            has_output: Cell::default(),
            is_joined: Cell::default(),
            joiner: Cell::default(),
            held: RefCell::default(),
        }
    }

    /// Returns whether the task has ended and `joiner` has not been polled since.
    fn has_woken(&self, joiner: usize) -> bool {
        self.end.get().is_some() && self.joiner.get() == Some(joiner)
    }
}
