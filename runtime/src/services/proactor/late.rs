//! Operations whose futures outlive the runtime.
//!
//! Two things have to be known before the resources of one may be dropped: that the kernel is done with it, which the
//! runtime knows when it ends, and that its future is dropped, which may happen at any time and on any thread. Whoever
//! comes first leaves word here, and the other one settles it.

use super::{Abandoned, OperationKey, Resources};
use crate::core::foreign::lock;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// By the number of the runtime, which no other ever has, and that of the operation.
static LATE: LazyLock<Mutex<HashMap<(u64, u32), Word>>> = LazyLock::new(Mutex::default);

enum Word {
    /// The runtime has ended. The result, unless the kernel was not done with it even then.
    Ended(Option<i32>),
    Dropped(Box<dyn Resources>),
}

/// The runtime has ended. What comes back is to be settled.
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

/// The future is dropped, and there is no proactor to be told. What comes back is to be settled.
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

/// The future is polled, and its runtime is not the current one. The result, if that runtime has ended, and the kernel was
/// done with the operation: then the key names nothing any more.
pub(crate) fn polled(runtime: u64, OperationKey(index): OperationKey) -> Option<i32> {
    let mut late = lock(&LATE);
    let Some(&Word::Ended(Some(result))) = late.get(&(runtime, index)) else { return None };
    late.remove(&(runtime, index));
    Some(result)
}

fn settle(resources: Box<dyn Resources>, result: Option<i32>) -> Option<Abandoned> {
    let Some(result) = result else {
        // The kernel may still write to them.
        std::mem::forget(resources);
        return None;
    };
    Some((resources, result))
}
