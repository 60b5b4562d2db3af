//! The times of a file. In tokio: `fs/file_times.rs`.

use std::time::SystemTime;

/// Times to give to a file, by [`File::set_times`](crate::File::set_times).
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let path = std::env::temp_dir().join(format!("ayi-file-times-{}", std::process::id()));
/// use ayi::fs::{File, FileTimes};
/// use std::time::{Duration, SystemTime};
/// let file = File::create(&path).await?;
/// let moon = SystemTime::UNIX_EPOCH - Duration::from_secs(14_000_000);
/// file.set_times(FileTimes::new().set_modified(moon)).await?; // the time of access stays
/// assert_eq!(file.metadata().await?.modified()?, moon);
/// # ayi::fs::remove_file(path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "the times are given to a file by `File::set_times`"]
pub struct FileTimes(std::fs::FileTimes);

impl FileTimes {
    /// Makes times of which none is set: a file keeps those.
    pub fn new() -> FileTimes {
        FileTimes::default()
    }

    /// Sets when the file was last read.
    pub fn set_accessed(self, time: SystemTime) -> FileTimes {
        FileTimes(self.0.set_accessed(time))
    }

    /// Sets when the file was last written.
    pub fn set_modified(self, time: SystemTime) -> FileTimes {
        FileTimes(self.0.set_modified(time))
    }

    pub(crate) fn into_std(self) -> std::fs::FileTimes {
        self.0
    }
}
