//! Judges a history: whether there is an order of its operations in which each has found what the ones before it left,
//! and in which an operation that was answered before another began comes before it (Herlihy and Wing, 1990).
//!
//! This is the search of Wing and Gong with the memory of Lowe: operations are put into an order one by one, and what
//! was tried before, the same set of operations with the same value, is not tried again. Three facts keep it short:
//!
//! 1. Keys are independent, so each has a search of its own.
//! 2. A read that fits now may come now. It changes nothing, so later it would be no better.
//! 3. An operation whose outcome is unknown may be left out. So it is put into the order only if its value is found
//!    next, by an operation that looks: otherwise leaving it out is no worse. Without this, a history with many unknown
//!    operations would take exponential time.

use crate::command::Op;
use crate::history::Operation;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Why a history is not linearizable.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The operations of the key, in the order in which they were invoked.
    pub operations: Vec<Operation>,
    /// The longest order that was found: places in `operations`.
    pub order: Vec<usize>,
    /// The value after that order.
    pub value: Option<String>,
}

pub fn check(history: &[Operation]) -> Result<(), Violation> {
    let mut keys: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history {
        keys.entry(operation.op.key()).or_default().push(operation);
    }
    for mut operations in keys.into_values() {
        operations.sort_by_key(|operation| operation.invoked);
        let mut values = Values::default();
        let steps: Vec<Step> = operations
            .iter()
            .enumerate()
            .filter_map(|(at, operation)| Step::new(at, operation, &mut values))
            .collect();
        if let Err((order, value)) = Search::new(&steps).run() {
            let value = values.get(value).map(str::to_owned);
            return Err(Violation { operations: operations.into_iter().cloned().collect(), order, value });
        }
    }
    Ok(())
}

/// A value's number. 0 is that of a key without a value.
type Value = usize;

#[derive(Default)]
struct Values<'a> {
    numbers: HashMap<&'a str, Value>,
    names: Vec<&'a str>,
}

impl<'a> Values<'a> {
    fn number(&mut self, value: Option<&'a str>) -> Value {
        let Some(value) = value else { return 0 };
        *self.numbers.entry(value).or_insert_with(|| {
            self.names.push(value);
            self.names.len()
        })
    }

    fn get(&self, value: Value) -> Option<&'a str> {
        Some(self.names[value.checked_sub(1)?])
    }
}

struct Step {
    /// The place of its operation.
    at: usize,
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
    fn new<'a>(at: usize, operation: &'a Operation, values: &mut Values<'a>) -> Option<Step> {
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
            at,
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
    fn new(steps: &'a [Step]) -> Search<'a> {
        let left = steps.iter().filter(|step| step.returned.is_some()).count();
        Search { steps, done: vec![false; steps.len()], first: 0, left, states: Vec::new() }
    }

    /// Returns the longest order, and the value after it, if there is no order of all.
    fn run(mut self) -> Result<(), (Vec<usize>, Value)> {
        let (mut tried, mut longest) = (HashSet::new(), (Vec::new(), 0));
        self.enter(0, false, None);
        while self.left > 0 {
            let state = self.states.last_mut().expect("the first state stays until the search is over");
            let Some(step) = state.choices.pop() else {
                self.leave();
                if self.states.is_empty() {
                    return Err(longest);
                }
                continue;
            };
            let value = self.steps[step].effect.on(state.value).expect("a choice fits");
            let is_unseen = self.steps[step].returned.is_none();
            self.done[step] = true;
            if tried.insert((bits(&self.done), value, is_unseen)) {
                self.enter(value, is_unseen, Some(step));
                if self.states.len() > longest.0.len() + 1 {
                    longest = (self.order(), value);
                }
            } else {
                self.done[step] = false;
            }
        }
        Ok(())
    }

    fn enter(&mut self, value: Value, is_unseen: bool, step: Option<usize>) {
        self.left -= usize::from(step.is_some_and(|step| self.steps[step].returned.is_some()));
        while self.done.get(self.first) == Some(&true) {
            self.first += 1;
        }
        let choices = self.choices(value, is_unseen);
        self.states.push(State { value, step, choices });
    }

    fn leave(&mut self) {
        let Some(State { step: Some(step), .. }) = self.states.pop() else { return };
        self.done[step] = false;
        self.first = self.first.min(step);
        self.left += usize::from(self.steps[step].returned.is_some());
    }

    /// Returns the steps that may come next; the last one is to be tried first. The value `is_unseen` if it is that of a
    /// step whose outcome is unknown: then the next one has to find it.
    fn choices(&self, value: Value, is_unseen: bool) -> Vec<usize> {
        let (mut choices, mut deadline) = (Vec::new(), u64::MAX);
        for (at, step) in self.steps.iter().enumerate().skip(self.first).filter(|(at, _)| !self.done[*at]) {
            // A step that began after another had been answered cannot come before that one.
            if step.invoked > deadline {
                break;
            }
            deadline = deadline.min(step.returned.unwrap_or(u64::MAX));
            match step.effect {
                Effect::Read(found) if found == value => return vec![at],
                Effect::Write(_) if is_unseen => {}
                effect if effect.on(value).is_some() => choices.push(at),
                _ => {}
            }
        }
        choices.reverse();
        choices
    }

    fn order(&self) -> Vec<usize> {
        self.states.iter().filter_map(|state| Some(self.steps[state.step?].at)).collect()
    }
}

impl Effect {
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
        let key = self.operations.first().map_or("", |operation| operation.op.key());
        let (len, count) = (self.order.len(), self.operations.len());
        let value = self.value.as_deref().unwrap_or("-");
        writeln!(f, "the history of {key} is not linearizable: {len} of {count} operations have an order,")?;
        for at in &self.order {
            writeln!(f, "  {}", self.operations[*at])?;
        }
        writeln!(f, "after which the value is {value}, and none of these can come next:")?;
        let rest = self.operations.iter().enumerate().filter(|(at, _)| !self.order.contains(at));
        let deadline = rest.clone().filter_map(|(_, operation)| Some(operation.returned.as_ref()?.0)).min();
        for (_, operation) in
            rest.take_while(|(_, operation)| deadline.is_none_or(|at| operation.invoked <= at))
        {
            writeln!(f, "  {operation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}
