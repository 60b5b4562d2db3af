//! How much is done for one client before the others get a turn.
//!
//! Most commands are done at once, and a turn is many of them. A command whose work grows with what others have stored, or
//! with how its pattern looks, gives way in between: so nobody waits longer than for a turn of each of the others. What
//! such a command sees may change meanwhile, so each of them says what it promises.

use ayi::task::yield_now;

/// Steps of a turn: some 0.3 ms.
const STEPS: usize = 250_000;

/// What things cost, in steps of a nanosecond or two: one step looks at one byte of a pattern.
pub const PER_ARG: usize = 64;
pub const PER_KEY: usize = 32;
pub const PER_SUBSCRIBER: usize = 64;

/// Bytes that are copied cost this.
pub fn copying(bytes: usize) -> usize {
    bytes / 16
}

pub struct Turn {
    /// What is left of it.
    pub steps: usize,
}

impl Default for Turn {
    fn default() -> Turn {
        Turn { steps: STEPS }
    }
}

impl Turn {
    /// Takes off what has been done.
    pub fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }

    pub fn is_over(&self) -> bool {
        self.steps == 0
    }

    /// Lets the others go first if the turn is over. A new one begins then. Returns whether it was.
    pub async fn give_way(&mut self) -> bool {
        let is_over = self.is_over();
        if is_over {
            yield_now().await;
            *self = Turn::default();
        }
        is_over
    }
}
