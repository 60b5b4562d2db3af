//! Operations whose futures outlive the runtime.
//!
//! The runtime knows, when it ends, what each operation has come to. Its future wants to know that, or to give up its
//! resources, at any time and on any thread. The first of the two leaves word here, and the second does the rest.
//!
//! The lock comes before that of a parcel.

use super::{OperationKey, Outcome, Parcel, Rest};
use crate::core::foreign::lock;
use crate::core::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

type Words = BTreeMap<(u64, u32), Word>;

/// The words, by the id of the runtime, which no other runtime ever has, and the number of the operation.
#[cfg(not(loom))]
static LATE: Mutex<Words> = Mutex::new(BTreeMap::new());
#[cfg(loom)]
loom::lazy_static! {
    static ref LATE: Mutex<Words> = Mutex::new(BTreeMap::new());
}

enum Word {
    Ended(Outcome),
    /// The future has been polled or dropped when there was nobody to tell.
    Asked(Arc<Parcel>),
}

/// An operation that has a future when its runtime ends.
pub(crate) struct Held {
    pub(crate) key: OperationKey,
    pub(crate) outcome: Outcome,
    pub(crate) parcel: Option<Arc<Parcel>>,
}

/// Leaves word that the runtime has ended. The caller does the rest.
#[must_use]
pub(crate) fn ended(runtime: u64, operations: impl Iterator<Item = Held>) -> Vec<Rest> {
    let mut late = lock(&LATE);
    let mut leave_word = |Held { key, outcome, parcel }| {
        let name = (runtime, key.0);
        let asked = match late.remove(&name) {
            Some(Word::Asked(parcel)) => Some(parcel),
            _ => parcel,
        };
        if asked.is_none() {
            late.insert(name, Word::Ended(outcome));
        }
        asked.map(|parcel| parcel.put(outcome))
    };
    let rest = operations.filter_map(&mut leave_word).collect();
    // Those who have asked once more about an operation that was completed meanwhile. From here on nobody asks in vain.
    late.retain(|name, word| name.0 != runtime || matches!(word, Word::Ended(_)));
    rest
}

/// Leaves word that the future has asked, when there is no proactor to be told. The caller does the rest.
#[must_use]
pub(crate) fn asked(runtime: u64, key: OperationKey, parcel: &Arc<Parcel>) -> Rest {
    let name = (runtime, key.0);
    let mut late = lock(&LATE);
    // Under the lock: nobody else removes this parcel's word meanwhile.
    if !parcel.is_open() {
        return Rest::default();
    }
    match late.remove(&name) {
        Some(Word::Ended(outcome)) => parcel.put(outcome),
        _ => {
            late.insert(name, Word::Asked(parcel.clone()));
            Rest::default()
        }
    }
}

/// How many words there are.
#[cfg(all(test, loom))]
pub(crate) fn words() -> usize {
    lock(&LATE).len()
}
