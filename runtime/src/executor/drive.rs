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
//! Nothing else is in it: tasks and calls go to the handle's runtime, as does [`Handle::current`].
//!
//! Invariants:
//! 1. The future has one waker all the time, a [`Sleeper`]'s: what has stored it before the runtime was made is woken
//!    like everything else.
//! 2. When the handle's runtime ends, so does what can be awaited here: timers and descriptors are woken, and told. The
//!    blocking call whose `block_on` this is would otherwise keep the end waiting.
//!
//! In tokio there is no such thing: timers and descriptors of all threads wait in the one driver.

use super::{Builder, Handle, Local, Runtime, RuntimeRef, context};
use crate::foreign::lock;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};
use std::cell::OnceCell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};
use std::time::Duration;

/// Of one `Handle::block_on`.
pub(super) struct Drive {
    pub(super) sleeper: Arc<Sleeper>,
    runtime: OnceCell<Runtime>,
}

impl Drive {
    pub(super) fn new() -> Rc<Drive> {
        Rc::new(Drive { sleeper: Arc::new(Sleeper::new()), runtime: OnceCell::new() })
    }

    /// The runtime, if it has been made.
    pub(super) fn local(&self) -> Option<&Rc<Local>> {
        self.runtime.get().map(|runtime| &runtime.local)
    }

    /// Makes the runtime, for a `block_on` of `handle`.
    pub(super) fn start(&self, handle: &Handle) -> io::Result<&Rc<Local>> {
        let mut builder = Builder::new_current_thread();
        // Files go to the pool of the handle's runtime.
        builder.settings.io_uring = false;
        let runtime = builder.build()?;
        if !handle.shared.drives.add(runtime.local.reference()) {
            return Err(context::shut_down());
        }
        Ok(&self.runtime.get_or_init(|| runtime).local)
    }

    /// The future is gone.
    pub(super) fn end(&self, handle: &Handle) {
        if let Some(local) = self.local() {
            handle.shared.drives.remove(local.reference());
            local.shut_down(Duration::MAX);
        }
    }
}

/// A thread in `Handle::block_on`.
pub(super) struct Sleeper {
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
    pub(super) fn park(&self) {
        // Acquire: pairs with the Release in `wake`, so that the poll sees what the waker's thread wrote.
        while !self.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }

    /// From here on, `root` is woken instead. The caller polls once after this, whoever has been woken.
    pub(super) fn hand_over_to(&self, root: Waker) {
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

/// The runtimes that other threads have made for their `block_on` of a handle.
#[derive(Default)]
pub(super) struct Drives(Mutex<DrivesState>);

#[derive(Default)]
struct DrivesState {
    is_closed: bool,
    runtimes: Vec<RuntimeRef>,
}

impl Drives {
    /// False once the handle's runtime has ended.
    fn add(&self, runtime: RuntimeRef) -> bool {
        let mut state = lock(&self.0);
        if !state.is_closed {
            state.runtimes.push(runtime);
        }
        !state.is_closed
    }

    fn remove(&self, runtime: RuntimeRef) {
        lock(&self.0).runtimes.retain(|other| other.id != runtime.id);
    }

    /// The handle's runtime ends: invariant 2.
    pub(super) fn close(&self) {
        let mut state = lock(&self.0);
        state.is_closed = true;
        let runtimes = std::mem::take(&mut state.runtimes);
        drop(state);
        runtimes.into_iter().for_each(|runtime| runtime.send(Local::cut_off));
    }
}
