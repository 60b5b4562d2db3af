//! The moment between one listener and the next.
//!
//! `select!` in a loop makes a listener anew each time around: `ctrl_c()` is dropped when another branch is ready, and
//! called again at the next `select!`. A signal that comes in between, or that came while the other branch won, would
//! be nobody's. So a bell that is dropped in a runtime hangs on until the runtime's next turn, and whoever listens to
//! the same signal before that hears what it has heard. Afterwards it is old news: a Ctrl-C of an hour ago must not end
//! the program that begins to listen now.
//!
//! Invariants:
//! 1. A bell is kept for its own thread only, one of each kind: the last one has hung for longest.
//! 2. It is not heard after the turn in which it was kept. It is let go at the thread's next listener that comes or
//!    goes, or at the thread's end: that is at most one descriptor for each kind of signal.
//!
//! In tokio: no such thing is needed, since a signal is noted for the process and told at the driver's next turn.

use super::bell::Bell;
use ayi_runtime::runtime::{Handle, Id, worker_index};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

struct Kept {
    turn: Turn,
    bell: Arc<Bell>,
}

/// One turn of one runtime on this thread.
#[derive(Clone, Copy, PartialEq)]
struct Turn(Id, u64);

impl Turn {
    /// Returns `None` on a thread that has no turns.
    fn current() -> Option<Turn> {
        let handle = Handle::try_current().ok()?;
        let count = handle.metrics().worker_turn_count(worker_index()?);
        Some(Turn(handle.id(), count))
    }
}

/// Lets a bell that nobody listens to any more hang on for the rest of the turn.
pub(super) fn keep(bell: &Arc<Bell>) {
    let Some(turn) = Turn::current() else { return };
    // The thread may be ending, and then it has no next listener.
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        kept.retain(|kept| kept.turn == turn && kept.bell.signal() != bell.signal());
        kept.push(Kept { turn, bell: bell.clone() });
    });
}

/// Rings the bell of a listener that begins now, if the one of its kind that went in the same turn has rung.
pub(super) fn hand_over(bell: &Bell) {
    let turn = Turn::current();
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        kept.retain(|kept| Some(kept.turn) == turn);
        if let Some(kept) = kept.iter().find(|kept| kept.bell.signal() == bell.signal()) {
            kept.bell.pass_on(bell);
        }
    });
}
