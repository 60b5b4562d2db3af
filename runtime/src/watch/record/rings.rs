//! The rings of the process, and what is written of them.

use super::clock::simulated;
use super::file::RecordFile;
use super::ring::Ring;
use super::section::{Reason, section};
use super::settings::Record;
use crate::core::foreign::lock;
use std::io;
use std::sync::{Arc, Mutex};

/// A ring, and the file that it is written to.
type Place = (&'static Ring, Option<Arc<RecordFile>>);

/// Rings without a runtime.
static POOL: Mutex<Vec<&'static Ring>> = Mutex::new(Vec::new());

/// Rings with a runtime, and its number.
#[cfg(feature = "live")]
static IN_USE: Mutex<Vec<(&'static Ring, u64)>> = Mutex::new(Vec::new());

/// Returns a ring for a runtime that begins, if it is to be recorded.
///
/// # Errors
///
/// Fails if the file cannot be created.
pub(super) fn ring_for(record: Option<&Record>) -> io::Result<Option<Place>> {
    // A simulation has its recordings in memory, if it asks for them: files on a simulated host would be simulated.
    let is_simulated = simulated::now().is_some();
    let wanted = match is_simulated {
        true => record,
        false => Record::of_environment().or(record).or_else(|| Record::to_be_seen()),
    };
    let Some(record) = wanted else { return Ok(None) };
    let file = record.file.as_deref().filter(|_| !is_simulated);
    let file = file.map(RecordFile::open).transpose()?;
    let capacity = Ring::room_of(record.bytes);
    let mut pool = lock(&POOL);
    let known = pool.iter().position(|ring| ring.room() == capacity && ring.is_simulated() == is_simulated);
    let ring = match known {
        Some(known) => pool.swap_remove(known),
        // Leaked on purpose: ring invariant 4.
        None => Box::leak(Box::new(Ring::new(record.bytes))),
    };
    Ok(Some((ring, file)))
}

/// The ring is that of a runtime from now on. Simulated ones are not shown while they run.
pub(super) fn list(_ring: &'static Ring, _runtime: u64) {
    #[cfg(feature = "live")]
    if !_ring.is_simulated() {
        lock(&IN_USE).push((_ring, _runtime));
    }
}

/// Returns the rings of the runtimes that there are, and the numbers of these.
#[cfg(feature = "live")]
pub(crate) fn in_use() -> Vec<(&'static Ring, u64)> {
    lock(&IN_USE).clone()
}

/// Returns which worker of several, or which core, the runtime with this number is, if it is one.
#[cfg(feature = "live")]
pub(crate) fn seat_of(runtime: u64) -> Option<u32> {
    let (ring, _) = in_use().into_iter().find(|(_, listed)| *listed == runtime)?;
    let about = &lock(&ring.state).about;
    about.is_one_of_several.then_some(about.worker)
}

/// The runtime of a ring has ended.
pub(super) fn give_back(ring: &'static Ring) {
    #[cfg(feature = "live")]
    lock(&IN_USE).retain(|(listed, _)| !std::ptr::eq(*listed, ring));
    ring.begin(Default::default());
    lock(&POOL).push(ring);
}

/// Writes what is in a ring to its file, if it has one.
pub(super) fn write(ring: &Ring, runtime: u64, reason: Reason, what: &str) {
    let file = lock(&ring.state).about.file.clone();
    if let Some((file, section)) = file.zip(section(ring, runtime, reason, what, 0)) {
        file.add(&section.bytes);
    }
}

/// The same, unless that was done a short while ago.
pub(super) fn write_rarely(ring: &Ring, runtime: u64, reason: Reason, what: &str) {
    let file = lock(&ring.state).about.file.clone();
    if file.is_some_and(|file| file.may_add()) {
        write(ring, runtime, reason, what);
    }
}
