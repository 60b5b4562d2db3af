//! Tasks that run only while their set is awaited, and are dropped with it.
//!
//! In tokio, this is how futures that are not `Send` are spawned. Here every task may hold values that are not `Send`.
//! The set serves programs that come from tokio, or that need its other property.
//!
//! ```text
//!   a task of the set is an ordinary task, around a body that it shares with the set
//!     polled, and the set is awaited ──▶ polls the body
//!     polled, and it is not ───────────▶ leaves its waker with the set, which wakes it when it is awaited
//!     the set is dropped ──────────────▶ the body is dropped, there and then, and the task aborted
//!     spawned after that ──────────────▶ the same
//! ```
//!
//! Invariants:
//! 1. A body is out of its cell while it is polled, so that one of the set's own tasks can drop the set.
//! 2. Nothing is borrowed while a body is polled or dropped, or a waker cloned, woken or dropped.
//! 3. A body is polled and dropped inside its set: tasks that it spawns there belong to the set too.
//!
//! In tokio: `task/local.rs`.

use super::{AbortHandle, JoinHandle};
use crate::runtime::{Id, Runtime};
use ayi_runtime::task::{
    NotInPlace, WaitNote, What, coop, is_large, spawn_sooner_or_later, start_running_here,
};
use pin_project_lite::pin_project;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

thread_local! {
    /// The set on which `spawn_local` spawns.
    static CURRENT: RefCell<Option<Rc<Set>>> = const { RefCell::new(None) };
}

/// Spawns a task on this thread: on the [`LocalSet`] in which this code runs, otherwise on the runtime.
///
/// Outside of a set it is the same as [`spawn`](crate::spawn): a task of ayi's never leaves its thread, so none has to
/// be `Send`. In tokio, it panics there.
///
/// # Panics
///
/// Panics outside a runtime.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let shared = std::rc::Rc::new(7);
/// assert_eq!(ayi::task::spawn_local(async move { *shared }).await.unwrap(), 7);
/// # }
/// ```
#[track_caller]
pub fn spawn_local<F: Future<Output: 'static> + 'static>(future: F) -> JoinHandle<F::Output> {
    if const { is_large::<F>() } {
        return spawn_here(Box::pin(future));
    }
    spawn_here(future)
}

/// Whether tasks may be spawned by [`spawn_local`] by tokio's rules: in a set, or in a runtime that was made for that.
#[doc(hidden)]
pub fn may_spawn_local() -> bool {
    CURRENT.try_with(|set| set.borrow().is_some()).unwrap_or(false) || crate::runtime::is_local()
}

#[track_caller]
fn spawn_here<F: Future<Output: 'static> + 'static>(future: F) -> JoinHandle<F::Output> {
    // While the thread ends, it is no longer in any set.
    match CURRENT.try_with(|set| set.borrow().clone()).ok().flatten() {
        Some(set) => set.spawn(future),
        None => crate::spawn(future),
    }
}

/// A set of tasks that run while it is awaited, and are dropped with it.
///
/// It is awaited from the first poll of [`run_until`](LocalSet::run_until), or of the set itself, until that future is
/// done or dropped. At other times its tasks stand still. When the set is dropped, the futures of its tasks are dropped
/// at once, and their JoinHandles return "cancelled". The same holds for tasks that are spawned on it after that: by
/// one of its own tasks, by a drop, or while a guard of [`enter`](LocalSet::enter) is held.
///
/// One thing differs from tokio's: each task is spawned on a runtime, and is cancelled when that runtime ends. It is
/// the runtime that the thread is in. Outside of any runtime it is the latest that was made on this thread, and before
/// the first it is the next one that will be made. The set can be awaited in that runtime only, and panics in others.
///
/// # Examples
///
/// ```
/// use ayi::task::{LocalSet, spawn_local};
/// use std::{cell::Cell, rc::Rc};
///
/// let rt = ayi::runtime::Runtime::new().unwrap();
/// let set = LocalSet::new();
/// let cups = Rc::new(Cell::new(0));
/// let counter = cups.clone();
/// set.block_on(&rt, async {
///     spawn_local(async move { counter.set(1) }).await.unwrap();
/// });
/// assert_eq!(cups.get(), 1);
/// ```
#[derive(Default)]
pub struct LocalSet {
    set: Rc<Set>,
    /// `Some` while the set itself is awaited.
    awaited: Option<Awaited>,
    note: WaitNote,
    id: OnceCell<Id>,
}

#[derive(Default)]
struct Set {
    /// Indexed by the number of the task in the set.
    members: RefCell<Vec<Option<Member>>>,
    vacant: RefCell<Vec<usize>>,
    /// How many futures await the set.
    awaited: Cell<usize>,
    /// The waker of a task that awaits the set itself, until no task is left.
    waiter: Cell<Option<Waker>>,
    is_dropped: Cell<bool>,
}

type Body = Cell<Option<Pin<Box<dyn Future<Output = ()>>>>>;

struct Member {
    body: Rc<Body>,
    /// `None` while it is being spawned.
    task: Option<AbortHandle>,
    /// The waker of a poll that came while the set was not awaited.
    parked: Option<Waker>,
}

impl Set {
    #[track_caller]
    fn spawn<F: Future<Output: 'static> + 'static>(self: &Rc<Self>, future: F) -> JoinHandle<F::Output> {
        let output = Rc::new(Cell::new(None));
        let body = Kept { future, output: output.clone() };
        let body: Rc<Body> = Rc::new(Cell::new(Some(Box::pin(body))));
        let number = self.vacant.borrow_mut().pop().unwrap_or_else(|| {
            self.members.borrow_mut().push(None);
            self.members.borrow().len() - 1
        });
        self.members.borrow_mut()[number] = Some(Member { body: body.clone(), task: None, parked: None });
        let task = spawn_sooner_or_later(Task { set: self.clone(), number, body: body.clone(), output });
        // The entry is compared, because while the runtime shuts down the task may be gone and its place may be
        // another's.
        let is_it = |member: &&mut Member| Rc::ptr_eq(&member.body, &body);
        if let Some(member) = self.members.borrow_mut()[number].as_mut().filter(is_it) {
            member.task = Some(task.abort_handle());
        }
        // This happens in one of its own tasks, in a drop, or while its guard is still held.
        if self.is_dropped.get() {
            task.abort();
            self.drop_inside(body.take());
        }
        task
    }

    fn len(&self) -> usize {
        self.members.borrow().len() - self.vacant.borrow().len()
    }

    /// Runs `f` with `spawn_local` spawning here.
    fn enter<R>(self: &Rc<Self>, f: impl FnOnce() -> R) -> R {
        let _inside = LocalEnterGuard::new(self);
        f()
    }

    /// Drops bodies inside the set: invariant 3.
    fn drop_inside<T>(self: &Rc<Self>, bodies: T) {
        self.enter(|| drop(bodies));
    }

    fn leave(self: &Rc<Self>, number: usize) {
        let member = self.members.borrow_mut()[number].take();
        self.vacant.borrow_mut().push(number);
        if self.len() == 0 {
            self.waiter.take().into_iter().for_each(Waker::wake);
        }
        // The body is still there if the task was aborted. Its drop may panic, so it comes last.
        if let Some(body) = member.and_then(|member| member.body.take()) {
            self.drop_inside(body);
        }
    }
}

pin_project! {
    /// The content of a body: the task takes the output of its future.
    struct Kept<F: Future> {
        #[pin]
        future: F,
        output: Rc<Cell<Option<F::Output>>>,
    }
}

impl<F: Future> Future for Kept<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        this.output.set(Some(output));
        Poll::Ready(())
    }
}

/// The future that the runtime polls.
struct Task<T> {
    set: Rc<Set>,
    number: usize,
    body: Rc<Body>,
    output: Rc<Cell<Option<T>>>,
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.set.awaited.get() == 0 {
            let waker = cx.waker().clone();
            let park = |member: &mut Member| member.parked.replace(waker);
            let replaced = self.set.members.borrow_mut()[self.number].as_mut().and_then(park);
            drop(replaced);
            return Poll::Pending;
        }
        // If the body is not there, the set has been dropped, and the task is about to be.
        let Some(mut body) = self.body.take() else { return Poll::Pending };
        let set = self.set.clone();
        let _inside = LocalEnterGuard::new(&set);
        if body.as_mut().poll(cx).is_pending() {
            if !set.is_dropped.get() {
                self.body.set(Some(body));
            }
            return Poll::Pending;
        }
        drop(body);
        Poll::Ready(self.output.take().expect("a body that is done has left its output"))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.set.leave(self.number);
    }
}

/// Counts the futures that await a set.
struct Awaited(Rc<Set>);

impl Awaited {
    fn new(set: &Rc<Set>) -> Awaited {
        // On a thread that blocks on the handle of another thread's runtime, there may be no place yet for tasks to
        // run.
        start_running_here();
        let is_elsewhere = |member: &Member| member.task.as_ref().is_some_and(|task| !task.is_at_home());
        assert!(
            !set.members.borrow().iter().flatten().any(is_elsewhere),
            "this LocalSet has a task that this thread cannot run here: it was spawned on another runtime of the thread, or \
             no runtime is entered. Await the set in the runtime that its tasks were spawned on"
        );
        set.awaited.set(set.awaited.get() + 1);
        let mut parked = Vec::new();
        for member in set.members.borrow_mut().iter_mut().flatten() {
            parked.extend(member.parked.take());
        }
        parked.into_iter().for_each(Waker::wake);
        Awaited(set.clone())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.awaited.set(self.0.awaited.get() - 1);
    }
}

impl LocalSet {
    /// Makes an empty set.
    pub fn new() -> LocalSet {
        LocalSet::default()
    }

    /// Returns a number that no other set and no runtime has.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::task::LocalSet;
    /// let (one, other) = (LocalSet::new(), LocalSet::new());
    /// assert!(one.id() == one.id() && one.id() != other.id());
    /// ```
    pub fn id(&self) -> Id {
        *self.id.get_or_init(Id::for_a_set)
    }

    /// Spawns a task on the set.
    ///
    /// # Panics
    ///
    /// Panics if there is no runtime on this thread yet, and the system has no descriptors left for the next one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::LocalSet;
    /// let set = LocalSet::new();
    /// let task = set.spawn_local(async { 7 }); // stands still until the set is awaited
    /// assert_eq!(set.run_until(task).await.unwrap(), 7);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_local<F: Future<Output: 'static> + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        if const { is_large::<F>() } {
            return self.set.spawn(Box::pin(future));
        }
        self.set.spawn(future)
    }

    /// Awaits `future`, while the tasks of the set run.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`. The tasks stay in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::{LocalSet, spawn_local};
    /// let set = LocalSet::new();
    /// let seven = set.run_until(async { spawn_local(async { 7 }).await.unwrap() }).await;
    /// assert_eq!(seven, 7);
    /// # }
    /// ```
    pub async fn run_until<F: Future>(&self, future: F) -> F::Output {
        let _awaited = Awaited::new(&self.set);
        let mut future = pin!(future);
        poll_fn(|cx| self.set.enter(|| future.as_mut().poll(cx))).await
    }

    /// Runs `future` on `rt`, while the tasks of the set run.
    ///
    /// # Panics
    ///
    /// Panics like [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, rt: &Runtime, future: F) -> F::Output {
        rt.block_on(self.run_until(future))
    }

    /// Makes [`spawn_local`] spawn on this set, until the guard is dropped. Guards must be dropped in the reverse order
    /// of entering.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::{LocalSet, spawn_local};
    /// let set = LocalSet::new();
    /// let task = {
    ///     let _inside = set.enter();
    ///     spawn_local(async { 7 }) // of the set
    /// };
    /// assert_eq!(set.run_until(task).await.unwrap(), 7);
    /// # }
    /// ```
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard::new(&self.set)
    }
}

/// Done when no task is left in the set.
impl Future for LocalSet {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.awaited.is_none() {
            self.awaited = Some(Awaited::new(&self.set));
        }
        if self.set.len() == 0 {
            return coop::poll_composed(cx, &mut false, |_| {
                self.awaited = None;
                self.note.end();
                Poll::Ready(())
            });
        }
        drop(self.set.waiter.replace(Some(cx.waker().clone())));
        let address = Rc::as_ptr(&self.set).addr();
        self.note.begin(What::new("the tasks of its LocalSet"), address);
        Poll::Pending
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        self.set.is_dropped.set(true);
        let (mut bodies, mut tasks) = (Vec::new(), Vec::new());
        for member in self.set.members.borrow().iter().flatten() {
            bodies.push(member.body.take());
            tasks.extend(member.task.clone());
        }
        tasks.iter().for_each(AbortHandle::abort);
        // If one panics, the others are dropped all the same.
        self.set.drop_inside(bodies);
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSet").field("len", &self.set.len()).finish_non_exhaustive()
    }
}

/// The guard of [`LocalSet::enter`].
#[must_use = "the set is left when the guard is dropped"]
pub struct LocalEnterGuard {
    outer: Option<Rc<Set>>,
    _not_in_place: NotInPlace,
}

impl LocalEnterGuard {
    fn new(set: &Rc<Set>) -> LocalEnterGuard {
        // While the thread ends, there is no place from which to take the outer set, and nothing can be spawned any
        // longer.
        let outer = CURRENT.try_with(|it| it.replace(Some(set.clone()))).ok().flatten();
        LocalEnterGuard { outer, _not_in_place: NotInPlace::new() }
    }
}

impl Drop for LocalEnterGuard {
    fn drop(&mut self) {
        // The set is dropped after it has left its place: this may be the last reference to it.
        let inner = CURRENT.try_with(|it| it.replace(self.outer.take()));
        drop(inner);
    }
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalEnterGuard")
    }
}
