//! What a main and the tasks of its core know of the core and of the others.

use crate::core::foreign::lock;
use crate::core::sync::Mutex;
use crate::core::task::JoinHandle;
use crate::face::handle::Handle;
use crate::services::cancellation::CancellationToken;
use crate::services::sharing::Group;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

thread_local! {
    /// The core that this thread is.
    static CURRENT: RefCell<Option<Core>> = const { RefCell::new(None) };
}

/// One of the cores of [`Builder::cores`](crate::runtime::Builder::cores), as its main gets it. A `Core` may be sent to
/// other threads.
///
/// Keep what belongs to one core in a `thread_local!`, or in an `Rc` that its main makes: a core is one thread as long
/// as it lives. A task of [`Handle::spawn`] may go to a core that has nothing to do, and all other tasks stay.
///
/// # Examples
///
/// ```
/// use ayi::runtime::{Builder, Core, shutdown_token};
///
/// Builder::new_current_thread().cores(2).run(async |core| {
///     if core.index() == 0 {
///         let there = core.spawn_on(1, || async { Core::current().index() });
///         assert_eq!(there.await.unwrap(), 1);
///         core.shutdown_token().cancel();
///     }
///     shutdown_token().cancelled().await;
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Core {
    pub(super) index: usize,
    pub(super) set: Arc<Set>,
}

/// What the cores share.
pub(super) struct Set {
    /// The token by which the program ends all cores.
    pub(super) shutdown: CancellationToken,
    /// Cancelled when a core has failed. The others then have a limited time.
    pub(super) failed: CancellationToken,
    pub(super) seats: Vec<Seat>,
    /// In which the cores share tasks.
    pub(super) group: Arc<Group>,
}

/// A core's place, which stays when the core is started anew.
#[derive(Default)]
pub(super) struct Seat {
    /// The handle of the core's present or last runtime. It is set before any main runs.
    pub(super) handle: Mutex<Option<Handle>>,
    /// The CPU that the core is pinned to, if it is pinned.
    pub(super) cpu: Option<usize>,
    /// How many tasks `spawn_balanced` has put there that are not finished.
    placed: AtomicUsize,
    /// Whether its main runs, or is about to.
    is_up: AtomicBool,
}

impl Seat {
    pub(super) fn new(cpu: Option<usize>) -> Seat {
        Seat { cpu, ..Seat::default() }
    }

    /// Marks the core as up, until the returned guard is dropped.
    pub(super) fn up(&self, handle: Handle) -> impl Drop {
        struct Up<'a>(&'a Seat);
        impl Drop for Up<'_> {
            fn drop(&mut self) {
                self.0.is_up.store(false, Ordering::Relaxed);
            }
        }
        // The previous handle is dropped after the lock: it may be the last one of its runtime.
        let before = lock(&self.handle).replace(handle);
        drop(before);
        // Relaxed, here and below: this is a hint. A caller who comes too late is told by the runtime that it has
        // ended.
        self.is_up.store(true, Ordering::Relaxed);
        Up(self)
    }
}

impl Core {
    /// Returns the core that this thread is.
    ///
    /// # Panics
    ///
    /// Panics on a thread that is not a core's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, Core};
    /// let sum: usize = Builder::new_current_thread().cores(3).run(async |_| Core::current().index())?.iter().sum();
    /// assert_eq!(sum, 3);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn current() -> Core {
        Core::try_current().expect(
            "this thread is none of the cores: call Core::current() from what Builder::cores or #[ayi::main(cores = …)] \
             runs",
        )
    }

    /// Returns the core that this thread is, if it is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ayi::runtime::Core::try_current().is_none());
    /// ```
    pub fn try_current() -> Option<Core> {
        // A thread that is ending is no longer a core.
        CURRENT.try_with(|core| core.borrow().clone()).ok().flatten()
    }

    /// Makes `self` the core that this thread is.
    pub(super) fn enter(self) {
        CURRENT.set(Some(self));
    }

    /// Returns the core's number. The first core is 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns how many cores there are.
    pub fn count(&self) -> usize {
        self.set.seats.len()
    }

    /// Returns the kernel's number of the CPU that the core is pinned to, if
    /// [`CoresBuilder::pin`](crate::runtime::CoresBuilder::pin) asked for that.
    pub fn cpu(&self) -> Option<usize> {
        self.seat(self.index).cpu
    }

    #[track_caller]
    fn seat(&self, index: usize) -> &Seat {
        let count = self.count();
        match self.set.seats.get(index) {
            Some(seat) => seat,
            None => panic!("there is no core {index}: there are {count}, and the first is 0"),
        }
    }

    /// Returns the handle of a core's runtime. If the core has ended, it is the handle of the core's last runtime.
    ///
    /// # Panics
    ///
    /// Panics if there is no core of this number.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// Builder::new_current_thread().cores(2).run(async |core| {
    ///     let tasks = (0..core.count()).map(|index| core.handle(index).metrics().num_alive_tasks());
    ///     println!("{} tasks on all cores", tasks.sum::<usize>());
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn handle(&self, index: usize) -> Handle {
        let handle = lock(&self.seat(index).handle).clone();
        handle.expect("no main runs before every core has its runtime")
    }

    /// Calls `make` on the core `index`, and spawns the future that `make` returns as a task on that core. See
    /// [`Handle::spawn_with`].
    ///
    /// If that core has ended, `make` is dropped, and awaiting the task says that it was cancelled.
    ///
    /// # Panics
    ///
    /// Panics if there is no core of this number.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, Core, shutdown_token};
    /// Builder::new_current_thread().cores(2).run(async |core| {
    ///     if core.index() == 0 {
    ///         let there = core.spawn_on(1, || async { Core::current().index() });
    ///         assert_eq!(there.await.unwrap(), 1);
    ///         core.shutdown_token().cancel();
    ///     }
    ///     shutdown_token().cancelled().await; // a core takes tasks until its main returns
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn_on<F>(
        &self,
        index: usize,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + 'static,
    {
        self.handle(index).spawn_with(make)
    }

    /// Spawns a task on the core with the fewest unfinished tasks that this function has spawned. Among equals this core
    /// comes first, and then the one with the lowest number.
    ///
    /// So one core can accept connections and deal them out. Moving a connection that has not been waited for yet costs
    /// nothing. The future is `Send`, and so the task is mobile, like one of [`Handle::spawn`]: it goes on on another core
    /// if that has nothing to do while this one is busy. It counts for the core on which it began.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, Core, shutdown_token};
    /// Builder::new_current_thread().cores(2).run(async |core| {
    ///     if core.index() == 0 {
    ///         // One begins here, and the other one on the other core.
    ///         let (one, other) = (core.spawn_balanced(async { 3 }), core.spawn_balanced(async { 4 }));
    ///         assert_eq!(one.await.unwrap() + other.await.unwrap(), 7);
    ///         core.shutdown_token().cancel();
    ///     }
    ///     shutdown_token().cancelled().await;
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn_balanced<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        // Relaxed, here and in `Placed`: the count orders nothing else.
        let load = |&index: &usize| {
            let seat = &self.set.seats[index];
            let is_down = !seat.is_up.load(Ordering::Relaxed);
            (is_down, seat.placed.load(Ordering::Relaxed), index != self.index)
        };
        let index = (0..self.count()).min_by_key(load).expect("there is a core: this one");
        let placed = Placed::new(self.set.clone(), index);
        self.handle(index).spawn(async move {
            let _placed = placed;
            future.await
        })
    }

    /// Returns the token of all cores. If it is cancelled, so is [`shutdown_token`](crate::runtime::shutdown_token) on
    /// each of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, shutdown_token};
    /// Builder::new_current_thread().cores(2).run(async |core| match core.index() {
    ///     0 => core.shutdown_token().cancel(),
    ///     _ => shutdown_token().cancelled().await,
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_token(&self) -> CancellationToken {
        self.set.shutdown.clone()
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("index", &self.index)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// A task that counts for its core, until it is finished or given up.
struct Placed {
    set: Arc<Set>,
    index: usize,
}

impl Placed {
    fn new(set: Arc<Set>, index: usize) -> Placed {
        set.seats[index].placed.fetch_add(1, Ordering::Relaxed);
        Placed { set, index }
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.set.seats[self.index].placed.fetch_sub(1, Ordering::Relaxed);
    }
}
