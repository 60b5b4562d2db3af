//! A point at which a number of tasks wait for each other.
//!
//! Invariants, under the lock:
//! 1. Fewer than `n` have arrived in this round. Whoever completes the number begins the next round, wakes the others
//!    and is the leader.
//! 2. A waiter goes on when the round is no longer the one in which it has arrived.
//!
//! In tokio: `sync/barrier.rs`.

#[cfg(all(test, loom))]
mod models;

use crate::budget::poll_charged;
use crate::place::{HasList, List, Place, wake_all};
use crate::primitives::{Mutex, What};
use crate::waiters::Waiters;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

/// A point that tasks pass together, as soon as `n` of them have come. Then it serves for the next `n`.
///
/// # Examples
///
/// ```
/// use ayi::sync::Barrier;
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let start = Arc::new(Barrier::new(3));
/// let tasks = [1, 2, 3].map(|_| {
///     let start = start.clone();
///     ayi::spawn(async move { start.wait().await.is_leader() })
/// });
/// let mut leaders = 0;
/// for task in tasks {
///     leaders += u32::from(task.await.unwrap());
/// }
/// assert_eq!(leaders, 1);
/// # }
/// ```
pub struct Barrier {
    n: usize,
    round: Mutex<Round>,
}

struct Round {
    number: u64,
    arrived: usize,
    waiting: List,
}

impl HasList for Round {
    fn list(&mut self) -> &mut List {
        &mut self.waiting
    }
}

impl Barrier {
    /// Makes a barrier that `n` tasks pass together. At 0 it is like at 1: nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let open = ayi::sync::Barrier::new(1);
    /// assert!(open.wait().await.is_leader());
    /// # }
    /// ```
    pub fn new(n: usize) -> Barrier {
        let waiting = Waiters::new(What::new("the others at a barrier"));
        let round = Round { number: 0, arrived: 0, waiting };
        Barrier { n: n.max(1), round: Mutex::new(round) }
    }

    /// Waits until `n` tasks have come. One of them is the leader, see [`BarrierWaitResult::is_leader`].
    ///
    /// # Cancel safety
    ///
    /// It is not cancel safe. A task that has begun to wait has come, also if it goes away: one of the others then passes
    /// too early.
    ///
    /// # Examples
    ///
    /// See [`Barrier`].
    pub async fn wait(&self) -> BarrierWaitResult {
        let mut arrived_in = None;
        let mut place = Place::<Round>::new(&self.round);
        poll_fn(|cx| {
            poll_charged(cx, |cx| {
                let number = match arrived_in {
                    Some(number) => number,
                    None => match self.arrive() {
                        Some(number) => *arrived_in.insert(number),
                        None => return Poll::Ready(BarrierWaitResult(true)),
                    },
                };
                place.poll(cx, |round| (round.number != number).then_some(BarrierWaitResult(false)))
            })
        })
        .await
    }

    /// Somebody has come. Returns the number of the round, or `None` to its leader.
    fn arrive(&self) -> Option<u64> {
        let mut round = self.round.lock();
        round.arrived += 1;
        if round.arrived < self.n {
            return Some(round.number);
        }
        round.arrived = 0;
        round.number += 1;
        wake_all::<_, 0>(&self.round, round);
        None
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, arrived) = (self.n, self.round.lock().arrived);
        f.debug_struct("Barrier").field("n", &n).field("arrived", &arrived).finish()
    }
}

/// What [`Barrier::wait`] returns.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let result = ayi::sync::Barrier::new(1).wait().await;
/// assert!(result.is_leader());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Returns whether this is the leader: one of all tasks that pass together, to do what has to be done once.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let all = ayi::sync::Barrier::new(1);
    /// if all.wait().await.is_leader() {
    ///     println!("all are here");
    /// }
    /// # }
    /// ```
    pub fn is_leader(&self) -> bool {
        self.0
    }
}
