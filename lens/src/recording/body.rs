//! The second step of reading: what is in the section of a runtime.

use super::cursor::{Cursor, Short};
use super::event::Event;
use super::problem::Damage;

/// The tag of a runtime's section.
pub(crate) const RUNT: u32 = 0x544e_5552;
/// The number that names no text.
const NONE: u32 = u32::MAX;

/// What one runtime had in its ring when it was written: the body of a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The number of the process.
    pub process: u32,
    /// Which worker of its runtime this is.
    pub worker: u32,
    /// The number of the runtime, unique in the process.
    pub runtime: u64,
    /// Why the section was written.
    pub reason: u32,
    /// Bit 0: it is a worker of several. Bit 1: the clock is the system's. Bit 2: it is what was done to the others. Bit 3:
    /// it ran on a host of a simulation.
    pub flags: u32,
    /// Nanoseconds since 1970 at time 0.
    pub base: u64,
    /// The time of writing.
    pub now: u64,
    /// The number of the first event.
    pub first: u64,
    /// The time at which the runtime began.
    pub begins: u64,
    /// The name of the program.
    pub program: String,
    /// The name of the runtime.
    pub name: String,
    /// The name of its thread.
    pub thread: String,
    /// The reason in words, or nothing.
    pub what: String,
    /// Names and places, which others refer to by index.
    pub texts: Vec<String>,
    /// The tasks that are not finished.
    pub tasks: Vec<LiveTask>,
    /// The descriptors that are registered.
    pub sources: Vec<Source>,
    /// The events, in order.
    pub events: Vec<Event>,
}

/// A task that was not finished when its section was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveTask {
    /// Its id.
    pub id: u64,
    /// Its name, an index into the texts.
    pub name: Option<u32>,
    /// The place where it was spawned, an index into the texts.
    pub place: Option<u32>,
    /// When it was spawned.
    pub since: u64,
    /// 0: it waits, 1: it is in the run queue, 2: it is being polled.
    pub state: u32,
}

/// A descriptor that was registered when its section was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its key.
    pub key: u64,
    /// The number of the descriptor.
    pub fd: u32,
    /// What it is: see [`kind_name`](super::event::kind_name).
    pub kind: u32,
    /// Its peer, an index into the texts.
    pub peer: Option<u32>,
    /// Bit 0: a task waits for it to be readable. Bit 1: writable.
    pub waiting: u32,
}

/// The length of the numbers that a body begins with, in bytes. Without them nobody knows whose section it is.
const NUMBERS: usize = 56;

/// Reads a body. If it is not well-formed, returns what stands before the mistake, where that is, and what it is.
pub(super) fn read(body: &[u8]) -> (Option<Section>, Option<(usize, Damage)>) {
    let (mut cursor, mut section) = (Cursor::new(body), Section::default());
    let damage = match fields(&mut cursor, &mut section) {
        Err(Short(field)) => Some(Damage::Field(field)),
        Ok(()) if section.first.checked_add(section.events.len() as u64).is_none() => {
            section.events = Vec::new();
            Some(Damage::Numbers)
        }
        Ok(()) if cursor.left() > 0 => Some(Damage::Behind(cursor.left() as u64)),
        Ok(()) => None,
    };
    let section = Some(section).filter(|_| cursor.at() >= NUMBERS);
    (section, damage.map(|damage| (cursor.at(), damage)))
}

fn fields(cursor: &mut Cursor<'_>, section: &mut Section) -> Result<(), Short> {
    section.process = cursor.u32("process")?;
    section.worker = cursor.u32("worker")?;
    section.runtime = cursor.u64("runtime")?;
    section.reason = cursor.u32("reason")?;
    section.flags = cursor.u32("flags")?;
    section.base = cursor.u64("base")?;
    section.now = cursor.u64("time of writing")?;
    section.first = cursor.u64("number of the first event")?;
    section.begins = cursor.u64("begin")?;
    section.program = cursor.text("program")?;
    section.name = cursor.text("runtime's name")?;
    section.thread = cursor.text("thread's name")?;
    section.what = cursor.text("reason in words")?;
    let count = cursor.u32("number of texts")?;
    for _ in 0..cursor.count(count.into(), 4, "texts")? {
        section.texts.push(cursor.text("texts")?);
    }
    let count = cursor.u32("number of tasks")?;
    for _ in 0..cursor.count(count.into(), 32, "tasks")? {
        section.tasks.push(task(cursor)?);
    }
    let count = cursor.u32("number of descriptors")?;
    for _ in 0..cursor.count(count.into(), 24, "descriptors")? {
        section.sources.push(source(cursor)?);
    }
    let count = cursor.u64("number of events")?;
    let count = cursor.count(count, 24, "events")?;
    section.events.reserve_exact(count);
    for _ in 0..count {
        let words = [cursor.u64("events")?, cursor.u64("events")?, cursor.u64("events")?];
        section.events.push(Event { words });
    }
    Ok(())
}

fn task(cursor: &mut Cursor<'_>) -> Result<LiveTask, Short> {
    let task = LiveTask {
        id: cursor.u64("tasks")?,
        name: index(cursor)?,
        place: index(cursor)?,
        since: cursor.u64("tasks")?,
        state: cursor.u32("tasks")?,
    };
    cursor.u32("tasks")?;
    Ok(task)
}

fn source(cursor: &mut Cursor<'_>) -> Result<Source, Short> {
    Ok(Source {
        key: cursor.u64("descriptors")?,
        fd: cursor.u32("descriptors")?,
        kind: cursor.u32("descriptors")?,
        peer: index(cursor)?,
        waiting: cursor.u32("descriptors")?,
    })
}

fn index(cursor: &mut Cursor<'_>) -> Result<Option<u32>, Short> {
    Ok(Some(cursor.u32("texts' numbers")?).filter(|index| *index != NONE))
}
