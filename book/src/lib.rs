//! The programs of the book, one for each chapter. Each can be read by itself, says what it does, and is recorded, so that
//! the pages can replay it.
//!
//! The examples within the chapters are compiled and run as documentation tests of this crate.

mod programs {
    pub mod cores;
    pub mod edges;
    pub mod ends;
    pub mod files;
    pub mod first_poll;
    pub mod four_events;
    pub mod order;
    pub mod ping_pong;
    pub mod race;
    pub mod seeds;
    pub mod slow_poll;
    pub mod taps;
}

use ayi::runtime::{Builder, Record};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// A program of the book.
pub struct Program {
    /// The name of its file in `src/programs`.
    pub name: &'static str,
    pub title: &'static str,
    run: fn(&Said) -> io::Result<Vec<u8>>,
}

/// What a program has said, line by line. A clone is the same.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<String>>);

impl Said {
    pub fn say(&self, line: impl AsRef<str>) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line.as_ref());
        text.push('\n');
    }
}

impl Program {
    /// Runs it. Returns what it has said, and its recording.
    pub fn run(&self) -> io::Result<(String, Vec<u8>)> {
        let said = Said::default();
        let recording = (self.run)(&said)?;
        let text = said.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((text, recording))
    }
}

pub const PROGRAMS: [Program; 12] = [
    Program { name: "taps", title: "a server and three clients", run: programs::taps::run },
    Program { name: "edges", title: "short reads and full ones", run: programs::edges::run },
    Program { name: "four_events", title: "four kinds of events", run: programs::four_events::run },
    Program { name: "first_poll", title: "a future by hand", run: programs::first_poll::run },
    Program { name: "ping_pong", title: "two tasks and a ball", run: programs::ping_pong::run },
    Program { name: "order", title: "who is polled next", run: programs::order::run },
    Program { name: "ends", title: "how tasks end", run: programs::ends::run },
    Program { name: "files", title: "files through the ring", run: programs::files::run },
    Program { name: "cores", title: "two workers", run: programs::cores::run },
    Program { name: "slow_poll", title: "a poll that takes too long", run: programs::slow_poll::run },
    Program { name: "seeds", title: "a shop that loses its power", run: programs::seeds::run },
    Program { name: "race", title: "a thousand wakes from another thread", run: programs::race::run },
];

/// Runs `main` in a runtime of one thread, and returns its recording.
fn recorded(title: &str, main: impl AsyncFnOnce() -> io::Result<()>) -> io::Result<Vec<u8>> {
    let runtime = Builder::new_current_thread().name(title).record(Record::new()).build()?;
    runtime.block_on(main())?;
    let snapshot = runtime.handle().snapshot();
    Ok(snapshot.ok_or_else(|| io::Error::other("the runtime has recorded nothing"))?.as_bytes().to_vec())
}

// What the simulated hosts of `seeds` call.
ayi::sim::kernel!();

/// The chapters' examples.
#[cfg(doctest)]
mod chapters {
    macro_rules! chapters {
        ($($name:ident $file:literal)*) => { $(#[doc = include_str!(concat!("../en/", $file))] mod $name {})* };
    }
    chapters! {
        readme "README.md"
        taps "01-taps.md"
        kernel "02-kernel.md"
        reactor "03-reactor.md"
        futures "04-futures.md"
        parts "05-parts.md"
        tokio "06-tokio.md"
        ends "07-ends.md"
        files "08-files.md"
        cores "09-cores.md"
        seeing "10-seeing.md"
        seeds "11-seeds.md"
        right "12-right.md"
        path "path.md"
        glossary "glossary.md"
    }
}
