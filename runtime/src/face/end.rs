//! The end of a runtime.

use crate::core::current::EnterGuard;
use crate::core::worker::Worker;
use crate::services::everywhere;
use std::rc::Rc;
use std::time::Duration;

impl Worker {
    /// Ends the runtime. Whoever owns it may do so anywhere on this thread, and so from inside: in a task's poll, in the
    /// drop of a future or of an output, in a waker, in a hook.
    ///
    /// The order of the end:
    /// 1. From here on, whatever is spawned is cancelled.
    /// 2. Every future is dropped, on this thread. The reactor and the timers still work, since these drops close
    ///    sockets, cancel timers, and wake others.
    /// 3. The gate closes. What came through it before is done, which cancels what other threads have spawned.
    /// 4. Other threads that block on a handle of this runtime have no timers and no sockets any more, and are told.
    ///    Blocking calls that have not started are given up; the end waits for those that have, for `grace` at most.
    ///    Operations of the proactor are cancelled and waited for.
    /// 5. Whoever still waits for a socket or a timer, in another executor, is woken and told.
    ///
    /// A task whose own code calls this cannot be dropped under its own feet. So the end stops after step 2, and goes on
    /// when that code has returned: at the next turn of the loop, or when this thread leaves the runtime.
    pub(crate) fn shut_down(self: &Rc<Self>, grace: Duration) {
        if self.tasks().cells().is_closed.replace(true) {
            // By a panic that nobody handled, which has waited for nothing. Its owner does.
            match self.ending.get() {
                Some(_) => self.ending.set(Some(grace)),
                None => self.lodgers.shared.pool.shut_down(grace),
            }
            return;
        }
        self.is_over.set(true);
        everywhere::deregister(self.reference);
        self.ending.set(Some(grace));
        let _inside = EnterGuard::here(self);
        self.go_on_ending();
    }

    /// Steps 2 to 5, once no code of a task is running. Nothing if the end has not begun.
    ///
    /// The gate must not close before: a JoinHandle that is refused concludes that its task is finished.
    pub(crate) fn go_on_ending(&self) {
        if self.ending.get().is_none() {
            return;
        }
        self.tasks().cancel_all();
        if self.tasks().tasks_left() > 0 {
            return;
        }
        // Taken by the first: foreign code may have come here as well, from a drop in `cancel_all`.
        let Some(grace) = self.ending.take() else { return };
        let shared = &self.lodgers.shared;
        // Before the gate closes: after that, the counters are the next runtime's.
        let _ = shared.last.set((self.counters().read(), shared.busy()));
        self.tasks().close_gate();
        debug_assert_eq!(self.tasks().tasks_left(), 0, "scheduler invariant 2");
        shared.drives.close();
        shared.pool.shut_down(grace);
        self.lodgers.ring.shut_down(self.reference.id);
        self.wake_all();
    }
}

impl Drop for Worker {
    /// If no guard has seen the end to its end: a hook of a spawn has left the runtime and then ended it, say, while the
    /// task was about to begin. The kernel must be done with the proactor's operations before their resources go.
    fn drop(&mut self) {
        self.go_on_ending();
        self.lodgers.ring.shut_down(self.reference.id);
    }
}
