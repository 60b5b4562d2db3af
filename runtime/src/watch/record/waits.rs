//! What tasks wait for in channels and locks, and who has a lock: for `Handle::dump`.
//!
//! ```text
//!   a future begins to wait ──▶ WaitNote ──▶ a table: task, what, address, holder ◀── Handle::dump
//!   it has waited, or is dropped ──▶ the note leaves
//!   a lock is taken ──▶ Holder: the task ◀── shared with the notes of those who wait for it
//! ```
//!
//! A note goes into the table of its thread, behind a lock for which nobody waits but a dump and a future that was moved.
//! No foreign code runs under it, so notes may come and go while something else is locked.
//!
//! What stands there is for people. A task that is woken may have got what its note says, until it is polled; a dump
//! says that it is ready. If a future is forgotten (`mem::forget`), its note stays, as its waker does.

use super::made::{on, waits};
use crate::core::foreign::lock;
use crate::core::task::Id;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};

/// How many tables there are. Threads share them, if there are more.
const TABLES: usize = 16;

static ALL: [Mutex<Table>; TABLES] =
    [const { Mutex::new(Table { notes: Vec::new(), vacant: Vec::new() }) }; TABLES];

struct Table {
    notes: Vec<Option<Note>>,
    /// The places in `notes` that are free.
    vacant: Vec<usize>,
}

struct Note {
    /// [`Id::NONE`] if a thread waits, or the future of a `block_on`.
    task: Id,
    what: &'static str,
    address: usize,
    holder: Option<Arc<AtomicU64>>,
}

/// What is waited for, in words that go on behind "waits for".
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct What {
    words: &'static str,
    is_lock: bool,
}

impl What {
    #[must_use]
    pub const fn new(words: &'static str) -> What {
        What { words, is_lock: false }
    }

    /// A lock: it has a [`Holder`].
    #[must_use]
    pub const fn lock(words: &'static str) -> What {
        What { words, is_lock: true }
    }
}

/// The task that has a lock.
#[doc(hidden)]
#[derive(Debug)]
pub struct Holder {
    /// Its id, or 0. Relaxed, as is the shared one: nothing else is told by it.
    task: AtomicU64,
    /// The same, once somebody has waited for the lock.
    shared: OnceLock<Arc<AtomicU64>>,
}

impl Holder {
    #[must_use]
    pub const fn new() -> Holder {
        Holder { task: AtomicU64::new(0), shared: OnceLock::new() }
    }

    /// The task that runs has it.
    #[inline]
    pub fn take(&self) {
        self.set(Id::current().0);
    }

    /// Nobody has it.
    #[inline]
    pub fn give_back(&self) {
        self.set(0);
    }

    #[inline]
    fn set(&self, task: u64) {
        self.task.store(task, Relaxed);
        if let Some(shared) = self.shared.get() {
            shared.store(task, Relaxed);
        }
    }

    fn share(&self) -> Arc<AtomicU64> {
        let shared = self.shared.get_or_init(|| Arc::new(AtomicU64::new(0)));
        shared.store(self.task.load(Relaxed), Relaxed);
        shared.clone()
    }
}

/// The note of a future that waits.
#[doc(hidden)]
#[derive(Debug)]
pub struct WaitNote(Option<Place>);

#[derive(Debug)]
struct Place {
    table: usize,
    number: usize,
    /// As in the note.
    task: Id,
}

impl WaitNote {
    /// None, of a future that does not wait.
    #[must_use]
    pub const fn new() -> WaitNote {
        WaitNote(None)
    }

    /// The task that runs waits for `what`, which lies at `address`.
    pub fn begin(&mut self, what: What, address: usize) {
        self.begin_for(what, address, &Holder::new());
    }

    /// The same for what may be a lock, with its holder.
    pub fn begin_for(&mut self, what: What, address: usize, holder: &Holder) {
        if self.0.is_some() {
            return self.follow();
        }
        on(|ring| waits(ring, 6, address as u64));
        let task = Id::current();
        let holder = what.is_lock.then(|| holder.share());
        let note = Some(Note { task, what: what.words, address, holder });
        let table = own_table();
        let Table { notes, vacant } = &mut *lock(&ALL[table]);
        let number = match vacant.pop() {
            Some(number) => {
                notes[number] = note;
                number
            }
            None => {
                notes.push(note);
                notes.len() - 1
            }
        };
        self.0 = Some(Place { table, number, task });
    }

    /// It is polled again, perhaps in another task.
    #[inline]
    pub fn follow(&mut self) {
        let task = Id::current();
        let Some(place) = self.0.as_mut().filter(|place| place.task != task) else { return };
        place.task = task;
        if let Some(note) = &mut lock(&ALL[place.table]).notes[place.number] {
            note.task = task;
        }
    }

    /// It waits no more.
    #[inline]
    pub fn end(&mut self) {
        if let Some(place) = self.0.take() {
            let Table { notes, vacant } = &mut *lock(&ALL[place.table]);
            notes[place.number] = None;
            vacant.push(place.number);
        }
    }
}

impl Default for WaitNote {
    fn default() -> WaitNote {
        WaitNote::new()
    }
}

impl Default for Holder {
    fn default() -> Holder {
        Holder::new()
    }
}

impl Drop for WaitNote {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

fn own_table() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed) % TABLES);
    }
    // A thread that ends may have lost it already.
    OWN.try_with(Cell::get).unwrap_or_default()
}

/// What each task waits for, of all runtimes: the task, the words, the address, and who has the lock.
pub(crate) fn each_note(mut look: impl FnMut(Id, &'static str, usize, Option<Id>)) {
    for table in &ALL {
        for note in lock(table).notes.iter().flatten().filter(|note| note.task != Id::NONE) {
            let holder = note.holder.as_ref().map(|holder| Id(holder.load(Relaxed)));
            look(note.task, note.what, note.address, holder.filter(|holder| *holder != Id::NONE));
        }
    }
}
