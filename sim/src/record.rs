//! Recordings of a run: all hosts on one timeline, and the page that shows them.
//!
//! ```text
//!   runtime of a host ends ──▶ `keep` ──┐
//!   its program is killed ──▶ `dies` ───┼──▶ Records ──▶ `lives`: one section for each life ──▶ file ──▶ page
//!   it runs on: a snapshot ─────────────┘        ▲
//!                                  `notes`: what was done to hosts and to the network
//! ```
//!
//! Invariants:
//! 1. Nothing here changes the run: no simulated call is made, no time passes, and no chance is drawn.
//! 2. ayi-lens runs on a thread of its own: its hash maps would draw the keys that the programs' hash maps have.

mod lives;
mod notes;

use crate::Nanos;
use crate::actions::Action;
use crate::calls;
use crate::kernel::Kernel;
use crate::kernel::hosts::{HostId, HostState};
use crate::machine::{self, End};
use crate::sim::{Sim, decisions};
use ayi_lens::{page, recording, writer};
use ayi_runtime::runtime::{Builder, Record, Runtime};
use ayi_runtime::simulation::decide;
use lives::Life;
use notes::Note;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Cursor, Write};
use std::path::Path;
use std::thread;

/// How much memory the rings of all hosts may have, in bytes, and that of one: 24 bytes an event. It is taken as it is
/// needed.
const ALL_RINGS: usize = 128 << 20;
const LARGEST_RING: usize = 16 << 20;
const SMALLEST_RING: usize = 1 << 20;

/// How many bytes are kept of programs that have ended. The oldest ones go first.
const MOST_KEPT: usize = 128 << 20;

/// What is recorded of a run.
#[derive(Default)]
pub(crate) struct Records {
    is_on: bool,
    /// How often the program of each host was started, by its number.
    starts: Vec<u32>,
    ended: VecDeque<Life>,
    kept: usize,
    notes: Vec<(Nanos, Note)>,
}

/// All lives of all hosts, what was done to them, the names of the hosts, and the time.
struct Taken {
    lives: Vec<Life>,
    notes: Vec<(Nanos, Note)>,
    names: Vec<String>,
    now: Nanos,
}

impl Records {
    fn add(&mut self, life: Life) {
        self.kept += life.sections.len();
        self.ended.push_back(life);
        while self.kept > MOST_KEPT {
            let Some(oldest) = self.ended.pop_front() else { return };
            self.kept -= oldest.sections.len();
        }
    }
}

impl Kernel {
    /// A program of `host` is about to start, in a runtime that `builder` makes.
    pub(crate) fn record(&mut self, host: HostId, builder: &mut Builder) {
        let hosts = self.hosts.len();
        let records = &mut self.records;
        if !records.is_on {
            return;
        }
        records.starts.resize(hosts.max(records.starts.len()), 0);
        records.starts[usize::from(host)] += 1;
        // Few different sizes, since the next runtime gets a ring of its size from those that there are.
        let room = (ALL_RINGS / hosts.next_power_of_two()).clamp(SMALLEST_RING, LARGEST_RING);
        builder.record(Record::new().memory(room));
    }

    /// A runtime has ended.
    pub(crate) fn keep(&mut self, section: Vec<u8>) {
        let Some(host) = self.here else { return };
        // Of one that is dying, what it had done by then was taken.
        if !self.records.is_on || self.host(host).state != HostState::Up {
            return;
        }
        let fate = "Its program came to its end.";
        let life = self.life(host, fate, section);
        self.records.add(life);
    }

    fn life(&mut self, host: HostId, fate: &'static str, sections: Vec<u8>) -> Life {
        let number = self.records.starts.get(usize::from(host)).copied().unwrap_or(1);
        Life { host, name: self.host(host).name.clone(), number, fate, sections }
    }

    pub(crate) fn note(&mut self, note: Note) {
        if self.records.is_on {
            self.records.notes.push((self.now, note));
        }
    }
}

/// The program of `host` is about to be dropped, after its machine has ended it.
pub(crate) fn dies(kernel: &RefCell<Kernel>, host: HostId, runtime: &Runtime, end: End) {
    let fate = match end {
        End::Exit => return,
        End::Kill => "It was killed.",
        End::PowerLoss => "Its machine lost its power.",
    };
    if let Some(snapshot) = runtime.handle().snapshot() {
        let mut kernel = kernel.borrow_mut();
        let life = kernel.life(host, fate, lives::without_header(snapshot.as_bytes()));
        kernel.records.add(life);
    }
}

impl Sim {
    /// Has the run recorded: what the tasks, timers and descriptors of each host do, and what is done to hosts and to the
    /// network. It is called before the run, which is the same with and without it. It exists with the feature `record`.
    ///
    /// The newest events are kept: of each host those for which there is room in 16 MiB, or in less if there are more than
    /// eight hosts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sim::Sim;
    /// use ayi::time::{Duration, sleep};
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let sim = Sim::new(1);
    /// sim.record();
    /// sim.client("sleeper", || sleep(Duration::from_secs(60)));
    /// sim.run().unwrap();
    /// let path = std::env::temp_dir().join("sleeper.html");
    /// sim.write_page(&path)?;
    /// # std::fs::remove_file(path)
    /// # }
    /// ```
    pub fn record(&self) {
        self.0.kernel.borrow_mut().records.is_on = true;
    }

    /// Returns what was recorded since [`record`](Sim::record), as a file that `ayi-lens` reads: a runtime for each host, and
    /// for each life of its program. Times count from the beginning of the simulation. It exists with the feature `record`.
    ///
    /// # Panics
    ///
    /// Panics on a simulated host.
    #[track_caller]
    pub fn recording(&self) -> Vec<u8> {
        assert!(calls::in_program(|_| ()).is_none(), "a recording cannot be taken on a simulated host");
        let Taken { lives, notes, names, now } = self.take();
        on_a_thread(move || {
            let mut sections = lives::sections(&lives, now);
            sections.extend(notes::section(&notes, &names, now));
            writer::file(&sections)
        })
    }

    /// Writes a page that shows what was recorded since [`record`](Sim::record): a file for a browser, with all hosts on one
    /// timeline. It exists with the feature `record`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written; the error names it.
    ///
    /// # Panics
    ///
    /// Panics on a simulated host.
    #[track_caller]
    pub fn write_page(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let bytes = self.recording();
        let path = path.as_ref().to_owned();
        on_a_thread(move || {
            write_page(bytes, &path).map_err(|error| {
                let why = format!("cannot write the page of the run to {}: {error}", path.display());
                io::Error::new(error.kind(), why)
            })
        })
    }

    /// What there is until now.
    fn take(&self) -> Taken {
        let before = calls::install(Some(self.0.kernel.clone()));
        decide(Some(decisions()));
        let running = machine::recordings(&self.0.machines);
        if before.is_none() {
            decide(None);
        }
        calls::install(before);
        let mut kernel = self.0.kernel.borrow_mut();
        let mut lives: Vec<Life> = kernel.records.ended.iter().cloned().collect();
        for (host, bytes) in running {
            lives.push(kernel.life(host, "It was there at the end.", lives::without_header(&bytes)));
        }
        lives.sort_by_key(|life| (life.host, life.number));
        let names = kernel.hosts.iter().map(|host| host.name.clone()).collect();
        Taken { lives, notes: kernel.records.notes.clone(), names, now: kernel.now }
    }
}

impl Action {
    /// What of it is to be seen in a recording.
    pub(crate) fn note(&self) -> Option<Note> {
        match self {
            Action::Start(host) => Some(Note::Starts(*host)),
            Action::End(host, end) => Some(Note::Ends(*host, *end)),
            Action::Pause(host) => Some(Note::Stops(*host, true)),
            Action::Resume(host) => Some(Note::Stops(*host, false)),
            Action::Slow(host, percent) => Some(Note::Slow(*host, *percent)),
            Action::Cut(from, to, is_cut) => Some(Note::Cut(*from, *to, *is_cut)),
            Action::Reset(a, b) => Some(Note::Broken(*a, *b)),
            // Its crash is seen when it comes.
            Action::CrashAtSync(_) | Action::Run(_) => None,
        }
    }
}

pub(crate) fn failed(why: &str) -> Note {
    Note::Failed(why.to_owned())
}

fn write_page(bytes: Vec<u8>, path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = Cursor::new(bytes);
    let recording = recording::read(&mut file);
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    page::page(&recording, &mut file, page::LARGEST, &mut out)?;
    out.flush()
}

/// Runs `f` on a thread without a simulation.
fn on_a_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = thread::Builder::new().name("ayi-sim page".into()).spawn(f);
    match thread.expect("a thread can be started").join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
