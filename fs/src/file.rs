//! An open file.

mod about;
mod at;
mod traits;

use crate::OpenOptions;
use crate::open_file::OpenFile;
use crate::sequential::Sequential;
use crate::waiters::{Waiters, Waiting};
use ayi_runtime::task::coop;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// An open file.
///
/// It can be read and written in two ways. [`read_at`](File::read_at) and [`write_at`](File::write_at) take a buffer,
/// pass it to the kernel, and return it: nothing is copied on the way, and any number of them may run at once. The
/// traits `AsyncRead`, `AsyncWrite` and `AsyncSeek` go through the file sequentially, from and to borrowed buffers, for
/// code that takes any stream. Each of their operations copies through a buffer of the file's own.
///
/// # When it is written
///
/// When `write` of `AsyncWrite` returns, the file has taken the bytes, and writes them in the background. All other
/// calls on this `File` wait for that: `metadata`, `read_at`, `set_len` and others see what was written. Calls with its
/// *path*, or on another `File`, do not wait. So call `flush` before `fs::metadata(path)`, `fs::copy` and `fs::rename`,
/// and before opening the file again. Call it before dropping the file too: a dropped file is still written, but nobody
/// learns of an error, nor when it is done.
///
/// # If it cannot be written
///
/// The disk may be full, or a limit reached. The error is returned by the next call that writes, flushes, syncs, seeks,
/// closes, clones the file or changes its length. Each failed attempt is returned once. The disk then has the beginning
/// of what was written. The rest is kept, as std's `BufWriter` does: each later call of those kinds first tries to
/// write it, and does its own work only if that succeeds. So nothing is overwritten or left out, and a `flush` that
/// returns `Ok` has written everything. A file that is dropped tries once more.
///
/// After an error that another attempt cannot cure the rest is discarded: the file is not open for writing (`EBADF`),
/// does not take such writes (`EINVAL`), or is a pipe that nobody reads any longer (`BrokenPipe`).
///
/// Reads return no errors of writes. While something is unwritten they read at the position, and do not move the place
/// where it will be written.
///
/// # Clones
///
/// Clones share the position. To keep one from overwriting what another has written, their reads and writes through the
/// traits go to the blocking pool, whose system calls lock the position. Other processes, and descriptors that were
/// duplicated by means other than [`try_clone`](File::try_clone), are not taken into account: append, or write at
/// offsets, if they write too.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let path = std::env::temp_dir().join(format!("ayi-file-{}", std::process::id()));
/// use ayi::fs::File;
/// let file = File::create(&path).await?;
/// let (result, tea) = file.write_all_at("Longjing", 0).await;
/// result?;
/// let file = File::open(&path).await?;
/// let (result, buf) = file.read_at(Vec::with_capacity(64), 4).await;
/// assert_eq!(&buf[..result?], b"jing");
/// # ayi::fs::remove_file(path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct File {
    open: Arc<OpenFile>,
    sequential: Mutex<Sequential>,
    /// The tasks that wait for `sequential` through a shared reference.
    waiters: OnceLock<Arc<Waiters>>,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// Fails like [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let file = ayi::fs::File::open("Cargo.toml").await?;
    /// # drop(file);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file for writing: makes a new one, or discards the contents of an existing one.
    ///
    /// # Errors
    ///
    /// Fails like [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-create-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::File::create(dir.join("file")).await?;
    /// # drop(file);
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// Makes a file that did not exist, and opens it for reading and writing.
    ///
    /// # Errors
    ///
    /// Returns `AlreadyExists` if it exists, and otherwise fails like [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-create-new-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::File::create_new(dir.join("file")).await?;
    /// let error = ayi::fs::File::create_new(dir.join("file")).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// # drop(file);
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path).await
    }

    /// Returns the options of [`OpenOptions::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let file = ayi::fs::File::options().read(true).open("Cargo.toml").await?;
    /// # drop(file);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes a file of std's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let file = ayi::fs::File::from_std(std::fs::File::open("Cargo.toml")?);
    /// # drop(file);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_std(std: std::fs::File) -> File {
        File::from_open(OpenFile::new(std))
    }

    /// Returns the file to std, when no operation uses it any longer. An operation whose future was dropped may run on
    /// for a while. What was written goes to the disk first. If that fails, the error and the unwritten bytes are lost:
    /// flush first.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let std: std::fs::File = ayi::fs::File::open("Cargo.toml").await?.into_std().await;
    /// # drop(std);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn into_std(mut self) -> std::fs::File {
        coop::consume_budget().await;
        let _ = self.settled().await;
        exclusive(&mut self.sequential).forget_errors();
        loop {
            match self.try_into_std() {
                Ok(std) => return std,
                Err(file) => self = file,
            }
            ayi_runtime::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Returns the file to std.
    ///
    /// # Errors
    ///
    /// Returns the file unchanged if an operation uses it, if something could not be written, or if an error was not
    /// returned yet: `flush` then returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let file = ayi::fs::File::open("Cargo.toml").await?;
    /// let std: std::fs::File = file.try_into_std().expect("no operation uses it");
    /// # drop(std);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[allow(clippy::result_large_err)] // as tokio's
    pub fn try_into_std(self) -> Result<std::fs::File, File> {
        let File { open, mut sequential, waiters } = self;
        let state = exclusive(&mut sequential);
        if state.has_failed() {
            return Err(File { open, sequential, waiters });
        }
        match Arc::try_unwrap(open) {
            Ok(open) => {
                // This fails for a file without positions: nothing can be put back into a pipe.
                let _ = state.step_back(&open.std);
                Ok(open.into_std())
            }
            Err(open) => Err(File { open, sequential, waiters }),
        }
    }

    /// Makes another descriptor of the same open file: the two share its position.
    ///
    /// # Errors
    ///
    /// Returns what dup(2) reports if there are too many descriptors, and the errors of earlier writes.
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
    /// let file = ayi::fs::File::open("Cargo.toml").await?;
    /// let other = file.try_clone().await?;
    /// # drop((file, other));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn try_clone(&self) -> io::Result<File> {
        self.settled().await?;
        // If nothing is under way there is nothing to wait for.
        coop::consume_budget().await;
        let mut file = self.open.try_clone().map(File::from_open)?;
        exclusive(&mut file.sequential).max_buf_size = self.max_buf_size();
        Ok(file)
    }

    /// Sets how many bytes one operation of `AsyncRead` or `AsyncWrite` moves at most. The default is 256 KiB.
    ///
    /// # Panics
    ///
    /// Panics if `bytes` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut file = ayi::fs::File::open("Cargo.toml").await?;
    /// file.set_max_buf_size(4096);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn set_max_buf_size(&mut self, bytes: usize) {
        assert!(
            bytes > 0,
            "`max_buf_size` must be greater than 0: an operation that moves no bytes never ends"
        );
        self.locked().max_buf_size = bytes;
    }

    /// Returns how many bytes one operation of `AsyncRead` or `AsyncWrite` moves at most.
    pub fn max_buf_size(&self) -> usize {
        self.locked().max_buf_size
    }

    pub(crate) fn std(&self) -> &std::fs::File {
        &self.open.std
    }

    fn from_open(open: Arc<OpenFile>) -> File {
        File { open, sequential: Mutex::new(Sequential::new()), waiters: OnceLock::new() }
    }

    /// Returns what reads and writes sequentially, for a caller that has the file alone.
    pub(crate) fn in_order(&mut self) -> (&Arc<OpenFile>, &mut Sequential) {
        (&self.open, exclusive(&mut self.sequential))
    }

    fn locked(&self) -> MutexGuard<'_, Sequential> {
        self.sequential.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what has been taken is written, or returns its error.
    async fn flushed(&self) -> io::Result<()> {
        self.shared(|state, _, cx| state.poll_flush(cx), || Ok(())).await
    }

    /// Waits like `flushed`, and moves the position to where the user is.
    async fn settled(&self) -> io::Result<()> {
        self.shared(Sequential::poll_settle, || Ok(())).await
    }

    /// Waits until the write under way has ended, if there is one, however it ended.
    async fn written(&self) {
        self.shared(|state, open, cx| state.poll_written(open, cx), || ()).await
    }

    /// Waits like `written`, and discards what has been read ahead: it is about to change.
    async fn unread(&self) {
        let poll = |state: &mut Sequential, open: &Arc<OpenFile>, cx: &mut Context<'_>| {
            ready!(state.poll_written(open, cx));
            // This is an error of lseek(2), which has no reason to fail here.
            state.poll_step_back(open, cx).map(drop)
        };
        self.shared(poll, || ()).await
    }

    /// Polls for one of several callers that share this file, unless there is nothing to wait for and no error to
    /// return.
    async fn shared<R>(
        &self,
        mut poll: impl FnMut(&mut Sequential, &Arc<OpenFile>, &mut Context<'_>) -> Poll<R>,
        quiet: impl FnOnce() -> R,
    ) -> R {
        if self.locked().is_quiet() {
            return quiet();
        }
        let mut waiting = Waiting::new(self.waiters.get_or_init(Arc::default));
        poll_fn(|cx| {
            let waker = waiting.waker(cx.waker());
            let mut state = match self.sequential.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Another thread polls at this moment, or a hook that runs when a task is spawned has come back here.
                Err(TryLockError::WouldBlock) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            };
            poll(&mut state, &self.open, &mut Context::from_waker(&waker))
        })
        .await
    }
}

fn exclusive(sequential: &mut Mutex<Sequential>) -> &mut Sequential {
    sequential.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl From<std::fs::File> for File {
    fn from(std: std::fs::File) -> File {
        File::from_std(std)
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> File {
        File::from_std(fd.into())
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.std.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.open.std.as_raw_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.open.std.fmt(f)
    }
}
