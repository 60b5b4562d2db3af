//! The ring: the last events of one runtime, oldest out first.
//!
//! ```text
//!   chunks   ┌────────┬────────┬────────┬────────┐
//!            │ 5      │ 6      │ 3      │ 4      │   head is in 6; the next one that is begun overwrites 3
//!            └────────┴────────┴────────┴────────┘
//!                         ▲head     ▲first
//! ```
//!
//! Invariants:
//! 1. One writer: the thread that has the runtime. It writes an event's words and then `head`.
//! 2. Any thread may read the events from `State::first` up to `head` while it has `state` locked: the writer begins to
//!    overwrite a chunk only after it has moved `first` behind that chunk, under the lock. So it waits for readers once a
//!    chunk, and otherwise for nobody.
//! 3. What is overwritten has been taken over into `State::kept`.
//! 4. A ring is never freed: a runtime that ends gives it back to the pool. So threads and handles may keep it.

use super::clock::{Rate, Ticks};
use super::event::{Cause, Event, Kind};
use super::file::RecordFile;
use super::kept::Kept;
use crate::core::foreign::lock;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, OnceLock};

pub(super) const EVENTS_PER_CHUNK: u64 = 1 << 10;
/// 24 KiB.
type Chunk = [[AtomicU64; 3]; EVENTS_PER_CHUNK as usize];
pub(super) const BYTES_PER_CHUNK: usize = size_of::<Chunk>();

thread_local! {
    /// The chunk that is written, of the ring of this thread: one look instead of three.
    static CHUNK: Cell<Option<&'static Chunk>> = const { Cell::new(None) };
}

pub(crate) struct Ring {
    /// The memory comes when it is first needed.
    chunks: Box<[OnceLock<&'static Chunk>]>,
    /// For each chunk, whether it has an event that says what is to be kept.
    wanted: Box<[AtomicBool]>,
    /// How many events have been written.
    head: AtomicU64,
    /// The time of the latest event, or of the latest reading of the clock. This and the other fields up to `state` are the
    /// writer's own. They are atomics only because the ring is shared.
    latest: AtomicU64,
    cause: AtomicU64,
    /// The task whose end is being told, or 0.
    pub(super) ending: AtomicU64,
    /// The task that is about to be put on the run queue for the first time, or 0.
    pub(super) beginning: AtomicU64,
    /// The task that was polled last, and the outcome: as in the event.
    pub(super) polled: AtomicU64,
    /// The `block_on` that the thread is in.
    pub(super) root: AtomicU64,
    /// Figures as of the turn before.
    pub(super) popped: AtomicU64,
    pub(super) woken_from_afar: AtomicU64,
    pub(super) turn_began: AtomicU64,
    pub(super) looks: AtomicU64,
    pub(super) poll_began: AtomicU64,
    ticks: Ticks,
    pub(super) state: Mutex<State>,
}

/// What readers want to know besides the events.
#[derive(Default)]
pub(super) struct State {
    pub(super) about: About,
    /// The number of the first event that is still there.
    pub(super) first: u64,
    pub(super) kept: Kept,
}

/// Whose ring it is.
#[derive(Clone, Default)]
pub(super) struct About {
    /// The number of the runtime; 0: nobody's.
    pub(super) runtime: u64,
    pub(super) worker: u32,
    pub(super) is_one_of_several: bool,
    pub(super) name: String,
    pub(super) thread: String,
    /// When the runtime began, in nanoseconds since the base.
    pub(super) begins: u64,
    /// Where it is written, if it is.
    pub(super) file: Option<Arc<RecordFile>>,
}

impl Ring {
    /// Makes a ring of at most `bytes`, and of two chunks at least.
    pub(super) fn new(bytes: usize) -> Ring {
        let chunks = Ring::room_of(bytes) / EVENTS_PER_CHUNK;
        let zero = || AtomicU64::new(0);
        Ring {
            chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
            wanted: (0..chunks).map(|_| AtomicBool::new(false)).collect(),
            head: zero(),
            latest: zero(),
            cause: zero(),
            ending: zero(),
            beginning: zero(),
            polled: zero(),
            root: zero(),
            popped: zero(),
            woken_from_afar: zero(),
            turn_began: zero(),
            looks: zero(),
            poll_began: zero(),
            ticks: Ticks::new(),
            state: Mutex::default(),
        }
    }

    /// How many events a ring of at most `bytes` holds.
    pub(super) fn room_of(bytes: usize) -> u64 {
        (bytes / BYTES_PER_CHUNK).max(2) as u64 * EVENTS_PER_CHUNK
    }

    pub(super) fn room(&self) -> u64 {
        self.chunks.len() as u64 * EVENTS_PER_CHUNK
    }

    /// It is the ring of another runtime from now on. Nobody writes.
    pub(super) fn begin(&self, about: About) {
        let mut state = lock(&self.state);
        *state = State { about, ..State::default() };
        // Relaxed, all: readers come by the lock, and the writer by what gives it the runtime.
        self.head.store(0, Relaxed);
        self.wanted.iter().for_each(|wanted| wanted.store(false, Relaxed));
        let own = [
            &self.cause,
            &self.ending,
            &self.beginning,
            &self.polled,
            &self.root,
            &self.popped,
            &self.woken_from_afar,
            &self.turn_began,
            &self.looks,
            &self.poll_began,
        ];
        own.into_iter().for_each(|word| word.store(0, Relaxed));
        self.latest.store(self.ticks.now(), Relaxed);
    }

    pub(super) fn comes_to_this_thread(&self) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        lock(&self.state).about.thread = name;
    }

    pub(super) fn is_by_the_system_clock(&self) -> bool {
        self.ticks.are_of_the_system()
    }

    /// Whether it is one for simulated time.
    pub(super) fn is_simulated(&self) -> bool {
        self.ticks.are_simulated()
    }

    /// How its ticks are turned into nanoseconds.
    pub(super) fn rate(&self) -> Rate {
        if self.is_simulated() { Rate::of_nanos(self.ticks.now().max(self.latest())) } else { Rate::now() }
    }

    /// The time of the latest event.
    #[inline]
    pub(super) fn latest(&self) -> u64 {
        self.latest.load(Relaxed)
    }

    /// Reads the clock. The time does not go back, whatever the clock does.
    #[inline]
    pub(super) fn stamp(&self) -> u64 {
        let now = self.ticks.now().max(self.latest());
        self.latest.store(now, Relaxed);
        now
    }

    #[inline]
    pub(super) fn cause(&self) -> Cause {
        Cause(self.cause.load(Relaxed))
    }

    #[inline]
    pub(super) fn set_cause(&self, cause: Cause) {
        self.cause.store(cause.0, Relaxed);
    }

    /// Writes an event with the time of the latest reading.
    #[inline]
    pub(super) fn write(&self, kind: Kind, a: u64, b: u64) {
        self.write_at(self.latest(), kind, a, b);
    }

    #[inline]
    pub(super) fn write_at(&self, time: u64, kind: Kind, a: u64, b: u64) {
        let at = self.head.load(Relaxed);
        if at % EVENTS_PER_CHUNK == 0 {
            self.begin_chunk(at);
        }
        if Kept::wants(kind as u8) {
            self.wanted[self.chunk_of(at)].store(true, Relaxed);
        }
        let Some(chunk) = CHUNK.get() else { return };
        let words = &chunk[(at % EVENTS_PER_CHUNK) as usize];
        words[0].store(Event::first_word(time, kind as u8), Relaxed);
        words[1].store(a, Relaxed);
        words[2].store(b, Relaxed);
        // Release: pairs with the Acquire in `read`, which sees the words of all events before `head`.
        self.head.store(at + 1, Release);
    }

    /// Makes room for the events from number `at` on.
    #[cold]
    fn begin_chunk(&self, at: u64) {
        let index = self.chunk_of(at);
        let chunk = self.chunks[index].get_or_init(new_chunk);
        if at >= self.room() {
            let mut state = lock(&self.state);
            // Most chunks have nothing of the kind, and then their memory need not be read.
            if self.wanted[index].swap(false, Relaxed) {
                for words in chunk.iter().filter(|words| Kept::wants(words[0].load(Relaxed) as u8)) {
                    state.kept.take_over(&event_of(words));
                }
            }
            state.first = at + EVENTS_PER_CHUNK - self.room();
        }
        CHUNK.set(Some(chunk));
    }

    /// Which chunk has the event of this number.
    fn chunk_of(&self, number: u64) -> usize {
        (number / EVENTS_PER_CHUNK % self.chunks.len() as u64) as usize
    }

    /// This thread writes from now on. If it is to begin a chunk, it does so with the next event.
    #[inline]
    pub(super) fn come_here(&self) {
        let index = self.chunk_of(self.head.load(Relaxed));
        CHUNK.set(self.chunks[index].get().copied());
    }

    /// Returns how many events have been written.
    #[cfg(feature = "live")]
    pub(crate) fn written(&self) -> u64 {
        // Relaxed: whoever wants the events reads them under the lock.
        self.head.load(Relaxed)
    }

    /// Returns the events that are there from number `from` on, and the number of the first of them. `state` is the ring's
    /// own, locked: invariant 2.
    pub(super) fn read(&self, state: &State, from: u64) -> (u64, Vec<Event>) {
        // Acquire: pairs with the Release in `write_at`.
        let head = self.head.load(Acquire);
        let first = from.clamp(state.first, head);
        (first, (first..head).filter_map(|number| self.event(number)).collect())
    }

    fn event(&self, number: u64) -> Option<Event> {
        Some(event_of(&self.chunks[self.chunk_of(number)].get()?[(number % EVENTS_PER_CHUNK) as usize]))
    }
}

/// Leaked on purpose, like the ring. It is made in place: on the stack it would be large.
#[cold]
fn new_chunk() -> &'static Chunk {
    let events = (0..EVENTS_PER_CHUNK).map(|_| [const { AtomicU64::new(0) }; 3]);
    let events: Box<[[AtomicU64; 3]]> = events.collect();
    let events: &'static [[AtomicU64; 3]] = Box::leak(events);
    events.try_into().expect("they are so many")
}

fn event_of(words: &[AtomicU64; 3]) -> Event {
    // Relaxed: the caller has `head`, or is the writer.
    Event::of_words([words[0].load(Relaxed), words[1].load(Relaxed), words[2].load(Relaxed)])
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{About, EVENTS_PER_CHUNK, Ring};
    use crate::core::foreign::lock;
    use crate::watch::record::event::{Event, Kind};
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    fn ring(chunks: usize) -> Ring {
        let ring = Ring::new(chunks * super::BYTES_PER_CHUNK);
        ring.begin(About { runtime: 1, ..About::default() });
        ring
    }

    fn read(ring: &Ring) -> (u64, Vec<Event>) {
        let state = lock(&ring.state);
        ring.read(&state, 0)
    }

    #[test]
    fn the_oldest_events_go_first_and_by_the_chunk() {
        let ring = ring(3);
        for number in 0..3 * EVENTS_PER_CHUNK {
            ring.write_at(number, Kind::Woken, number, 7);
        }
        let (first, events) = read(&ring);
        assert_eq!((first, events.len() as u64), (0, ring.room()));
        ring.write_at(1 << 40, Kind::Woken, 3 * EVENTS_PER_CHUNK, 7);
        let (first, events) = read(&ring);
        assert_eq!((first, events.len() as u64), (EVENTS_PER_CHUNK, 2 * EVENTS_PER_CHUNK + 1));
        let numbers = events.iter().map(|event| event.a);
        assert!(numbers.eq(EVENTS_PER_CHUNK..=3 * EVENTS_PER_CHUNK));
        assert_eq!(events.last().unwrap().time, 1 << 40);
    }

    #[test]
    fn what_is_still_there_is_known_when_its_beginning_is_overwritten() {
        let ring = ring(2);
        ring.write_at(5, Kind::Spawned, 11 | 3 << 48, 0);
        ring.write_at(5, Kind::Text, u64::from_le_bytes(*b"collects"), u64::from_le_bytes(*b" figures"));
        ring.write_at(5, Kind::Text, u64::from_le_bytes(*b" of all\0"), 0);
        ring.write_at(6, Kind::Spawned, 12, 0);
        ring.write_at(7, Kind::Registered, 99, 42);
        ring.write_at(8, Kind::Ended, 12, 0);
        for _ in 0..2 * EVENTS_PER_CHUNK {
            ring.write_at(9, Kind::Woken, 11, 0);
        }
        let state = lock(&ring.state);
        let tasks: Vec<_> = state.kept.tasks.iter().collect();
        let [(11, task)] = tasks[..] else { panic!("there are {}", tasks.len()) };
        assert_eq!((task.name.as_slice(), task.place, task.since), (&b"collects figures of all"[..], 3, 5));
        assert_eq!(state.kept.sources[&99].word, 42);
    }

    #[test]
    fn the_time_does_not_go_back() {
        let ring = ring(2);
        let first = ring.stamp();
        assert!(ring.stamp() >= first);
        ring.latest.store(u64::MAX >> 8, Relaxed);
        assert_eq!(ring.stamp(), u64::MAX >> 8);
    }

    /// Each event says its number twice, so one that is read while it is overwritten would be seen.
    #[test]
    fn it_is_read_while_it_is_written() {
        let (ring, is_over) = (ring(2), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200 * EVENTS_PER_CHUNK {
                    ring.write_at(number, Kind::Woken, number, !number);
                }
                is_over.store(true, Relaxed);
            });
            let mut reads = 0;
            while !is_over.load(Relaxed) || reads == 0 {
                let (first, events) = read(&ring);
                for (event, number) in events.iter().zip(first..) {
                    assert_eq!((event.time, event.a, event.b), (number, number, !number));
                }
                reads += 1;
            }
        });
    }
}
