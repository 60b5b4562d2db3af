//! Operations whose futures outlive the runtime.
//!
//! Two things have to be known before the resources of such an operation may be dropped. The kernel must be done with
//! it, which the runtime knows when it ends. Its future must be dropped, which may happen at any time and on any
//! thread. The first of the two leaves word here, and the second settles the operation.

use super::{Abandoned, OperationKey, Resources};
use crate::core::foreign::lock;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// The words, by the id of the runtime, which no other runtime ever has, and the number of the operation.
static LATE: LazyLock<Mutex<HashMap<(u64, u32), Word>>> = LazyLock::new(Mutex::default);

enum Word {
    /// The runtime has ended. The result is `None` if the kernel was not done with the operation even then.
    Ended(Option<i32>),
    Dropped(Box<dyn Resources>),
}

/// Leaves word that the runtime has ended. The caller settles what is returned.
pub(super) fn ended(runtime: u64, operations: impl Iterator<Item = (u32, Option<i32>)>) -> Vec<Abandoned> {
    let mut late = lock(&LATE);
    let settle = |(index, result)| match late.remove(&(runtime, index)) {
        Some(Word::Dropped(resources)) => settle(resources, result),
        _ => {
            late.insert((runtime, index), Word::Ended(result));
            None
        }
    };
    operations.filter_map(settle).collect()
}

/// Leaves word that the future is dropped, when there is no proactor to be told. The caller settles what is returned.
pub(crate) fn dropped(
    runtime: u64,
    OperationKey(index): OperationKey,
    resources: Box<dyn Resources>,
) -> Option<Abandoned> {
    let mut late = lock(&LATE);
    match late.remove(&(runtime, index)) {
        Some(Word::Ended(result)) => settle(resources, result),
        _ => {
            late.insert((runtime, index), Word::Dropped(resources));
            None
        }
    }
}

/// Returns the result for a future whose runtime is not the current one, if that runtime has ended and the kernel was
/// done with the operation. Then the key no longer names anything.
pub(crate) fn polled(runtime: u64, OperationKey(index): OperationKey) -> Option<i32> {
    let mut late = lock(&LATE);
    let Some(&Word::Ended(Some(result))) = late.get(&(runtime, index)) else { return None };
    late.remove(&(runtime, index));
    Some(result)
}

fn settle(resources: Box<dyn Resources>, result: Option<i32>) -> Option<Abandoned> {
    let Some(result) = result else {
        // The kernel may still write to the resources, so they are leaked.
        std::mem::forget(resources);
        return None;
    };
    Some((resources, result))
}
