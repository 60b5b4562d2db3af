//! Directories.

use crate::op::{self, Running, WithPath};
use ayi_runtime::io::uring::Resources;
use ayi_runtime::task::coop;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{FileType, Metadata};
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How many entries are read at a time.
const BATCH: usize = 64;

/// The options for making a directory.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let path = std::env::temp_dir().join(format!("ayi-dir-builder-{}", std::process::id()));
/// ayi::fs::DirBuilder::new().recursive(true).mode(0o700).create(path.join("a/b")).await?;
/// # ayi::fs::remove_dir_all(path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct DirBuilder {
    recursive: bool,
    mode: u32,
}

impl Default for DirBuilder {
    fn default() -> DirBuilder {
        DirBuilder { recursive: false, mode: 0o777 }
    }
}

impl DirBuilder {
    /// Makes options for a directory like that of [`create_dir`](crate::create_dir).
    pub fn new() -> DirBuilder {
        DirBuilder::default()
    }

    /// Sets whether missing parent directories are made as well.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.recursive = recursive;
        self
    }

    /// Sets the permissions, less the process's umask. The default is `0o777`.
    pub fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.mode = mode;
        self
    }

    /// Makes the directory.
    ///
    /// # Errors
    ///
    /// Returns what mkdir(2) reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the operation may still have been done.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        if !self.recursive {
            return op::with_path(WithPath::CreateDir(self.mode), path.as_ref()).await;
        }
        let (mode, path) = (self.mode, path.as_ref().to_owned());
        op::on_pool(move || std::fs::DirBuilder::new().recursive(true).mode(mode).create(path)).await
    }
}

/// Returns the entries of a directory, in no particular order, without `.` and `..`.
///
/// # Errors
///
/// Returns what opendir(3) reports.
///
/// # Cancel safety
///
/// Nothing is lost if the future is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut entries = ayi::fs::read_dir("src").await?;
/// let mut names = Vec::new();
/// while let Some(entry) = entries.next_entry().await? {
///     names.push(entry.file_name());
/// }
/// assert!(names.contains(&"lib.rs".into()));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || {
        let mut batch = Batch::new(std::fs::read_dir(path)?);
        batch.fill();
        Ok(ReadDir { state: State::Here(batch) })
    })
    .await
}

/// The entries of a directory, from [`read_dir`].
pub struct ReadDir {
    state: State,
}

enum State {
    Here(Batch),
    Reading(Running<Batch>),
    /// The runtime has ended meanwhile.
    Gone,
}

struct Batch {
    rest: std::fs::ReadDir,
    entries: VecDeque<io::Result<DirEntry>>,
    /// Whether there are no others.
    is_last: bool,
}

impl Resources for Batch {}

impl Batch {
    fn new(rest: std::fs::ReadDir) -> Batch {
        Batch { rest, entries: VecDeque::with_capacity(BATCH), is_last: false }
    }

    fn fill(&mut self) {
        // The type is mostly known with the name. If it has to be asked for, this happens here, on the pool.
        let with_type = |entry: std::fs::DirEntry| {
            let file_type = entry.file_type();
            DirEntry { std: Arc::new(entry), file_type }
        };
        self.entries.extend(self.rest.by_ref().take(BATCH).map(|entry| entry.map(with_type)));
        self.is_last = self.entries.len() < BATCH;
    }
}

impl ReadDir {
    /// Returns the next entry, or `None` after the last.
    ///
    /// # Errors
    ///
    /// Returns what readdir(3) reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut entries = ayi::fs::read_dir("src").await?;
    /// while let Some(entry) = entries.next_entry().await? {
    ///     println!("{}", entry.path().display());
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// Polls for the next entry, like [`next_entry`](ReadDir::next_entry).
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        // Most entries are here already.
        coop::poll_composed(cx, &mut false, |cx| self.poll_entry(cx))
    }

    fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Gone) {
                State::Here(mut batch) => {
                    if let Some(entry) = batch.entries.pop_front() {
                        self.state = State::Here(batch);
                        return Poll::Ready(entry.map(Some));
                    }
                    if batch.is_last {
                        self.state = State::Here(batch);
                        return Poll::Ready(Ok(None));
                    }
                    let fill = |batch: &mut Batch| {
                        batch.fill();
                        Ok(0)
                    };
                    self.state = State::Reading(op::start_on_pool(batch, false, fill));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready((result, batch)) = Pin::new(&mut reading).poll(cx) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    // If there was no thread for it, the next call tries again.
                    self.state = batch.map_or(State::Gone, State::Here);
                    if let Err(error) = result {
                        return Poll::Ready(Err(error));
                    }
                }
                State::Gone => return Poll::Ready(Err(io::Error::other(op::GONE))),
            }
        }
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadDir")
    }
}

/// An entry of a directory.
#[derive(Debug)]
pub struct DirEntry {
    std: Arc<std::fs::DirEntry>,
    file_type: io::Result<FileType>,
}

impl DirEntry {
    /// Returns the directory's path joined with the entry's name.
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// Returns the entry's name alone.
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }

    /// Returns the inode number.
    pub fn ino(&self) -> u64 {
        self.std.ino()
    }

    /// Returns the metadata of the entry. If it is a symbolic link, they are those of the link.
    ///
    /// # Errors
    ///
    /// Returns what lstat(2) reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut entries = ayi::fs::read_dir("src").await?;
    /// while let Some(entry) = entries.next_entry().await? {
    ///     println!("{:?}: {} bytes", entry.file_name(), entry.metadata().await?.len());
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.std.clone();
        op::on_pool(move || entry.metadata()).await
    }

    /// Returns whether it is a file, a directory, a symbolic link… Most file systems tell that with the name.
    ///
    /// # Errors
    ///
    /// Returns what lstat(2) reports, if it has to be asked.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut entries = ayi::fs::read_dir("src").await?;
    /// while let Some(entry) = entries.next_entry().await? {
    ///     let file_type = entry.file_type().await?;
    ///     assert!(file_type.is_file() || file_type.is_dir());
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn file_type(&self) -> io::Result<FileType> {
        match &self.file_type {
            Ok(file_type) => {
                coop::consume_budget().await;
                Ok(*file_type)
            }
            // Asked again, for an error that can be given away.
            Err(_) => {
                let entry = self.std.clone();
                op::on_pool(move || entry.file_type()).await
            }
        }
    }
}
