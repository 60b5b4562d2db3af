//! The end of all tasks of a runtime.

use crate::core::task::OwnScheduler;

impl OwnScheduler {
    /// Cancels every task, whatever its kind says, since the runtime ends. A task whose code is running is left alone:
    /// that code, a poll, a drop or a hook, ends the runtime, directly or through what it calls.
    /// [`tasks_left`](Self::tasks_left) still counts such a task.
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
