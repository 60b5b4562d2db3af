//! The state machine: keys, values, and the last request of each client. All servers apply the same entries in the same
//! order, and so have the same state.
//!
//! The session table is a part of the state: a request that a client has repeated may be in the log twice, and has to
//! be recognised by whoever applies it (§8). The table never forgets a client.

use crate::command::{Command, Found, Op};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Store {
    values: BTreeMap<String, String>,
    sessions: BTreeMap<u64, Session>,
}

/// What a client has asked for last. It asks for one thing at a time, so older requests have no reader for an answer.
struct Session {
    number: u64,
    found: Found,
}

impl Store {
    /// Executes a command, once. Returns what it has found, or found the first time; or `None` if the client has long
    /// gone on to other requests.
    pub fn apply(&mut self, command: &Command) -> Option<Found> {
        match self.sessions.get(&command.client) {
            Some(last) if command.number == last.number => return Some(last.found.clone()),
            Some(last) if command.number < last.number => return None,
            _ => {}
        }
        let found = self.execute(&command.op);
        self.sessions.insert(command.client, Session { number: command.number, found: found.clone() });
        Some(found)
    }

    fn execute(&mut self, op: &Op) -> Found {
        match op {
            Op::Get { key } => self.values.get(key).cloned(),
            Op::Put { key, value } => {
                self.values.insert(key.clone(), value.clone());
                None
            }
            Op::Cas { key, old, new } => {
                let found = self.values.get(key).cloned();
                if found == *old {
                    self.values.insert(key.clone(), new.clone());
                }
                found
            }
        }
    }
}
