//! Keys and their values, some until a point in time.
//!
//! ```text
//!   shards:    key ──▶ value, deadline
//!   due:       (deadline, key), the earliest first
//!   trash:     what FLUSHALL has taken out, and is still to be freed
//! ```
//!
//! There are many small maps instead of one. A walk through all keys takes the names of one shard at a time, and gives
//! way in between, while keys come and go. Also, a map that grows moves all its entries at once, for which one of ten
//! million keys takes a second.
//!
//! Invariants:
//! 1. `due` has exactly the keys that have a deadline, so it does not grow with how often deadlines change.
//! 2. A client that asks for a key does not see it from its deadline on. Removing it is done elsewhere, by [`expire`].
//!
//! Points in time are milliseconds since 1970, as in Redis. So they move with the system's clock if it is set.

use crate::bell::Bell;
use crate::resp::write_i64;
use ayi::task::yield_now;
use ayi::time::{Duration, sleep};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, btree_set};
use std::convert::Infallible;
use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::iter::Flatten;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};
use std::vec;

/// The deadline of a key without one. It is comparable, and it never comes.
pub const NEVER: i64 = i64::MAX;
/// How many keys are removed before others get a turn: a fraction of a millisecond.
const REMOVED_AT_ONCE: usize = 1_000;
/// How many bytes a key needs besides itself and its value, approximately.
const OVERHEAD: usize = 100;

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(NEVER)
}

/// A shard of ten million keys then has some ten thousand: half a millisecond to walk through.
pub const SHARDS: usize = 1024;

pub type Key = Rc<[u8]>;
type Shard = HashMap<Key, Entry>;
type Due = BTreeSet<(i64, Key)>;
type Trash = (Flatten<vec::IntoIter<Shard>>, btree_set::IntoIter<(i64, Key)>);

pub struct Store {
    shards: Vec<Shard>,
    /// It keeps clients from knowing which keys share a shard.
    seed: u64,
    /// In all shards.
    len: usize,
    due: Due,
    trash: Vec<Trash>,
    /// Of keys and values.
    bytes: usize,
    /// It rings when a key is due earlier than all before.
    earlier: Rc<Bell>,
}

struct Entry {
    value: Vec<u8>,
    deadline: i64,
}

impl Entry {
    fn is_alive(&self) -> bool {
        // Most have no deadline, and the clock is not read for them.
        self.deadline == NEVER || now() < self.deadline
    }
}

impl Default for Store {
    fn default() -> Store {
        let state = RandomState::new();
        Store {
            shards: shards(&state),
            seed: state.hash_one(0),
            len: 0,
            due: Due::new(),
            trash: Vec::new(),
            bytes: 0,
            earlier: Rc::default(),
        }
    }
}

fn shards(state: &RandomState) -> Vec<Shard> {
    (0..SHARDS).map(|_| Shard::with_hasher(state.clone())).collect()
}

impl Store {
    /// Returns the shard of a key. This need not be as good as the hash of the maps: keys that meet in a shard only
    /// make walks less even.
    fn place(&self, key: &[u8]) -> usize {
        let mut hash = self.seed ^ key.len() as u64;
        let mut mix = |word: [u8; 8]| {
            hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        };
        let mut words = key.chunks_exact(8);
        words.by_ref().for_each(|word| mix(word.try_into().expect("it has 8 bytes")));
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        mix(last);
        // The high bits depend on all others.
        (hash >> 32) as usize % SHARDS
    }

    fn shard(&self, key: &[u8]) -> &Shard {
        &self.shards[self.place(key)]
    }

    fn shard_mut(&mut self, key: &[u8]) -> &mut Shard {
        let place = self.place(key);
        &mut self.shards[place]
    }

    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entry(key).map(|entry| &*entry.value)
    }

    /// Returns the deadline of a key: `None` if there is no such key, [`NEVER`] if it has no deadline.
    pub fn deadline(&self, key: &[u8]) -> Option<i64> {
        self.entry(key).map(|entry| entry.deadline)
    }

    fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.shard(key).get(key).filter(|entry| entry.is_alive())
    }

    /// Sets a value. The previous deadline is gone.
    pub fn set(&mut self, key: &[u8], value: &[u8], deadline: i64) {
        let place = self.place(key);
        let Some(entry) = self.shards[place].get_mut(key) else { return self.insert(key, value, deadline) };
        self.bytes = self.bytes - entry.value.len() + value.len();
        // Its memory is kept, unless that is far too much.
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
        self.len += 1;
        self.shard_mut(key).insert(key.into(), Entry { value: value.to_vec(), deadline: NEVER });
        if deadline != NEVER {
            self.set_deadline(key, deadline);
        }
    }

    /// Appends to a value, which may not exist yet. Returns its length.
    pub fn append(&mut self, key: &[u8], more: &[u8]) -> usize {
        let place = self.place(key);
        let Some(entry) = self.shards[place].get_mut(key).filter(|entry| entry.is_alive()) else {
            self.set(key, more, NEVER);
            return more.len();
        };
        self.bytes += more.len();
        entry.value.extend_from_slice(more);
        entry.value.len()
    }

    /// Sets like [`set`](Store::set), but the deadline stays.
    pub fn set_number(&mut self, key: &[u8], number: i64) {
        let place = self.place(key);
        let Some(entry) = self.shards[place].get_mut(key).filter(|entry| entry.is_alive()) else {
            let mut value = Vec::new();
            write_i64(&mut value, number);
            return self.set(key, &value, NEVER);
        };
        self.bytes -= entry.value.len();
        entry.value.clear();
        write_i64(&mut entry.value, number);
        self.bytes += entry.value.len();
    }

    /// Removes a key, and returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some((key, entry)) = self.shard_mut(key).remove_entry(key) else { return false };
        self.len -= 1;
        let was_alive = entry.is_alive();
        self.bytes -= key.len() + entry.value.len();
        if entry.deadline != NEVER {
            self.due.remove(&(entry.deadline, key));
        }
        was_alive
    }

    /// Sets the deadline of a key that is there.
    pub fn set_deadline(&mut self, key: &[u8], deadline: i64) {
        let shard = self.shard_mut(key);
        let Some((key, _)) = shard.get_key_value(key) else { return };
        let key = key.clone();
        let Some(entry) = shard.get_mut(&key) else { return };
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

    /// Removes all keys. Freeing them takes long if there are many: [`sweep`](Store::sweep) does it.
    pub fn clear(&mut self) {
        let empty = shards(self.shards[0].hasher());
        let shards = std::mem::replace(&mut self.shards, empty);
        let due = std::mem::take(&mut self.due);
        self.trash.push((shards.into_iter().flatten(), due.into_iter()));
        (self.len, self.bytes) = (0, 0);
        // If the client that has asked for this leaves, the task that removes what is due continues.
        self.earlier.ring();
    }

    /// Frees some of what was cleared. Returns whether there is more.
    pub fn sweep(&mut self) -> bool {
        let Some((entries, due)) = self.trash.last_mut() else { return false };
        let freed = entries.take(REMOVED_AT_ONCE).count() + due.take(REMOVED_AT_ONCE).count();
        if freed == 0 {
            self.trash.pop();
        }
        !self.trash.is_empty()
    }

    /// Returns the number of keys. Like Redis', it counts those that are due and not removed yet.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns how many of them have a deadline.
    pub fn len_with_deadline(&self) -> usize {
        self.due.len()
    }

    /// Returns the keys of one of the [`SHARDS`]. A key stays in its shard for as long as it lives.
    pub fn keys(&self, shard: usize) -> impl Iterator<Item = &Key> {
        self.shards[shard].iter().filter(|(_, entry)| entry.is_alive()).map(|(key, _)| key)
    }

    /// Returns the memory in bytes, approximately.
    pub fn memory(&self) -> usize {
        self.bytes + self.len * OVERHEAD
    }

    fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(deadline, _)| *deadline)
    }

    /// Removes up to so many keys that are due. Returns how long until the next is due.
    fn remove_due(&mut self, at_most: usize) -> Option<Duration> {
        for _ in 0..at_most {
            let wait = self.next_due()?.saturating_sub(now());
            if let Ok(wait @ 1..) = u64::try_from(wait) {
                return Some(Duration::from_millis(wait));
            }
            let (_, key) = self.due.pop_first()?;
            if let Some(entry) = self.shard_mut(&key).remove(&key) {
                self.len -= 1;
                self.bytes -= key.len() + entry.value.len();
            }
        }
        Some(Duration::ZERO)
    }
}

/// Removes what is due, and what was cleared, for ever: one timer for all keys, set to the earliest.
pub async fn expire(store: &RefCell<Store>) -> Infallible {
    let earlier = store.borrow().earlier.clone();
    loop {
        let wait = store.borrow_mut().remove_due(REMOVED_AT_ONCE);
        let has_trash = store.borrow_mut().sweep();
        if has_trash || wait.is_some_and(|wait| wait.is_zero()) {
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
