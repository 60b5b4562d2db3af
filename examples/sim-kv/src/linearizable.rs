//! Judges a history: whether there is an order of its operations in which each has found what the ones before it left,
//! and in which an operation that was answered before another began comes before it (Herlihy and Wing, 1990).
//!
//! This is the search of Wing and Gong with the memory of Lowe: operations are put into an order one by one, and what
//! was tried before, the same set of operations with the same value, is not tried again. These facts keep it short:
//!
//! 1. Keys are independent, so each has a search of its own.
//! 2. A read that fits now may come now. It changes nothing, so later it would be no better.
//! 3. An operation whose outcome is unknown may be left out. So it is put into the order only if its value is found
//!    next, by an operation that looks: otherwise leaving it out is no worse.
//! 4. A value that is still to be found, and that nobody will write again, must not be overwritten yet.
//! 5. A write whose value is found by nobody may come right before another write, as soon as its time has begun.
//!
//! Without the last three, a history in which many operations overlap, or are unknown, would take exponential time.

use crate::command::Op;
use crate::history::Operation;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// How many operations are printed with a violation.
const SHOWN: usize = 40;

/// Why a history is not linearizable.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The operations of the key that had begun when `wrong` was answered, in the order in which they began. What was not
    /// answered until then has an unknown outcome. These have no order.
    pub operations: Vec<Operation>,
    /// Which of them was answered wrongly first. Until its answer there was an order.
    pub wrong: usize,
}

pub fn check(history: &[Operation]) -> Result<(), Violation> {
    let mut keys: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    for operation in history {
        keys.entry(operation.op.key()).or_default().push(operation.clone());
    }
    for mut operations in keys.into_values() {
        operations.sort_by_key(|operation| operation.invoked);
        if !has_order(&operations) {
            return Err(Violation::first(operations));
        }
    }
    Ok(())
}

/// Returns whether the operations of one key, in the order in which they began, are linearizable.
fn has_order(operations: &[Operation]) -> bool {
    let mut values = Values::default();
    let steps: Vec<Step> =
        operations.iter().filter_map(|operation| Step::new(operation, &mut values)).collect();
    Search::new(&steps, values.0.len() + 1).run()
}

impl Violation {
    /// Finds the first wrong answer. What has an order has one until any earlier time, so a search by halves finds it.
    fn first(operations: Vec<Operation>) -> Violation {
        let returned = |operation: &Operation| operation.returned.as_ref().map(|(time, _)| *time);
        let mut times: Vec<u64> = operations.iter().filter_map(returned).collect();
        times.sort_unstable();
        let time = times[times.partition_point(|time| has_order(&until(&operations, *time)))];
        let operations = until(&operations, time);
        let wrong = operations.iter().position(|operation| returned(operation) == Some(time));
        Violation { wrong: wrong.expect("it was answered at this time"), operations }
    }
}

/// Returns what was known at a time.
fn until(operations: &[Operation], time: u64) -> Vec<Operation> {
    let begun = operations.iter().filter(|operation| operation.invoked <= time);
    let known = begun.map(|operation| Operation {
        returned: operation.returned.clone().filter(|(returned, _)| *returned <= time),
        ..operation.clone()
    });
    known.collect()
}

/// A value's number. 0 is that of a key without a value.
type Value = usize;

#[derive(Default)]
struct Values<'a>(HashMap<&'a str, Value>);

impl<'a> Values<'a> {
    fn number(&mut self, value: Option<&'a str>) -> Value {
        let next = self.0.len() + 1;
        value.map_or(0, |value| *self.0.entry(value).or_insert(next))
    }
}

struct Step {
    invoked: u64,
    returned: Option<u64>,
    effect: Effect,
}

#[derive(Clone, Copy)]
enum Effect {
    Read(Value),
    Write(Value),
    Swap { old: Value, new: Value },
}

impl Step {
    /// Returns `None` if the operation says nothing: it is a read that was not answered.
    fn new<'a>(operation: &'a Operation, values: &mut Values<'a>) -> Option<Step> {
        let found = operation.returned.as_ref().map(|(_, found)| values.number(found.as_deref()));
        let effect = match &operation.op {
            Op::Get { .. } => Effect::Read(found?),
            Op::Put { value, .. } => Effect::Write(values.number(Some(value))),
            Op::Cas { old, new, .. } => {
                let (old, new) = (values.number(old.as_deref()), values.number(Some(new)));
                match found {
                    Some(found) if found != old => Effect::Read(found),
                    _ => Effect::Swap { old, new },
                }
            }
        };
        Some(Step {
            invoked: operation.invoked,
            returned: operation.returned.as_ref().map(|(at, _)| *at),
            effect,
        })
    }
}

struct Search<'a> {
    steps: &'a [Step],
    /// The steps that are in the order.
    done: Vec<bool>,
    /// All steps before this one are in the order.
    first: usize,
    /// How many steps with a known outcome are not in the order.
    left: usize,
    /// For each value, how many steps outside the order have found it, and how many would write it.
    finders: Vec<usize>,
    writers: Vec<usize>,
    /// Whether a step can find the value, now or in the order.
    found: Vec<bool>,
    states: Vec<State>,
}

/// The state after a part of the order, and which of the steps that may come next are still to be tried.
struct State {
    value: Value,
    /// The step that has led here.
    step: Option<usize>,
    choices: Vec<usize>,
}

impl<'a> Search<'a> {
    fn new(steps: &'a [Step], values: usize) -> Search<'a> {
        let (done, counts) = (vec![true; steps.len()], vec![0; values]);
        let (finders, writers, mut found) = (counts.clone(), counts, vec![false; values]);
        steps.iter().filter_map(|step| step.effect.finds()).for_each(|value| found[value] = true);
        let mut search =
            Search { steps, done, first: 0, left: 0, finders, writers, found, states: Vec::new() };
        (0..steps.len()).for_each(|step| search.put_back(step));
        search
    }

    /// Returns whether there is an order.
    fn run(mut self) -> bool {
        let mut tried = HashSet::new();
        self.enter(0, false, None);
        while self.left > 0 {
            let state = self.states.last_mut().expect("the first state stays until the search is over");
            let Some(step) = state.choices.pop() else {
                self.leave();
                if self.states.is_empty() {
                    return false;
                }
                continue;
            };
            let value = self.steps[step].effect.on(state.value).expect("a choice fits");
            let is_unseen = self.steps[step].returned.is_none();
            self.take(step);
            if tried.insert((bits(&self.done), value, is_unseen)) {
                self.enter(value, is_unseen, Some(step));
            } else {
                self.put_back(step);
            }
        }
        true
    }

    /// Moves a step into the order.
    fn take(&mut self, step: usize) {
        let Step { returned, effect, .. } = &self.steps[step];
        self.done[step] = true;
        self.left -= usize::from(returned.is_some());
        if let Some(value) = effect.finds() {
            self.finders[value] -= usize::from(returned.is_some());
        }
        if let Some(value) = effect.writes() {
            self.writers[value] -= 1;
        }
    }

    /// Undoes `take`.
    fn put_back(&mut self, step: usize) {
        let Step { returned, effect, .. } = &self.steps[step];
        self.done[step] = false;
        self.first = self.first.min(step);
        self.left += usize::from(returned.is_some());
        if let Some(value) = effect.finds() {
            self.finders[value] += usize::from(returned.is_some());
        }
        if let Some(value) = effect.writes() {
            self.writers[value] += 1;
        }
    }

    fn enter(&mut self, value: Value, is_unseen: bool, step: Option<usize>) {
        while self.done.get(self.first) == Some(&true) {
            self.first += 1;
        }
        let choices = self.choices(value, is_unseen);
        self.states.push(State { value, step, choices });
    }

    fn leave(&mut self) {
        let Some(State { step: Some(step), .. }) = self.states.pop() else { return };
        self.put_back(step);
    }

    /// Returns the steps that may come next; the last one is to be tried first. The value `is_unseen` if it is that of a
    /// step whose outcome is unknown: then the next one has to find it.
    fn choices(&self, value: Value, is_unseen: bool) -> Vec<usize> {
        let (mut choices, mut free, mut deadline) = (Vec::new(), None, u64::MAX);
        for (at, step) in self.steps.iter().enumerate().skip(self.first).filter(|(at, _)| !self.done[*at]) {
            // A step that began after another had been answered cannot come before that one.
            if step.invoked > deadline {
                break;
            }
            deadline = deadline.min(step.returned.unwrap_or(u64::MAX));
            match step.effect {
                Effect::Read(found) if found == value => return vec![at],
                Effect::Write(_) if is_unseen || self.is_needed(value, 0) => {}
                Effect::Write(new) if self.found[new] => choices.push(at),
                Effect::Write(_) if step.returned.is_some() => free = free.or(Some(at)),
                Effect::Swap { old, .. } if old == value => {
                    let own = usize::from(step.returned.is_some());
                    choices.extend((!self.is_needed(value, own)).then_some(at));
                }
                _ => {}
            }
        }
        if free.is_some() {
            choices.retain(|at| !matches!(self.steps[*at].effect, Effect::Write(_)));
            choices.extend(free);
        }
        choices.reverse();
        choices
    }

    /// Returns whether more than `finders` steps have to find the value, which would be gone for ever.
    fn is_needed(&self, value: Value, finders: usize) -> bool {
        self.finders[value] > finders && self.writers[value] == 0
    }
}

impl Effect {
    fn finds(self) -> Option<Value> {
        match self {
            Effect::Read(value) | Effect::Swap { old: value, .. } => Some(value),
            Effect::Write(_) => None,
        }
    }

    fn writes(self) -> Option<Value> {
        match self {
            Effect::Write(value) | Effect::Swap { new: value, .. } => Some(value),
            Effect::Read(_) => None,
        }
    }

    /// Returns the value afterwards, if the effect fits the value before.
    fn on(self, value: Value) -> Option<Value> {
        match self {
            Effect::Read(found) => (found == value).then_some(value),
            Effect::Write(new) => Some(new),
            Effect::Swap { old, new } => (old == value).then_some(new),
        }
    }
}

fn bits(done: &[bool]) -> Vec<u64> {
    done.chunks(64).map(|chunk| chunk.iter().rev().fold(0, |bits, bit| bits << 1 | u64::from(*bit))).collect()
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = &self.operations[self.wrong];
        writeln!(f, "the history of {} is not linearizable. The first wrong answer:", wrong.op.key())?;
        writeln!(f, "  {wrong}")?;
        writeln!(f, "The operations that had begun until then, the latest first:")?;
        self.operations.iter().rev().take(SHOWN).try_for_each(|operation| writeln!(f, "  {operation}"))?;
        match self.operations.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} before"),
        }
    }
}

impl std::error::Error for Violation {}
