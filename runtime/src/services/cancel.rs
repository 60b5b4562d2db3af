//! The end of all tasks of a runtime.

use crate::core::task::OwnScheduler;

impl OwnScheduler {
    /// The runtime ends: cancels every task, whatever it says of that. A task whose code is running is left: its poll, a
    /// drop of its own or a hook is what ends the runtime, or has called what does. [`tasks_left`](Self::tasks_left)
    /// counts it.
    pub(crate) fn cancel_all(self) {
        for slot in self.slots() {
            // A scheduler from the pool may have many more slots than there are tasks.
            if self.tasks_left() == 0 {
                return;
            }
            if let Some(body) = slot.take_body() {
                self.cancel(slot, body);
            }
        }
    }
}
