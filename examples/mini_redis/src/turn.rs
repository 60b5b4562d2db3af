//! How much is done for one client before the others get a turn.
//!
//! Most commands are done at once, and a turn is many of them. A command whose work grows with what others have stored,
//! or with its pattern, gives way in between. So no client waits longer than for one turn of each of the others. What
//! such a command sees may change meanwhile, so each of them says what it promises.

use ayi::task::yield_now;

/// The steps of a turn: some 0.3 ms.
const STEPS: usize = 250_000;

/// What things cost, in steps of a nanosecond or two. A step compares one byte with a pattern.
pub const PER_ARG: usize = 64;
pub const PER_KEY: usize = 32;
pub const PER_SUBSCRIBER: usize = 64;

/// Returns what copying these bytes costs.
pub fn copying(bytes: usize) -> usize {
    bytes / 16
}

pub struct Turn {
    /// The steps that are left of it.
    pub steps: usize,
}

impl Default for Turn {
    fn default() -> Turn {
        Turn { steps: STEPS }
    }
}

impl Turn {
    /// Subtracts what has been done.
    pub fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }

    pub fn is_over(&self) -> bool {
        self.steps == 0
    }

    /// Lets the others go first if the turn is over, and begins a new one. Returns whether it was over.
    pub async fn give_way(&mut self) -> bool {
        let is_over = self.is_over();
        if is_over {
            yield_now().await;
            *self = Turn::default();
        }
        is_over
    }
}
