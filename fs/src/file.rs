//! An open file.

use crate::buf::{IoBuf, IoBufMut};
use crate::op;
use crate::open_file::OpenFile;
use crate::sequential::Sequential;
use crate::waiters::{Waiters, Waiting};
use crate::{FileTimes, OpenOptions};
use ayi_io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use ayi_runtime::task::coop;
use std::fmt;
use std::fs::{Metadata, Permissions};
use std::future::poll_fn;
use std::io::{self, IoSlice, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

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

    /// Reads from the byte `offset` on into the room that `buf` has. It reads once, so it may read less than there is
    /// room for. Returns 0 at the end of the file, or if there is no room. It does not move the file's position. For a
    /// file without positions, such as a pipe or a terminal, `offset` means nothing.
    ///
    /// # Errors
    ///
    /// Returns what pread(2) reports. The buffer is returned in any case.
    ///
    /// # Cancel safety
    ///
    /// Only the buffer is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-read-at-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// # let path = dir.join("file");
    /// # ayi::fs::write(&path, "Longjing").await?;
    /// let file = ayi::fs::File::open(&path).await?;
    /// let mut buf = Vec::with_capacity(64 * 1024); // used again for each read
    /// let mut offset = 0;
    /// loop {
    ///     let (read, filled) = file.read_at(buf, offset).await;
    ///     buf = filled;
    ///     match read? {
    ///         0 => break,
    ///         n => offset += n as u64, // the bytes are in `buf`
    ///     }
    /// }
    /// assert_eq!(offset, 8);
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn read_at<B: IoBufMut + Default>(&self, buf: B, offset: u64) -> (io::Result<usize>, B) {
        self.written().await;
        let (result, buf) = op::buffer_of(op::read(self.open.clone(), buf, op::at(offset)).await);
        (result, buf.unwrap_or_default())
    }

    /// Writes `buf` at the byte `offset` and after it. It writes once, so it may write less than all. It does not move
    /// the file's position.
    ///
    /// # Errors
    ///
    /// Returns what pwrite(2) reports. The buffer is returned in any case.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the buffer may have been written, in part or as a whole, or be written a little later.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-write-at-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// # let path = dir.join("file");
    /// # ayi::fs::write(&path, "Longjing").await?;
    /// let file = ayi::fs::File::options().write(true).open(&path).await?;
    /// let (written, _buf) = file.write_at("jing".to_owned(), 8).await;
    /// assert_eq!(written?, 4);
    /// assert_eq!(ayi::fs::read(&path).await?, b"Longjingjing");
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn write_at<B: IoBuf + Default>(&self, buf: B, offset: u64) -> (io::Result<usize>, B) {
        self.unread().await;
        let (result, transfer) = op::write(self.open.clone(), buf, 0, op::at(offset)).await;
        (result.map(|written| written as usize), transfer.map(|transfer| transfer.buf).unwrap_or_default())
    }

    /// Writes all of `buf` at the byte `offset` and after it.
    ///
    /// # Errors
    ///
    /// Fails like [`write_at`](File::write_at), and with `WriteZero` if the file takes no more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the buffer may have been written, in part or as a whole.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-write-all-at-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::File::create(dir.join("file")).await?;
    /// let (result, buf) = file.write_all_at(vec![b'.'; 100_000], 0).await;
    /// result?;
    /// assert_eq!(buf.len(), 100_000); // the buffer is returned
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn write_all_at<B: IoBuf + Default>(&self, mut buf: B, offset: u64) -> (io::Result<()>, B) {
        self.unread().await;
        if buf.bytes().is_empty() {
            coop::consume_budget().await;
        }
        let mut done = 0;
        while done < buf.bytes().len() {
            let offset = op::at(offset.saturating_add(done as u64));
            let (result, transfer) = op::write(self.open.clone(), buf, done, offset).await;
            let Some(transfer) = transfer else { return (result.map(drop), B::default()) };
            buf = transfer.buf;
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(written) => done += written as usize,
                Err(error) => return (Err(error), buf),
            }
        }
        (Ok(()), buf)
    }

    /// Reads like [`read_at`](File::read_at) into several buffers, one after the other. The system fills at most 1024.
    ///
    /// # Errors
    ///
    /// Fails like `read_at`.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `read_at`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-read-vectored-at-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// # let path = dir.join("file");
    /// # ayi::fs::write(&path, "Longjing").await?;
    /// let file = ayi::fs::File::open(&path).await?;
    /// let bufs = vec![Vec::with_capacity(4), Vec::with_capacity(100)];
    /// let (read, bufs) = file.read_vectored_at(bufs, 0).await;
    /// assert_eq!((read?, &bufs[0][..], &bufs[1][..]), (8, &b"Long"[..], &b"jing"[..]));
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn read_vectored_at<B: IoBufMut>(
        &self,
        bufs: Vec<B>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<B>) {
        self.written().await;
        let (result, bufs) = op::buffers_of(op::read_vectored(self.open.clone(), bufs, op::at(offset)).await);
        (result, bufs.unwrap_or_default())
    }

    /// Writes like [`write_at`](File::write_at) from several buffers, one after the other. The system takes at most
    /// 1024.
    ///
    /// # Errors
    ///
    /// Fails like `write_at`.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `write_at`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-write-vectored-at-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::File::create(dir.join("file")).await?;
    /// let (written, _bufs) = file.write_vectored_at(vec!["Long", "jing"], 0).await;
    /// assert_eq!(written?, 8);
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn write_vectored_at<B: IoBuf>(
        &self,
        bufs: Vec<B>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<B>) {
        self.unread().await;
        let (result, parts) = op::write_vectored(self.open.clone(), bufs, op::at(offset)).await;
        (result.map(|written| written as usize), parts.map(|parts| parts.bufs).unwrap_or_default())
    }

    /// Waits until the contents and the metadata of the file are on the disk.
    ///
    /// # Errors
    ///
    /// Returns what fsync(2) reports, and the errors of earlier writes.
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
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-sync-all-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::File::create(dir.join("file")).await?;
    /// file.write_all_at("tea", 0).await.0?;
    /// file.sync_all().await?; // a power failure no longer destroys it
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn sync_all(&self) -> io::Result<()> {
        self.flushed().await?;
        op::sync(self.open.clone(), false).await
    }

    /// Waits like [`sync_all`](File::sync_all), but not for what is not needed to read the file again, such as its
    /// times.
    ///
    /// # Errors
    ///
    /// Fails like `sync_all`.
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
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-sync-data-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::File::create(dir.join("file")).await?;
    /// file.write_all_at("tea", 0).await.0?;
    /// file.sync_data().await?;
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn sync_data(&self) -> io::Result<()> {
        self.flushed().await?;
        op::sync(self.open.clone(), true).await
    }

    /// Truncates the file to `len` bytes, or extends it with zeros.
    ///
    /// # Errors
    ///
    /// Returns what ftruncate(2) reports, and the errors of earlier writes: the length is not changed then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the operation may have been done, or be done a little later.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-set-len-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// # let path = dir.join("file");
    /// # ayi::fs::write(&path, "Longjing").await?;
    /// let file = ayi::fs::File::options().write(true).open(&path).await?;
    /// file.set_len(4).await?;
    /// assert_eq!(ayi::fs::read(&path).await?, b"Long");
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        self.settled().await?;
        let open = self.open.clone();
        op::on_pool(move || open.std.set_len(len)).await
    }

    /// Returns the metadata of the file. They include everything that was written through this `File`.
    ///
    /// # Errors
    ///
    /// Returns what fstat(2) reports.
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
    /// assert!(file.metadata().await?.is_file());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn metadata(&self) -> io::Result<Metadata> {
        self.written().await;
        let open = self.open.clone();
        op::on_pool(move || open.std.metadata()).await
    }

    /// Changes the permissions of the file.
    ///
    /// # Errors
    ///
    /// Returns what fchmod(2) reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the operation may still have been done.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-file-set-permissions-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// use std::os::unix::fs::PermissionsExt;
    /// let file = ayi::fs::File::create(dir.join("file")).await?;
    /// file.set_permissions(PermissionsExt::from_mode(0o600)).await?;
    /// assert_eq!(file.metadata().await?.permissions().mode() & 0o777, 0o600);
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.written().await;
        let open = self.open.clone();
        op::on_pool(move || open.std.set_permissions(permissions)).await
    }

    /// Sets the times of the file, after what has been written so far.
    ///
    /// # Errors
    ///
    /// Returns what futimens(2) reports, mostly that the file belongs to another user.
    ///
    /// # Cancel safety
    ///
    /// The times may have been set if the future is dropped.
    ///
    /// # Examples
    ///
    /// See [`FileTimes`].
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.written().await;
        let open = self.open.clone();
        op::on_pool(move || open.std.set_times(times.into_std())).await
    }

    /// Sets when the file was last written, like [`set_times`](File::set_times) with that time alone.
    ///
    /// # Errors
    ///
    /// Fails like [`set_times`](File::set_times).
    ///
    /// # Cancel safety
    ///
    /// The time may have been set if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let path = std::env::temp_dir().join(format!("ayi-set-modified-{}", std::process::id()));
    /// use std::time::SystemTime;
    /// let file = ayi::fs::File::create(&path).await?;
    /// file.set_modified(SystemTime::UNIX_EPOCH).await?;
    /// assert_eq!(file.metadata().await?.modified()?, SystemTime::UNIX_EPOCH);
    /// # ayi::fs::remove_file(path).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
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

/// Makes the seek that was asked for, which comes before anything else. Returns the new position, or 0 if no seek was
/// asked for.
fn poll_sought(file: &mut File, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
    let (open, sequential) = file.in_order();
    let Some(to) = sequential.seek_to else { return Poll::Ready(Ok(0)) };
    let sought = ready!(sequential.poll_seek(open, cx, to));
    sequential.seek_to = None;
    Poll::Ready(sought)
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_sought(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_read(open, cx, buf.remaining(), |bytes| buf.put_slice(bytes)).map_ok(drop)
    }
}

impl AsyncWrite for File {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(poll_sought(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_write(open, cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_sought(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_write(open, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_order().1.poll_flush(cx)
    }

    /// Polls like `poll_flush`: the file is closed when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// The first step stores the position. Whatever comes next through these traits begins with the second step, which can
/// wait.
impl AsyncSeek for File {
    /// # Errors
    ///
    /// Fails if the previous seek has not been awaited to its end.
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let (_, sequential) = self.in_order();
        if sequential.seek_to.is_some() {
            return Err(io::Error::other(
                "another seek of this file has not ended: await it, by poll_complete, before start_seek",
            ));
        }
        sequential.seek_to = Some(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        coop::poll_composed(cx, &mut false, |cx| poll_sought(&mut self, cx))
    }
}

ayi_io::other_families! {
    [] File: read write seek;
}

ayi_io::futures_seek! {
    File: |file, cx, to| {
        ready!(poll_sought(file, cx))?;
        let (open, sequential) = file.in_order();
        sequential.poll_seek(open, cx, to)
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
