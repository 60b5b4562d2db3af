//! The recorder: what a runtime does, event by event, in a ring of fixed memory. `lens/FORMAT.md` has the events.
//!
//! ```text
//!   core ── Recorder::… ──▶ HERE (this thread's ring, if its runtime is recorded) ──▶ Ring
//!                                     end, panic, slow poll, Handle::snapshot, live ◀── section ◀┘
//! ```
//!
//! The core and the services call a [`Recorder`] where something happens. Without the feature `record` it is `none`,
//! whose functions are empty. So nothing of this is compiled, and the core knows of no feature.
//!
//! In tokio: nothing; `console-subscriber` and the task dumps of `tokio_unstable` are for the same questions.

#[cfg(feature = "record")]
mod calls;
#[cfg(feature = "record")]
mod clock;
#[cfg(feature = "record")]
mod descriptor;
#[cfg(feature = "record")]
mod event;
#[cfg(feature = "record")]
mod file;
#[cfg(feature = "record")]
mod kept;
#[cfg(feature = "record")]
mod made;
#[cfg(not(feature = "record"))]
mod none;
#[cfg(feature = "record")]
mod places;
#[cfg(feature = "record")]
mod ring;
#[cfg(feature = "record")]
mod rings;
#[cfg(feature = "record")]
mod section;
#[cfg(feature = "record")]
mod settings;
#[cfg(feature = "record")]
mod sources;
#[cfg(feature = "record")]
mod tasks;
#[cfg(feature = "record")]
mod turns;
#[cfg(feature = "record")]
mod waits;

#[cfg(feature = "record")]
pub(crate) use calls::CallTimes;
#[cfg(feature = "record")]
pub(crate) use descriptor::look as look_at_descriptor;
#[cfg(feature = "record")]
pub(crate) use made::{Began, Recorder, Recording};
#[cfg(not(feature = "record"))]
pub(crate) use none::{Began, CallTimes, Recorder, Recording};
#[cfg(not(feature = "record"))]
pub use none::{Holder, WaitNote, What};
#[cfg(feature = "record")]
pub use settings::Record;
#[cfg(feature = "record")]
pub(crate) use waits::each_note;
#[cfg(feature = "record")]
pub use waits::{Holder, WaitNote, What};
#[cfg(feature = "record")]
pub(crate) use {event::HEADER, section::Reason};
#[cfg(feature = "live")]
pub(crate) use {
    ring::Ring,
    rings::{in_use, seat_of},
    section::section,
};
