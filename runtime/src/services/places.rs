//! Tasks that go from one runtime to another: the places where such a task has been, and the one where it is.
//!
//! ```text
//!   slot on core A, where it was spawned   slot on core B
//!   ┌───────────────────────────┐          ┌─────────────────────────────┐
//!   │ Place: empty              │ ──────── │ Place ─▶ the body: runs here │   both know the Track: where the body is
//!   └───────────────────────────┘          └─────────────────────────────┘
//!      ▲ handles, wakers of before            ▲ wakers from here on
//! ```
//!
//! `departures` sends a task on. A place is itself the body of a task, so the loop and the handles need not know of all this. An empty one that is woken
//! passes the wake on. A task that comes to a runtime where it has a place goes there, so it has one in each at most. When it
//! has ended, the body with the output goes home, where the handles look for it, and the other places are given up.
//!
//! Invariants:
//! 1. The body is in one place, or on its way to one: then it is the track's `cargo`. It changes hands under the track's
//!    lock.
//! 2. `at` is the place where it is or goes to. That place looks for it in its next poll, and is scheduled for one. So who
//!    finds that the body is on its way need not pass a wake on: the place locks the track later, and polls after that.
//! 3. Only the body of a task that is not being polled goes away, and only if its future and its output are `Send`:
//!    [`Mobility::Mobile`] is made for those alone.
//! 4. A place that is not home has nothing to give to a JoinHandle, and no handle: its task is detached. It is dropped when
//!    the track `is_over`, or when its runtime ends. Then it sends a body home that it has.
//! 5. No foreign code runs under the lock.
//!
//! tokio has nothing like this: there a task has no home, and each wake and each state is shared by all workers.

use super::blocks::Blocks;
use crate::core::counters::Count;
use crate::core::foreign::{self, lock};
use crate::core::onlooker::TaskFacts;
use crate::core::sync::Mutex;
use crate::core::task::body::{Body, Output};
use crate::core::task::boxed::BodyBox;
use crate::core::task::slot::{Marks, Slot};
use crate::core::task::{AbortHandle, Id, JoinError, OwnSlot};
use crate::core::wait::Instant;
use crate::plugged::TaskTrace;
use std::alloc::Layout;
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::mem::{ManuallyDrop, take};
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Writes the output of a task that has none, where its JoinHandle wants it.
pub(crate) type WriteError = unsafe fn(*mut (), JoinError);

/// Whether a task may go to another runtime.
#[derive(Clone, Copy, Default)]
pub(crate) enum Mobility<'a> {
    #[default]
    Stays,
    /// Its future and its output are `Send`.
    Mobile(WriteError),
    /// It has a place, with the body in it.
    Moved(&'a Place),
}

impl Mobility<'_> {
    /// That of a task whose output this is.
    pub(crate) fn mobile<T: Send>() -> Mobility<'static> {
        /// # Safety
        ///
        /// An `Output<T>` can be written to `to`.
        unsafe fn write_error<T>(to: *mut (), error: JoinError) {
            // SAFETY: the caller's promise.
            unsafe { to.cast::<Output<T>>().write(Err(error)) };
        }
        Mobility::Mobile(write_error::<T>)
    }
}

/// What there is to tell of a task besides.
#[derive(Default)]
pub(crate) struct MoreFacts<'a> {
    /// Of a task that another thread has spawned: when.
    pub(crate) spawned: Option<Instant>,
    pub(crate) mobility: Mobility<'a>,
    /// It has come from another runtime, where it is looked on.
    pub(crate) is_visiting: bool,
    /// It has left, or is not here yet.
    pub(crate) is_elsewhere: bool,
}

/// What all places of a task know of it.
pub(crate) struct Track {
    pub(super) id: Id,
    pub(super) home: &'static Slot,
    pub(super) name: Option<String>,
    pub(super) spawned_at: &'static Location<'static>,
    size: usize,
    spawned: Option<Instant>,
    write_error: WriteError,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) at: &'static Slot,
    pub(super) cargo: Option<Cargo>,
    /// The places that are not home.
    pub(super) away: Vec<&'static Slot>,
    /// When it came to where it is.
    pub(super) since: Instant,
    /// Somebody has asked for its end.
    is_aborted: bool,
    /// It has ended, or its home has.
    is_over: bool,
}

impl State {
    /// A place that is not home is given up.
    pub(super) fn forget(&mut self, place: &Slot) {
        self.away.retain(|other| !std::ptr::eq(*other, place));
    }

    /// Whether the body may be sent on from where it is.
    pub(super) fn may_leave(&self, now: Instant, stay: u64) -> bool {
        !self.is_aborted && !self.is_over && now.nanos_since(self.since) >= stay
    }
}

/// A body on its way.
pub(super) struct Cargo(pub(super) BodyBox);

// SAFETY: invariant 3. What else is in a body is `Send`, as `Kind` is, and the body of a task that has ended is its output.
unsafe impl Send for Cargo {}
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<TaskTrace>();
};

pin_project_lite::pin_project! {
    /// The body of a slot for which a task has left, or to which it has come.
    pub(crate) struct Place {
        pub(super) track: Arc<Track>,
        slot: &'static Slot,
        // What has come here. `None`: it is elsewhere, or on its way.
        pub(super) body: Cell<Option<BodyBox>>,
        is_polled: bool,
        // It counts as a visitor of its runtime.
        is_visiting: bool,
        // At home, if that has ended without the body: why there is no output.
        error: Option<JoinError>,
        #[pin]
        never_unpin: PhantomPinned,
    }

    impl PinnedDrop for Place {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let body = this.body.take();
            match is_home(this.track, this.slot) {
                true => this.track.end(),
                false => {
                    end_visit(this.slot, this.is_visiting);
                    // Nor does it count as one that has ended there. In this order: see `end_visit`.
                    for count in [Count::Finished, Count::Spawned] {
                        this.slot.scheduler.counters.add(count, u64::MAX);
                    }
                    this.track.leave(this.slot, body);
                }
            }
        }
    }
}

fn is_home(track: &Track, slot: &'static Slot) -> bool {
    std::ptr::eq(track.home, slot)
}

/// It counts for this runtime no longer, before it counts as one that has ended there: so other threads, which read one
/// figure after the other, never see fewer tasks than there are.
fn end_visit(slot: &Slot, is_visiting: &mut bool) {
    if take(is_visiting) {
        slot.scheduler.counters.add(Count::Visiting, u64::MAX);
    }
}

impl Place {
    pub(super) fn new(track: Arc<Track>, slot: &'static Slot) -> Place {
        let (body, is_visiting) = (Cell::new(None), !is_home(&track, slot));
        Place { track, slot, body, is_polled: false, is_visiting, error: None, never_unpin: PhantomPinned }
    }

    /// Looks at the body, if it is here.
    fn look<R>(&self, f: impl FnOnce(&dyn Body) -> R) -> Option<R> {
        let body = self.body.take()?;
        let result = f(body.as_ref());
        self.body.set(Some(body));
        Some(result)
    }
}

impl Track {
    /// Of a task that leaves its home for the first time.
    pub(super) fn new(
        home: &'static Slot,
        facts: &TaskFacts<'_>,
        write_error: WriteError,
        now: Instant,
    ) -> Track {
        let (is_aborted, is_over) = (false, false);
        let state = State { at: home, cargo: None, away: Vec::new(), since: now, is_aborted, is_over };
        Track {
            id: facts.id,
            home,
            name: facts.name.map(String::from),
            spawned_at: facts.place,
            size: facts.size,
            spawned: facts.more.spawned,
            write_error,
            state: Mutex::new(state),
        }
    }

    /// The body, if it has come to this place, and whether it is to be cancelled.
    fn fetch(&self, slot: &'static Slot) -> (Option<BodyBox>, bool) {
        let mut state = lock(&self.state);
        let has_come = std::ptr::eq(state.at, slot);
        let cargo = if has_come { state.cargo.take() } else { None };
        let is_given_up = state.is_over && !is_home(self, slot);
        (cargo.map(|cargo| cargo.0), state.is_aborted || is_given_up)
    }

    /// A place without the body was woken: passes that on, and an abort.
    fn pass_on(&self, slot: OwnSlot) {
        let mut state = lock(&self.state);
        // Elsewhere it may be the end of that runtime, which only sends the task home.
        if is_home(self, *slot) && slot.cells().marks.get().has(Marks::ABORTED) {
            state.is_aborted = true;
        }
        let (at, is_on_its_way, is_aborted) = (state.at, state.cargo.is_some(), state.is_aborted);
        drop(state);
        // Invariant 2.
        if is_on_its_way || std::ptr::eq(at, *slot) {
            return;
        }
        if is_aborted {
            self.cancel_at(at);
        } else {
            at.waker().wake();
        }
    }

    /// Has the owner of a place cancel what is there.
    fn cancel_at(&self, place: &'static Slot) {
        let id = self.id;
        let place = AbortHandle { slot: place, id };
        place.visit(move |slot| {
            if !slot.is_finished(id) {
                slot.mark(Marks::ABORTED);
                slot.schedule();
            }
        });
    }

    /// The task has ended, or its home has: the other places are given up.
    fn end(&self) {
        let mut state = lock(&self.state);
        state.is_over = true;
        // Nobody collects it any more. Places that still are on their way give it up when they arrive.
        let cargo = if is_home(self, state.at) { state.cargo.take() } else { None };
        let away = take(&mut state.away);
        drop(state);
        away.into_iter().for_each(|place| self.cancel_at(place));
        // The owner of a home is in the midst of something.
        foreign::run(|| drop(cargo));
    }

    /// A place that is not home is given up. What is in it goes home, if anybody there waits for it.
    fn leave(&self, slot: &'static Slot, body: Option<BodyBox>) {
        let mut state = lock(&self.state);
        state.forget(slot);
        let cargo = if std::ptr::eq(state.at, slot) { state.cargo.take() } else { None };
        let cargo = body.map(Cargo).or(cargo);
        if cargo.is_none() || state.is_over {
            drop(state);
            return drop(cargo);
        }
        (state.at, state.cargo) = (self.home, cargo);
        drop(state);
        self.home.waker().wake();
    }
}

impl Body for Place {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (track, slot) = (this.track, *this.slot);
        if this.body.get_mut().is_none() {
            let Some(slot) = slot.own() else { unreachable!("a place is polled by its owner") };
            let (body, must_end) = track.fetch(*slot);
            let Some(body) = body else {
                track.pass_on(slot);
                return Poll::Pending;
            };
            let is_cancelled = must_end && body.as_ref().may_cancel();
            this.body.set(Some(body));
            if is_cancelled {
                slot.mark(Marks::ABORTED);
                slot.schedule();
                return Poll::Pending;
            }
        }
        let Some(body) = this.body.get_mut() else { unreachable!("it has just come") };
        *this.is_polled = true;
        let polled = body.as_mut().poll(cx);
        *this.is_polled = false;
        if polled.is_ready() {
            match is_home(track, slot) {
                true => track.end(),
                false => end_visit(slot, this.is_visiting),
            }
        }
        polled
    }

    fn clear(self: Pin<&mut Self>) {
        let this = self.project();
        let (track, slot) = (this.track, *this.slot);
        if this.body.get_mut().is_none() {
            this.body.set(track.fetch(slot).0);
        }
        let is_home = is_home(track, slot);
        // The end of this runtime is not that of a task which only visits it.
        let state = lock(&track.state);
        let goes_home = !is_home && !*this.is_polled && !state.is_aborted && !state.is_over;
        drop(state);
        if goes_home {
            return track.leave(slot, this.body.take());
        }
        // If it is elsewhere, `fail` comes next: at home that gives the places up, and the body with them.
        if let Some(body) = this.body.get_mut() {
            body.as_mut().clear();
        }
    }

    fn fail(self: Pin<&mut Self>, error: JoinError) {
        let this = self.project();
        match this.body.get_mut() {
            Some(body) => body.as_mut().fail(error),
            None => *this.error = Some(error),
        }
        match is_home(this.track, this.slot) {
            true => this.track.end(),
            false => end_visit(this.slot, this.is_visiting),
        }
    }

    fn take_error(self: Pin<&mut Self>) -> Option<JoinError> {
        let this = self.project();
        if !is_home(this.track, this.slot) {
            return None;
        }
        match this.body.get_mut() {
            Some(body) => body.as_mut().take_error(),
            None => this.error.take(),
        }
    }

    unsafe fn take_output(self: Box<Self>, to: *mut (), block: NonNull<u8>) {
        // First of all: body invariant 4.
        let place = Box::into_raw(self);
        // SAFETY: nobody else has it.
        let there = unsafe { &mut *place };
        let (body, error, write_error) = (there.body.take(), there.error.take(), there.track.write_error);
        // SAFETY: nobody else has it. The block is that of the `BodyBox`.
        unsafe {
            std::ptr::drop_in_place(place);
            Blocks::give_back(block, Layout::new::<Self>());
        }
        match (body, error) {
            (Some(body), _) => {
                let body = ManuallyDrop::new(body);
                // SAFETY: the box owns the body; the caller's promise, since the output is that body's.
                unsafe { Box::from_raw(body.0.as_ptr()).take_output(to, body.0.cast()) };
            }
            // SAFETY: it was made for the output of this task.
            (None, Some(error)) => unsafe { write_error(to, error) },
            (None, None) => unreachable!("a task that has ended has an output, or an error"),
        }
    }

    fn may_cancel(&self) -> bool {
        if let Some(may_cancel) = self.look(|body| body.may_cancel()) {
            return may_cancel;
        }
        let state = lock(&self.track.state);
        let has_come = std::ptr::eq(state.at, self.slot) && state.cargo.is_some();
        match &state.cargo {
            Some(cargo) if has_come => cargo.0.as_ref().may_cancel(),
            _ => state.is_over && !is_home(&self.track, self.slot),
        }
    }

    fn facts(&self, id: Id) -> TaskFacts<'_> {
        let track = &self.track;
        let has_body = self.look(|_| ()).is_some();
        TaskFacts {
            name: track.name.as_deref(),
            more: MoreFacts {
                spawned: track.spawned,
                mobility: if has_body { Mobility::Moved(self) } else { Mobility::Stays },
                is_visiting: !is_home(track, self.slot),
                is_elsewhere: !has_body,
            },
            ..TaskFacts::new(id, track.size, track.spawned_at)
        }
    }

    fn set_trace(self: Pin<&mut Self>, _: TaskTrace) {
        unreachable!("a place begins no task");
    }
}
