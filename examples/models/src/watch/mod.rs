//! Shows the system calls of rungs side by side, during the same short conversation.
//!
//! ```text
//! conversation ──▶ rung, in a process of its own ──▶ its calls (watched) ──section──▶ recording ──ayi_lens──▶ page
//! ```
//!
//! Each rung has the conversation twice, in two processes: unwatched, and watched. So what watching changes is told.

mod conversation;
mod section;
mod table;

use crate::child::Child;
use crate::rungs::Rung;
use crate::watched::{Call, number};
use ayi_lens::{page, recording, writer};
use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server may still work when it has started, and after the clients have left.
const SETTLING: Duration = Duration::from_millis(20);

/// What was seen of a rung.
struct Watched {
    rung: &'static Rung,
    /// Those that were over between the coming of the first client and the end of the last connection, in the order in
    /// which they ended.
    calls: Vec<Call>,
    /// How many the rung has made from the first client on, as `count` says.
    counted: u64,
    /// How many it has made in the same conversation when nobody watched.
    unwatched: u64,
    /// How long the conversation took, watched and unwatched.
    took: [Duration; 2],
    /// When it began, by the system's monotonic clock.
    begin: u64,
}

/// Watches these rungs, one after another, prints what they have called, and writes the page.
pub fn watch(rungs: &[&'static Rung], path: &Path) -> io::Result<()> {
    if let Some(rung) = rungs.iter().find(|rung| rung.has_processes) {
        return Err(io::Error::other(format!(
            "{} cannot be watched: what its processes call is counted, but not kept",
            rung.name
        )));
    }
    // An error now is better than one after all conversations.
    let explain = |error: io::Error| io::Error::other(format!("cannot write {}: {error}", path.display()));
    let mut out = File::create(path).map_err(explain)?;
    let seen: Vec<Watched> = rungs.iter().map(|rung| watch_one(rung)).collect::<io::Result<_>>()?;
    println!("{}", table::tables(&seen));
    let mut bytes = Cursor::new(writer::file(&section::sections(&seen)));
    let recording = recording::read(&mut bytes);
    if let Some(problem) = recording.problems.first() {
        return Err(io::Error::other(format!("the recording is damaged: {problem}")));
    }
    page::page(&recording, &mut bytes, page::LARGEST, &mut out).map_err(explain)?;
    out.flush().map_err(explain)?;
    println!("\nThe page: {}", fs::canonicalize(path)?.display());
    Ok(())
}

fn watch_one(rung: &'static Rung) -> io::Result<Watched> {
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", rung.name));
    let file = Temporary::new(rung.name);
    let [unwatched, watched] = [None, Some(file.0.as_path())].map(|file| {
        Child::watched(rung, file, |child| {
            // It reports about itself when it starts.
            std::thread::sleep(SETTLING);
            let before = child.begin()?;
            let times = conversation::hold(rung, child.address)?;
            std::thread::sleep(SETTLING);
            Ok((child.end()? - before, times))
        })
    });
    let ((unwatched, before), (counted, times)) = (unwatched.map_err(explain)?, watched.map_err(explain)?);
    let text = fs::read_to_string(&file.0)?;
    let mut calls: Vec<Call> = text.lines().map(str::parse).collect::<io::Result<_>>()?;
    // A server that never rests makes calls for nothing after it has closed the last connection.
    let closed = calls.iter().filter(|call| call.number == number::CLOSE.into()).map(|call| call.end).max();
    let over = closed.unwrap_or(0).max(times.end);
    calls.retain(|call| (times.begin..=over).contains(&call.end));
    calls.sort_by_key(|call| call.end);
    let took = [times.took(), before.took()];
    Ok(Watched { rung, calls, counted, unwatched, took, begin: times.begin })
}

/// A file that is removed.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        Temporary(std::env::temp_dir().join(format!("models-watch-{name}-{}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
