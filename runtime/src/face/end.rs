//! The end of a runtime.

use crate::core::current::EnterGuard;
use crate::core::worker::Worker;
use crate::services::everywhere;
use crate::watch::record::Recorder;
use std::rc::Rc;
use std::time::Duration;

impl Worker {
    /// Ends the runtime. Its owner may call this anywhere on this thread, including inside the runtime: in a task's
    /// poll, in the drop of a future or of an output, in a waker, in a hook.
    ///
    /// The order of the end:
    /// 1. From here on, whatever is spawned is cancelled.
    /// 2. Every future is dropped, on this thread. The reactor and the timers still work, since these drops close
    ///    sockets, cancel timers, and wake other tasks.
    /// 3. The gate closes. The messages that came through it before are handled, which cancels tasks that other threads
    ///    have spawned.
    /// 4. Other threads that block on a handle of this runtime are told that they no longer have timers and sockets, and so
    ///    is who waits for a guest.
    ///    Blocking calls that have not started are given up; the end waits at most `grace` for those that have.
    ///    Operations of the proactor are cancelled, and the end waits for them.
    /// 5. Futures that still wait for a socket or a timer, in another executor, are woken and told.
    ///
    /// A task whose own code calls this cannot be dropped while that code runs. So the end stops after step 2, and goes
    /// on when that code has returned: at the next turn of the loop, or when this thread leaves the runtime. The same holds
    /// while the runtime is lent.
    pub(crate) fn shut_down(self: &Rc<Self>, grace: Duration) {
        if self.tasks().cells().is_closed.replace(true) {
            // An unhandled panic has begun the end, and waits for no blocking calls. The owner, who calls now, waits
            // for them.
            match self.ending.get() {
                Some(_) => self.ending.set(Some(grace)),
                None => self.lodgers.shared.pool.shut_down(grace),
            }
            return;
        }
        self.set_over();
        everywhere::deregister(self.reference);
        self.ending.set(Some(grace));
        let _inside = EnterGuard::here(self);
        Recorder::ends(0, self.tasks().tasks_left());
        self.go_on_ending();
    }

    /// Does steps 2 to 5, as soon as no code of a task is running. It does nothing if the end has not begun.
    ///
    /// The gate must not close earlier: a JoinHandle whose message is refused concludes that its task is finished.
    pub(crate) fn go_on_ending(&self) {
        if self.ending.get().is_none() {
            return;
        }
        self.tasks().cancel_all();
        if self.tasks().tasks_left() > 0 || self.lodgers.shared.lending.is_lent() {
            return;
        }
        // Only the first caller takes it. Foreign code in a drop in `cancel_all` may have come here as well.
        let Some(grace) = self.ending.take() else { return };
        Recorder::ends(1, 0);
        let shared = &self.lodgers.shared;
        // Set before the gate closes: after that, the counters are the next runtime's.
        let _ = shared.last.set((self.counters().read(), shared.busy()));
        self.tasks().close_gate();
        debug_assert_eq!(self.tasks().tasks_left(), 0, "scheduler invariant 2");
        shared.drives.close();
        shared.guests.close();
        shared.pool.shut_down(grace);
        self.lodgers.ring.shut_down(self.reference.id);
        self.wake_all();
        Recorder::ends(2, 0);
    }
}

impl Drop for Worker {
    /// Completes the end, if no guard has done so. For example, a hook of a spawn has left the runtime and then ended
    /// it while the task was about to begin. The kernel must be done with the proactor's operations before their
    /// resources are dropped.
    fn drop(&mut self) {
        self.go_on_ending();
        self.lodgers.ring.shut_down(self.reference.id);
    }
}
