//! What `Handle::block_on` sleeps in on a thread that is not the runtime's.
//!
//! ```text
//!   parked ── a timer or a descriptor wants to wait ──▶ in the loop of a runtime of its own
//!     │                                                     │
//!     └────────────── the future is ready, or panics ───────┴──▶ that runtime ends
//! ```
//!
//! Most futures that are awaited on other threads wait for tasks and channels of the runtime: for these it is enough that
//! the thread is parked. Timers and descriptors need a wheel and an epoll instance, and those of the runtime belong to the
//! runtime's thread. So the first of them to be polled makes a small runtime, which lasts until this `block_on` returns.
//! Nothing else is in it: tasks and calls go to the handle's runtime, as does `Handle::current`.
//!
//! Invariants:
//! 1. The future has one waker all the time, a [`Sleeper`]'s: what has stored it before the runtime was made is woken
//!    like everything else.
//! 2. When the handle's runtime ends, so does what can be awaited here: timers and descriptors are woken, and told. The
//!    blocking call whose `block_on` this is would otherwise keep the end waiting.
//!
//! In tokio there is no such thing: timers and descriptors of all threads wait in the one driver.

use super::errors;
use super::link::Link;
use super::settings::Settings;
use crate::core::sync::atomic::{AtomicBool, Ordering};
use crate::core::sync::thread::{self, Thread};
use crate::core::turn::Root;
use crate::core::worker::Worker;
use std::cell::OnceCell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

/// Of one `Handle::block_on`.
pub(crate) struct Drive {
    pub(crate) sleeper: Arc<Sleeper>,
    worker: OnceCell<Rc<Worker>>,
}

impl Drive {
    pub(crate) fn new() -> Rc<Drive> {
        Rc::new(Drive { sleeper: Arc::new(Sleeper::new()), worker: OnceCell::new() })
    }

    /// The runtime, if it has been made.
    pub(crate) fn worker(&self) -> Option<&Rc<Worker>> {
        self.worker.get()
    }

    /// Makes the runtime, for a `block_on` of `handle`.
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

    /// The future is gone.
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
    /// A thread may return from `park` for no reason, and be unparked by others for reasons of theirs.
    is_woken: AtomicBool,
    /// Wakes the future in the loop of the runtime that has been made for it.
    root: OnceLock<Waker>,
}

impl Sleeper {
    fn new() -> Sleeper {
        Sleeper { thread: thread::current(), is_woken: AtomicBool::new(false), root: OnceLock::new() }
    }

    /// Until it is woken.
    pub(crate) fn park(&self) {
        // Acquire: pairs with the Release in `wake`, so that the poll sees what the waker's thread wrote.
        while !self.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }

    /// From here on, `root` is woken instead. The caller polls once after this, in case the thread has been woken.
    pub(crate) fn hand_over_to(&self, root: Waker) {
        let _ = self.root.set(root);
        // Of two exchanges of one variable one is the first. If it is a waker's, this Acquire pairs with its Release,
        // and the caller's poll sees what the waker's thread wrote. If it is this, its Release pairs with the Acquire in
        // `wake`, which sees `root`.
        self.is_woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the Acquire in `park` and in `hand_over_to`. Acquire: with the Release in the latter.
        let was_woken = self.is_woken.swap(true, Ordering::AcqRel);
        match self.root.get() {
            Some(root) => root.wake_by_ref(),
            None if was_woken => {}
            None => self.thread.unpark(),
        }
    }
}

impl Worker {
    /// Runs what a `Handle::block_on` of another thread's runtime has begun to poll. It is the current one, as far as
    /// timers and descriptors are concerned.
    #[track_caller]
    pub(crate) fn go_on<T>(self: &Rc<Self>, sleeper: &Sleeper, poll: impl FnMut() -> Poll<T>) -> T {
        let root = Root::new(self.tasks());
        sleeper.hand_over_to(root.0.waker());
        self.run(&root, poll)
    }
}
