//! Records what clients asked, and what they were answered.
//!
//! All clients of a test share a history, so the order of its events is that of real time: an operation that was
//! answered before another began is before it. No clock is asked. The clocks of hosts may differ.

use crate::command::{Found, Op};
use crate::linearizable::{self, Violation};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
pub struct History {
    events: Arc<Mutex<Events>>,
}

#[derive(Default)]
struct Events {
    count: u64,
    operations: Vec<Operation>,
}

/// An operation of a client. Its times are numbers of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub client: u64,
    pub op: Op,
    pub invoked: u64,
    /// When the answer came, and what it was. Without one, the operation may have happened at any time after it was
    /// invoked, may still happen, or never.
    pub returned: Option<(u64, Found)>,
}

/// An operation that has been invoked.
pub(crate) struct Ticket(usize);

impl History {
    pub fn new() -> History {
        History::default()
    }

    pub(crate) fn invoke(&self, client: u64, op: Op) -> Ticket {
        self.with(|events| {
            events.count += 1;
            events.operations.push(Operation { client, op, invoked: events.count, returned: None });
            Ticket(events.operations.len() - 1)
        })
    }

    pub(crate) fn respond(&self, ticket: Ticket, found: Found) {
        self.with(|events| {
            events.count += 1;
            events.operations[ticket.0].returned = Some((events.count, found));
        });
    }

    /// Returns all operations, in the order in which they were invoked.
    pub fn operations(&self) -> Vec<Operation> {
        self.with(|events| events.operations.clone())
    }

    /// Returns how many operations were answered.
    pub fn answered(&self) -> usize {
        self.with(|events| events.operations.iter().filter(|operation| operation.returned.is_some()).count())
    }

    /// Returns an error unless the history is linearizable.
    pub fn check(&self) -> Result<(), Violation> {
        linearizable::check(&self.operations())
    }

    /// A client that has panicked leaves the history whole.
    fn with<T>(&self, access: impl FnOnce(&mut Events) -> T) -> T {
        access(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { client, op, invoked, returned } = self;
        write!(f, "{client:016x}  {op}")?;
        match returned {
            None => write!(f, "  ({invoked}.., unknown)"),
            Some((returned, _)) if matches!(op, Op::Put { .. }) => write!(f, "  ({invoked}..{returned})"),
            Some((returned, found)) => {
                write!(f, " found {}  ({invoked}..{returned})", found.as_deref().unwrap_or("-"))
            }
        }
    }
}
