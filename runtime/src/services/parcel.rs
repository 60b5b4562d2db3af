//! What an operation and its future share while they are on different threads: the one stays with the ring that it was
//! given to, the other is polled or dropped elsewhere.
//!
//! ```text
//!   poll, drop ── a message ──▶ the owner hands the operation over to the parcel
//!      │                                       │
//!      │  look, give_up                        │  completed, or the runtime has ended: put
//!      ▼                                       ▼
//!   awaited ──▶ given up: has the resources, or put: has the result ── whoever comes second ──▶ taken, or settled
//! ```
//!
//! A future that has never been elsewhere has no parcel.
//!
//! Invariants:
//! 1. As long as a parcel is awaited or given up, the key of its operation names that operation. Only the owner changes
//!    this: it takes the resources, or frees the entry and puts the result at the same time. If the owner comes to its end,
//!    `late` does this.
//! 2. A future that has a parcel looks there alone.
//! 3. Nothing foreign runs under the lock, and none is left for whoever drops a parcel last: the future takes its waker out
//!    before it goes.
//!
//! In tokio: `runtime/driver/op.rs`, where the ring is behind a lock, and all threads reach it.

pub(crate) mod late;

use crate::core::foreign::{self, lock};
use crate::core::sync::Mutex;
use std::sync::Arc;
use std::task::Waker;

/// The resources that an operation needs while it runs.
pub trait Resources: Send + 'static {
    /// Takes the resources of a completed operation whose future is dropped. `_result` is what [io_uring's completion]
    /// has; a negative number is an error. The default drops the resources. An implementation may have more to do: a
    /// result may be a descriptor, which has to be closed.
    ///
    /// This happens on the thread of the runtime in which the operation was made, or where the future is dropped if that
    /// runtime has ended.
    ///
    /// [io_uring's completion]: https://man7.org/linux/man-pages/man7/io_uring.7.html
    fn abandoned(self: Box<Self>, _result: i32) {}
}

/// The resources and the result of a completed operation whose future is dropped.
pub(crate) type Abandoned = (Box<dyn Resources>, i32);

/// Gives an abandoned operation its result. This is foreign code, whose panics are caught.
pub(crate) fn settle((resources, result): Abandoned) {
    foreign::run(|| resources.abandoned(result));
}

/// The name of an operation of one proactor.
#[derive(Clone, Copy)]
pub(crate) struct OperationKey(pub(crate) u32);

/// What an operation has come to. `None`: its runtime has ended, and the kernel was not done with it even then.
pub(crate) type Outcome = Option<i32>;

pub(crate) struct Parcel(Mutex<State>);

struct State {
    contents: Contents,
    /// Whether the operation is to be protected from being cancelled.
    is_lasting: bool,
}

enum Contents {
    /// The waker that was given last.
    Awaited(Option<Waker>),
    GivenUp(Box<dyn Resources>),
    Put(Outcome),
    Taken,
}

/// What a future wants of the owner.
pub(crate) struct Wish {
    pub(crate) is_lasting: bool,
    /// Those of an operation that is given up.
    pub(crate) resources: Option<Box<dyn Resources>>,
}

/// What is left to do when nothing is borrowed or locked any more. All of it is foreign code.
#[derive(Default)]
pub(crate) struct Rest {
    pub(crate) wake: Option<Waker>,
    pub(crate) drop: Option<Waker>,
    pub(crate) settle: Option<Abandoned>,
}

impl Rest {
    pub(crate) fn run(self) {
        self.wake.into_iter().for_each(foreign::wake);
        self.drop.into_iter().for_each(foreign::drop_waker);
        self.settle.into_iter().for_each(settle);
    }
}

impl Parcel {
    fn with(contents: Contents) -> Arc<Parcel> {
        Arc::new(Parcel(Mutex::new(State { contents, is_lasting: false })))
    }

    pub(crate) fn awaited(waker: Option<Waker>) -> Arc<Parcel> {
        Parcel::with(Contents::Awaited(waker))
    }

    pub(crate) fn given_up(resources: Box<dyn Resources>) -> Arc<Parcel> {
        Parcel::with(Contents::GivenUp(resources))
    }

    pub(crate) fn make_lasting(&self) {
        lock(&self.0).is_lasting = true;
    }

    /// The future: takes the outcome, or leaves `waker` and returns the one that was there before.
    pub(crate) fn look(&self, waker: Waker) -> Result<Outcome, Option<Waker>> {
        let mut state = lock(&self.0);
        match &mut state.contents {
            Contents::Awaited(stored) => Err(stored.replace(waker)),
            // Only the waker goes without the lock, which was locked after it came.
            _ => state.take().ok_or(Some(waker)),
        }
    }

    /// The future: takes the outcome, if it is there.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        lock(&self.0).take()
    }

    /// The future is dropped. It returns the waker, or what is to be settled, if the operation is completed already.
    pub(crate) fn give_up(&self, resources: Box<dyn Resources>) -> Result<Option<Waker>, Option<Abandoned>> {
        let mut state = lock(&self.0);
        if let Contents::Put(outcome) = state.contents {
            state.contents = Contents::Taken;
            return Err(abandoned(resources, outcome));
        }
        match std::mem::replace(&mut state.contents, Contents::GivenUp(resources)) {
            Contents::Awaited(waker) => Ok(waker),
            _ => unreachable!("a future is dropped once, and before it has the result"),
        }
    }

    /// The owner: returns what the future wants. `None`: nothing any more, and the key names nothing.
    pub(crate) fn wish(&self) -> Option<Wish> {
        let mut state = lock(&self.0);
        let is_lasting = state.is_lasting;
        match state.contents {
            Contents::Awaited(_) => return Some(Wish { is_lasting, resources: None }),
            Contents::GivenUp(_) => {}
            Contents::Put(_) | Contents::Taken => return None,
        }
        match std::mem::replace(&mut state.contents, Contents::Taken) {
            Contents::GivenUp(resources) => Some(Wish { is_lasting, resources: Some(resources) }),
            _ => unreachable!("it is given up"),
        }
    }

    /// The owner, or who finds that there is none: the operation is completed, and has no entry any more.
    #[must_use]
    pub(crate) fn put(&self, outcome: Outcome) -> Rest {
        let mut state = lock(&self.0);
        match std::mem::replace(&mut state.contents, Contents::Put(outcome)) {
            Contents::Awaited(wake) => Rest { wake, ..Rest::default() },
            Contents::GivenUp(resources) => {
                state.contents = Contents::Taken;
                Rest { settle: abandoned(resources, outcome), ..Rest::default() }
            }
            Contents::Put(_) | Contents::Taken => unreachable!("an operation is completed once"),
        }
    }

    /// Whether an operation is expected to be completed.
    fn is_open(&self) -> bool {
        matches!(lock(&self.0).contents, Contents::Awaited(_) | Contents::GivenUp(_))
    }
}

/// Whoever has a parcel sees to what is given up in it. So this finds nothing, or a bug: then a leak is better than memory
/// that the kernel writes to and somebody else has.
impl Drop for Parcel {
    fn drop(&mut self) {
        let contents = std::mem::replace(&mut lock(&self.0).contents, Contents::Taken);
        if let Contents::GivenUp(resources) = contents {
            std::mem::forget(resources);
        }
    }
}

impl State {
    fn take(&mut self) -> Option<Outcome> {
        let Contents::Put(outcome) = self.contents else { return None };
        self.contents = Contents::Taken;
        Some(outcome)
    }
}

fn abandoned(resources: Box<dyn Resources>, outcome: Outcome) -> Option<Abandoned> {
    if outcome.is_none() {
        // The kernel may still write to the resources, so they are leaked.
        std::mem::forget(resources);
        return None;
    }
    outcome.map(|result| (resources, result))
}
