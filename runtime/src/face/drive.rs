//! What `Handle::block_on` sleeps in on a thread that is not the runtime's.
//!
//! ```text
//!   parked ── a timer or a descriptor wants to wait ──▶ in the loop of a runtime of its own
//!     │                                                     │
//!     └────────────── the future is ready, or panics ───────┴──▶ that runtime ends
//! ```
//!
//! Most futures that are awaited on other threads wait for tasks and channels of the runtime: for these it is enough
//! that the thread is parked. Timers and descriptors need a wheel and an epoll instance, and those of the runtime
//! belong to the runtime's thread. So the first timer or descriptor that is polled makes a small runtime, which lasts
//! until this `block_on` returns. Nothing else is in the small runtime: tasks and calls go to the handle's runtime, and
//! `Handle::current` is its handle.
//!
//! Invariants:
//! 1. The future has the same waker all the time, that of a [`Sleeper`]. So a waker that was stored before the small
//!    runtime was made still works.
//! 2. When the handle's runtime ends, everything that waits in the small runtime is woken and told of the end.
//!    Otherwise the blocking call that is in this `block_on` would keep the end waiting.
//!
//! tokio has nothing like this: timers and descriptors of all threads wait in its one driver.

use super::errors;
use super::link::Link;
use super::settings::Settings;
use crate::core::sync::atomic::{AtomicBool, Ordering};
use crate::core::sync::thread::{self, Thread};
use crate::core::turn::Root;
use crate::core::worker::Worker;
use crate::services::soon::look_out;
use std::cell::OnceCell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

/// The state of one `Handle::block_on`.
pub(crate) struct Drive {
    pub(crate) sleeper: Arc<Sleeper>,
    worker: OnceCell<Rc<Worker>>,
}

impl Drive {
    pub(crate) fn new() -> Rc<Drive> {
        Rc::new(Drive { sleeper: Arc::new(Sleeper::new()), worker: OnceCell::new() })
    }

    /// Returns the small runtime, if it has been made.
    pub(crate) fn worker(&self) -> Option<&Rc<Worker>> {
        self.worker.get()
    }

    /// Makes the small runtime, for a `block_on` of the handle `link`.
    pub(crate) fn start(&self, link: &Link) -> io::Result<&Rc<Worker>> {
        let mut settings = Settings::new();
        // Files go to the pool of the handle's runtime.
        settings.io_uring = false;
        let worker = settings.make()?;
        if !link.shared.drives.add(worker.reference) {
            worker.shut_down(Duration::MAX);
            return Err(errors::shut_down());
        }
        Ok(self.worker.get_or_init(|| worker))
    }

    /// Ends the small runtime, once the future is dropped.
    pub(crate) fn end(&self, link: &Link) {
        if let Some(worker) = self.worker() {
            link.shared.drives.remove(worker.reference);
            worker.shut_down(Duration::MAX);
        }
    }
}

/// A thread in `Handle::block_on`.
pub(crate) struct Sleeper {
    thread: Thread,
    /// Whether the future was woken. `park` alone cannot tell: it may return for no reason, and other code may unpark
    /// the thread.
    is_woken: AtomicBool,
    /// Wakes the future in the loop of the runtime that has been made for it.
    root: OnceLock<Waker>,
}

impl Sleeper {
    pub(crate) fn new() -> Sleeper {
        Sleeper { thread: thread::current(), is_woken: AtomicBool::new(false), root: OnceLock::new() }
    }

    /// Parks the thread until the future is woken.
    pub(crate) fn park(&self) {
        // Relaxed: the exchange below decides.
        look_out(|| self.is_woken.load(Ordering::Relaxed));
        // Acquire: pairs with the Release in `wake`, so that the poll sees what the waker's thread wrote.
        while !self.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }

    /// Sends wakes to `root` from here on. The caller polls once after this, in case the thread has been woken before.
    pub(crate) fn hand_over_to(&self, root: Waker) {
        let _ = self.root.set(root);
        // Both threads exchange `is_woken`, so one exchange comes first. If the waker's comes first, this Acquire pairs
        // with its Release, and the caller's poll sees what the waker's thread wrote. If this one comes first, its
        // Release pairs with the Acquire in `wake`, which then sees `root`.
        self.is_woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the Acquire in `park` and in `hand_over_to`. Acquire: pairs with the Release in
        // `hand_over_to`.
        let was_woken = self.is_woken.swap(true, Ordering::AcqRel);
        match self.root.get() {
            Some(root) => root.wake_by_ref(),
            None if was_woken => {}
            None => self.thread.unpark(),
        }
    }
}

impl Worker {
    /// Runs the future that a `Handle::block_on` of another thread's runtime has begun to poll. For timers and
    /// descriptors, this runtime is the current one.
    #[track_caller]
    pub(crate) fn go_on<T>(self: &Rc<Self>, sleeper: &Sleeper, poll: impl FnMut() -> Poll<T>) -> T {
        let root = Root::new(self.tasks());
        sleeper.hand_over_to(root.0.waker());
        self.run(&root, poll)
    }
}
