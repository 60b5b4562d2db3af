//! Keys and their values, some until a point in time.
//!
//! ```text
//!   entries:   key ──▶ value, deadline
//!   due:       (deadline, key), the earliest first
//! ```
//!
//! Invariants:
//! 1. `due` has exactly the keys that have a deadline, so it does not grow with how often deadlines change.
//! 2. Who asks for a key does not see it from its deadline on. That it is removed is another matter: [`expire`] does so.
//!
//! Points in time are milliseconds since 1970, as in Redis. So they move with the system's clock if somebody sets it.

use crate::bell::Bell;
use crate::resp::write_i64;
use ayi::task::yield_now;
use ayi::time::{Duration, sleep};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The deadline of what has none. It is comparable, and it never comes.
pub const NEVER: i64 = i64::MAX;
/// Keys that are removed before others get a turn: a fraction of a millisecond.
const REMOVED_AT_ONCE: usize = 1_000;
/// Bytes that a key needs beside itself and its value, about.
const OVERHEAD: usize = 100;

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(NEVER)
}

#[derive(Default)]
pub struct Store {
    entries: HashMap<Rc<[u8]>, Entry>,
    due: BTreeSet<(i64, Rc<[u8]>)>,
    /// Of keys and values.
    bytes: usize,
    /// Rings when something is due earlier than all before.
    earlier: Rc<Bell>,
}

struct Entry {
    value: Vec<u8>,
    deadline: i64,
}

impl Entry {
    fn is_alive(&self) -> bool {
        // Most have none, and then the clock is not read.
        self.deadline == NEVER || now() < self.deadline
    }
}

impl Store {
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entry(key).map(|entry| &*entry.value)
    }

    /// `None`: there is no such key. [`NEVER`]: it has none.
    pub fn deadline(&self, key: &[u8]) -> Option<i64> {
        self.entry(key).map(|entry| entry.deadline)
    }

    fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.is_alive())
    }

    /// The deadline that it had is gone.
    pub fn set(&mut self, key: &[u8], value: &[u8], deadline: i64) {
        let Some(entry) = self.entries.get_mut(key) else { return self.insert(key, value, deadline) };
        self.bytes = self.bytes - entry.value.len() + value.len();
        // Its memory will do, unless that is far too much.
        if entry.value.capacity() / 2 > value.len() {
            entry.value = Vec::new();
        }
        entry.value.clear();
        entry.value.extend_from_slice(value);
        if entry.deadline != deadline {
            self.set_deadline(key, deadline);
        }
    }

    fn insert(&mut self, key: &[u8], value: &[u8], deadline: i64) {
        self.bytes += key.len() + value.len();
        self.entries.insert(key.into(), Entry { value: value.to_vec(), deadline: NEVER });
        if deadline != NEVER {
            self.set_deadline(key, deadline);
        }
    }

    /// Adds to the end of a value, which may not exist yet. Returns its length.
    pub fn append(&mut self, key: &[u8], more: &[u8]) -> usize {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.is_alive()) else {
            self.set(key, more, NEVER);
            return more.len();
        };
        self.bytes += more.len();
        entry.value.extend_from_slice(more);
        entry.value.len()
    }

    /// As [`set`](Store::set), but the deadline stays.
    pub fn set_number(&mut self, key: &[u8], number: i64) {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.is_alive()) else {
            let mut value = Vec::new();
            write_i64(&mut value, number);
            return self.set(key, &value, NEVER);
        };
        self.bytes -= entry.value.len();
        entry.value.clear();
        write_i64(&mut entry.value, number);
        self.bytes += entry.value.len();
    }

    /// Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some((key, entry)) = self.entries.remove_entry(key) else { return false };
        let was_alive = entry.is_alive();
        self.bytes -= key.len() + entry.value.len();
        if entry.deadline != NEVER {
            self.due.remove(&(entry.deadline, key));
        }
        was_alive
    }

    /// Of a key that is there.
    pub fn set_deadline(&mut self, key: &[u8], deadline: i64) {
        let Some((key, _)) = self.entries.get_key_value(key) else { return };
        let key = key.clone();
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let before = std::mem::replace(&mut entry.deadline, deadline);
        let mut place = (before, key);
        if before != NEVER {
            self.due.remove(&place);
        }
        if deadline != NEVER {
            if self.next_due().is_none_or(|next| deadline < next) {
                self.earlier.ring();
            }
            place.0 = deadline;
            self.due.insert(place);
        }
    }

    pub fn clear(&mut self) {
        // With their memory.
        (self.entries, self.due, self.bytes) = Default::default();
    }

    /// As Redis', this counts what is due and not removed yet.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them have a deadline.
    pub fn len_with_deadline(&self) -> usize {
        self.due.len()
    }

    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(|(_, entry)| entry.is_alive()).map(|(key, _)| &**key)
    }

    /// Bytes, about.
    pub fn memory(&self) -> usize {
        self.bytes + self.entries.len() * OVERHEAD
    }

    fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(deadline, _)| *deadline)
    }

    /// Removes what is due, up to so many. Returns how long until something is.
    fn remove_due(&mut self, at_most: usize) -> Option<Duration> {
        for _ in 0..at_most {
            let wait = self.next_due()?.saturating_sub(now());
            if let Ok(wait @ 1..) = u64::try_from(wait) {
                return Some(Duration::from_millis(wait));
            }
            let (_, key) = self.due.pop_first()?;
            if let Some(entry) = self.entries.remove(&key) {
                self.bytes -= key.len() + entry.value.len();
            }
        }
        Some(Duration::ZERO)
    }
}

/// Removes what is due, for ever: one timer for all keys, set to the earliest.
pub async fn expire(store: &RefCell<Store>) -> Infallible {
    let earlier = store.borrow().earlier.clone();
    loop {
        let wait = store.borrow_mut().remove_due(REMOVED_AT_ONCE);
        if wait.is_some_and(|wait| wait.is_zero()) {
            yield_now().await;
            continue;
        }
        let next = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => pending().await,
            }
        };
        ayi::select! {
            () = next => {}
            () = earlier.rung() => {}
        }
    }
}
