//! The file that recordings are written to.

use super::event::HEADER;
use crate::core::foreign::lock;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long after a snapshot that nobody has asked for the next one may be written. Each has up to the size of the ring,
/// and a program may panic all the time.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_secs(10);

/// The files of the process, so that all runtimes which name one write to the same.
static OPEN: Mutex<Vec<Arc<RecordFile>>> = Mutex::new(Vec::new());

pub(crate) struct RecordFile {
    /// As it was named.
    named: PathBuf,
    path: PathBuf,
    /// `None` once writing has failed.
    file: Mutex<Option<File>>,
    /// Who has opened it. A child of fork(2) would write into the parent's.
    process: u32,
    /// When a snapshot was written that nobody has asked for.
    latest: Mutex<Option<Instant>>,
}

impl RecordFile {
    /// Opens the file `named`, in which `%p` stands for the number of the process. What was in the file is gone.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be created.
    pub(super) fn open(named: &Path) -> io::Result<Arc<RecordFile>> {
        let process = std::process::id();
        let mut open = lock(&OPEN);
        if let Some(known) = open.iter().find(|file| file.named == named && file.process == process) {
            return Ok(known.clone());
        }
        let path = PathBuf::from(named.to_string_lossy().replace("%p", &process.to_string()));
        let create = || {
            let mut file = File::create(&path)?;
            file.write_all(HEADER)?;
            Ok(file)
        };
        let file = create().map_err(|error: io::Error| {
            let why = format!("cannot record to {}: {error}", path.display());
            io::Error::new(error.kind(), why)
        })?;
        let (file, latest) = (Mutex::new(Some(file)), Mutex::new(None));
        let file = Arc::new(RecordFile { named: named.to_owned(), path, file, process, latest });
        open.push(file.clone());
        Ok(file)
    }

    /// Adds a section. An error is told once, on stderr: nobody waits for it.
    pub(super) fn add(&self, section: &[u8]) {
        if self.process != std::process::id() {
            return;
        }
        let mut file = lock(&self.file);
        let Some(open) = &mut *file else { return };
        if let Err(error) = open.write_all(section) {
            *file = None;
            // If stderr is closed, there is nobody to tell.
            let _ =
                writeln!(io::stderr(), "ayi: cannot write the recording to {}: {error}", self.path.display());
        }
    }

    /// Returns whether a snapshot that nobody has asked for may be written now.
    pub(super) fn may_add(&self) -> bool {
        let mut latest = lock(&self.latest);
        if latest.is_some_and(|latest| latest.elapsed() < BETWEEN_SNAPSHOTS) {
            return false;
        }
        *latest = Some(Instant::now());
        true
    }
}
