//! An open file, as its operations share it: and who else shares its position.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Lives as long as an operation needs its descriptor.
pub(crate) struct OpenFile {
    pub(crate) std: File,
    /// Made by the first clone. Each of them has one.
    clones: OnceLock<Arc<Description>>,
    has_positions: OnceLock<bool>,
}

/// What clones share: in the kernel, an open file description.
#[derive(Default)]
struct Description {
    /// A clone has become a file of std's.
    is_shared_with_std: AtomicBool,
}

impl OpenFile {
    pub(crate) fn new(std: File) -> Arc<OpenFile> {
        Arc::new(OpenFile { std, clones: OnceLock::new(), has_positions: OnceLock::new() })
    }

    pub(crate) fn try_clone(&self) -> io::Result<Arc<OpenFile>> {
        let std = self.std.try_clone()?;
        let description = self.clones.get_or_init(Arc::default).clone();
        let has_positions = self.has_positions.clone();
        Ok(Arc::new(OpenFile { std, clones: OnceLock::from(description), has_positions }))
    }

    pub(crate) fn into_std(self) -> File {
        if let Some(description) = self.clones.into_inner() {
            // Relaxed: it is about what happens from now on.
            description.is_shared_with_std.store(true, Ordering::Relaxed);
        }
        self.std
    }

    /// Whether another file may move the position at any moment. (Descriptors that were duplicated by other means are
    /// not known of.)
    pub(crate) fn is_shared(&self) -> bool {
        self.clones.get().is_some_and(|description| {
            Arc::strong_count(description) > 1 || description.is_shared_with_std.load(Ordering::Relaxed)
        })
    }

    /// False of a pipe, a socket, a terminal.
    pub(crate) fn has_positions(&self) -> bool {
        *self.has_positions.get_or_init(|| self.position().is_some())
    }

    /// `None` where there are no positions. Not to be asked if the file is shared: a call on the pool may hold its lock,
    /// and this waits for it.
    pub(crate) fn position(&self) -> Option<u64> {
        (&self.std).stream_position().ok()
    }
}
