//! How a task leaves for another runtime, and how it arrives there: see `places`.
//!
//! ```text
//!   owner of the slot: the body is the track's cargo ──▶ a message, for all tasks that go at once
//!   the other runtime: a place is scheduled, or made ──▶ its poll takes the cargo
//! ```

use super::places::{Cargo, Mobility, Place, Track};
use crate::core::counters::Count;
use crate::core::current::HERE;
use crate::core::foreign::lock;
use crate::core::task::boxed::BodyBox;
use crate::core::task::slot::{Marks, Slot};
use crate::core::task::{OwnScheduler, OwnSlot};
use crate::core::wait::Instant;
use crate::core::worker::RuntimeRef;
use crate::watch::record::Recorder;
use std::sync::Arc;

/// A task that has left for another runtime.
pub(crate) struct Departed {
    track: Arc<Track>,
    from: &'static Slot,
    to: &'static Slot,
    /// It has not been there before.
    is_new: bool,
    /// The number of the runtime that it comes from.
    runtime: u64,
}

/// Takes the task of a slot, which is not being polled, away from there and sends it to `to`. `None`: it stays, since it is
/// not mobile, is to be cancelled, or has come less than `stay` nanoseconds ago. [`send_off`] tells the other runtime.
pub(crate) fn depart(slot: OwnSlot, to: RuntimeRef, stay: u64) -> Option<Departed> {
    if slot.cells().marks.get().has(Marks::ABORTED) {
        return None;
    }
    let now = Instant::now();
    let (body, id) = slot.take_body()?;
    let facts = body.as_ref().facts(id);
    let (track, there) = match facts.more.mobility {
        Mobility::Mobile(write_error) => (Arc::new(Track::new(*slot, &facts, write_error, now)), None),
        Mobility::Moved(there) => (there.track.clone(), Some(there)),
        Mobility::Stays => {
            slot.put_body(body);
            return None;
        }
    };
    // Locked until it has left: an abort, or the end of its home, comes before that or finds it on its way.
    let mut state = lock(&track.state);
    if there.is_some() && !state.may_leave(now, stay) {
        drop(state);
        slot.put_body(body);
        return None;
    }
    let (body, place) = match there {
        Some(there) => (there.body.take().expect("`facts` has seen it"), body),
        None => (body, BodyBox::new(Place::new(track.clone(), *slot))),
    };
    slot.put_body(place);
    Recorder::departed(id, to.id);
    let is_there = |place: &&'static Slot| std::ptr::eq(place.scheduler, to.scheduler);
    let known = state.away.iter().copied().find(is_there).or(Some(track.home).filter(is_there));
    let there = known.unwrap_or_else(|| {
        let new = to.scheduler.reserve();
        state.away.push(new);
        new
    });
    (state.at, state.cargo, state.since) = (there, Some(Cargo(body)), now);
    drop(state);
    Some(Departed { track, from: *slot, to: there, is_new: known.is_none(), runtime: HERE.get() })
}

/// Tells the runtime `to` of the tasks that come there. If it has ended, they come back.
pub(crate) fn send_off(from: OwnScheduler, departed: Vec<Departed>, to: RuntimeRef) {
    let departed = Arc::new(departed);
    let all = departed.clone();
    let receive = move |owner: OwnScheduler| all.iter().for_each(|task| task.arrive(owner));
    if to.scheduler.send(Some(to.id), Box::new(receive)).is_err() {
        departed.iter().for_each(|task| task.come_back(from));
    }
}

impl Departed {
    /// Schedules the place to which the task comes, or makes it.
    fn arrive(&self, owner: OwnScheduler) {
        let slot = OwnSlot::new(owner, self.to);
        let track = &self.track;
        Recorder::arrived(track.id, track.name.as_deref(), track.spawned_at, self.runtime);
        if !self.is_new {
            return slot.schedule();
        }
        slot.set_task(self.track.id);
        slot.cells().detached.set(true);
        let counters = &owner.shared().counters;
        counters.add(Count::Spawned, 1);
        counters.add(Count::Visiting, 1);
        if owner.cells().onlookers.time_polls() {
            slot.mark(Marks::WATCHED);
        }
        let place = BodyBox::new(Place::new(self.track.clone(), self.to));
        if owner.cells().is_closed.get() {
            slot.occupy();
            return owner.cancel(slot, place);
        }
        slot.put_body(place);
        // A vacant slot counts as scheduled: slot invariant 5.
        owner.push(slot);
    }

    /// The runtime to which it was sent has ended.
    fn come_back(&self, owner: OwnScheduler) {
        let mut state = lock(&self.track.state);
        // A place there that was known has sent it home, if it has ended in between.
        if std::ptr::eq(state.at, self.to) && state.cargo.is_some() {
            state.at = self.from;
        }
        if self.is_new {
            state.forget(self.to);
        }
        drop(state);
        if self.is_new {
            self.to.scheduler.unreserve(self.to);
        }
        OwnSlot::new(owner, self.from).schedule();
    }
}
