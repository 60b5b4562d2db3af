//! What a recorded runtime has done lately, for who asks.

use super::handle::Handle;
use crate::watch::record::{HEADER, Reason};
use std::fmt;
use std::io;
use std::path::Path;

/// The last events of a runtime, in the form of a file that `ayi-lens` reads. See [`Handle::snapshot`]. It exists with the
/// feature `record`.
#[derive(Clone)]
pub struct Snapshot {
    bytes: Vec<u8>,
}

impl Snapshot {
    /// Returns the bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes it to a file, and replaces what was there.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written; the error names it. It blocks the thread.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        std::fs::write(path, &self.bytes).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write the snapshot to {}: {error}", path.display()))
        })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("bytes", &self.bytes.len()).finish()
    }
}

impl Handle {
    /// Takes what is in the ring of each of the runtime's workers: see [`Record`](crate::runtime::Record). Returns `None` if
    /// the runtime is not recorded, or has ended. It exists with the feature `record`.
    ///
    /// It may be called on any thread, also while the runtime is stuck in a poll: it asks nobody. It takes about 1 ms for
    /// each MiB. A runtime that fills a chunk of 24 KiB meanwhile waits for it.
    ///
    /// # Examples
    ///
    /// A thread that writes the last seconds when the program is told to by `kill -USR1`:
    ///
    /// ```no_run
    /// use ayi::runtime::{Builder, Record};
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let rt = Builder::new_current_thread().record(Record::new()).build()?;
    /// let handle = rt.handle().clone();
    /// std::thread::spawn(move || {
    ///     ayi::runtime::Runtime::new()?.block_on(async {
    ///         let mut asked = signal(SignalKind::user_defined1())?;
    ///         while let (Some(()), Some(snapshot)) = (asked.recv().await, handle.snapshot()) {
    ///             snapshot.save("last-seconds.ayi")?;
    ///         }
    ///         std::io::Result::Ok(())
    ///     })
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn snapshot(&self) -> Option<Snapshot> {
        let mut bytes = HEADER.to_vec();
        for worker in self.link.shared.workers() {
            bytes.extend(worker.recording.section(Reason::Asked, "")?);
        }
        Some(Snapshot { bytes })
    }
}
