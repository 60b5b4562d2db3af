//! An open file as its operations share it, and which other files share its position.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// It lives as long as an operation needs its descriptor.
pub(crate) struct OpenFile {
    pub(crate) std: File,
    /// The first clone makes it, and each clone has it.
    clones: OnceLock<Arc<Description>>,
    has_positions: OnceLock<bool>,
}

/// What clones share. In the kernel this is an open file description.
#[derive(Default)]
struct Description {
    /// Whether a clone has become a file of std's.
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
            // Relaxed: it concerns only what happens from now on.
            description.is_shared_with_std.store(true, Ordering::Relaxed);
        }
        self.std
    }

    /// Returns whether another file may move the position at any moment. Descriptors that were duplicated by other
    /// means are not taken into account.
    pub(crate) fn is_shared(&self) -> bool {
        self.clones.get().is_some_and(|description| {
            Arc::strong_count(description) > 1 || description.is_shared_with_std.load(Ordering::Relaxed)
        })
    }

    /// Returns whether the file has positions. A pipe, a socket and a terminal have none.
    pub(crate) fn has_positions(&self) -> bool {
        *self.has_positions.get_or_init(|| self.position().is_some())
    }

    /// Returns the position, or `None` for a file without positions. It must not be called if the file is shared: a
    /// call on the pool may hold the position's lock, and this waits for it.
    pub(crate) fn position(&self) -> Option<u64> {
        (&self.std).stream_position().ok()
    }
}
