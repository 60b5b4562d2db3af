//! What is recorded, and where it is written.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The environment variable that names a file to record to, for every runtime of the program.
const FILE: &str = "AYI_RECORD";
/// How large each ring is then, in MiB.
const MEMORY: &str = "AYI_RECORD_MIB";

/// 170 thousand events: ten thousand requests, say.
const DEFAULT_BYTES: usize = 4 << 20;

/// How a runtime is recorded: for [`Builder::record`](crate::runtime::Builder::record). It exists with the feature `record`.
///
/// What tasks, descriptors and timers do goes into a ring of fixed memory, in which the newest events replace the oldest: a
/// flight recorder. An event costs about 10 ns. [`Handle::snapshot`](crate::runtime::Handle::snapshot) takes what is in
/// the ring. With a [`file`](Record::file) it is also written when the runtime ends, when a task panics, and when a poll
/// takes longer than [`Builder::report_slow_polls`](crate::runtime::Builder::report_slow_polls) allows.
///
/// `ayi-lens FILE` makes a page of it. With the feature `live`, `AYI_LIVE=127.0.0.1:6060` serves the page from the program
/// itself, and it follows the run.
///
/// The variable `AYI_RECORD=FILE` records every runtime of the program, whatever its builder says, and `AYI_RECORD_MIB` sets
/// the size of each ring. In `FILE`, `%p` stands for the number of the process.
///
/// # Examples
///
/// ```
/// use ayi::runtime::{Builder, Record};
/// let rt = Builder::new_current_thread().record(Record::new().memory(1 << 20)).build()?;
/// rt.block_on(async { ayi::spawn(async {}).await.unwrap() });
/// let snapshot = rt.handle().snapshot().expect("it is recorded");
/// assert!(snapshot.as_bytes().starts_with(b"ayi record"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is an argument of Builder::record"]
pub struct Record {
    pub(super) bytes: usize,
    pub(super) file: Option<PathBuf>,
}

impl Record {
    /// Records in memory, in a ring of 4 MiB for each thread that runs tasks: 170,000 events.
    pub fn new() -> Record {
        Record { bytes: DEFAULT_BYTES, file: None }
    }

    /// Sets the size of each ring, in bytes. It is rounded down to a multiple of 24 KiB, and up to 48 KiB. The memory is
    /// taken as it is needed, and given to the next runtime when this one ends.
    pub fn memory(mut self, bytes: usize) -> Record {
        self.bytes = bytes;
        self
    }

    /// Writes to a file as well. The file is created when the runtime is built, and what was in it is gone. In `path`,
    /// `%p` stands for the number of the process. Several runtimes of one process may write to one file.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Record {
        self.file = Some(path.into());
        self
    }

    /// Returns what the environment says.
    pub(super) fn of_environment() -> Option<&'static Record> {
        static SAID: OnceLock<Option<Record>> = OnceLock::new();
        SAID.get_or_init(|| {
            let file = std::env::var_os(FILE).filter(|file| !file.is_empty())?;
            Some(Record { file: Some(file.into()), ..Record::of_size_in_environment() })
        })
        .as_ref()
    }

    /// Returns how a runtime is recorded only because somebody may look on, or `None` if nobody can.
    #[cfg(feature = "live")]
    pub(super) fn to_be_seen() -> Option<&'static Record> {
        static RECORD: OnceLock<Record> = OnceLock::new();
        crate::watch::live::is_wanted().then(|| RECORD.get_or_init(Record::of_size_in_environment))
    }

    #[cfg(not(feature = "live"))]
    pub(super) fn to_be_seen() -> Option<&'static Record> {
        None
    }

    fn of_size_in_environment() -> Record {
        Record { bytes: std::env::var_os(MEMORY).map_or(DEFAULT_BYTES, bytes_of), file: None }
    }
}

fn bytes_of(said: OsString) -> usize {
    let mebibytes = said.to_str().and_then(|text| text.parse().ok()).filter(|n| (1..=4096).contains(n));
    mebibytes.map_or_else(
        || {
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(
                std::io::stderr(),
                "ayi: {MEMORY}={said:?} is ignored: it must be a whole number from 1 to 4096, such as 64"
            );
            DEFAULT_BYTES
        },
        |n: usize| n << 20,
    )
}

impl Default for Record {
    /// Like [`Record::new`].
    fn default() -> Record {
        Record::new()
    }
}
