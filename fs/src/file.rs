//! An open file.

use crate::OpenOptions;
use crate::buf::{IoBuf, IoBufMut};
use crate::op;
use crate::open_file::OpenFile;
use crate::sequential::Sequential;
use crate::waiters::{Waiters, Waiting};
use ayi_runtime::task::coop;
use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};
use std::fmt;
use std::fs::{Metadata, Permissions};
use std::future::poll_fn;
use std::io::{self, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// An open file.
///
/// It can be read and written in two ways. [`read_at`](File::read_at) and [`write_at`](File::write_at) take a buffer,
/// give it to the kernel, and give it back: nothing is copied on the way, and any number of them may run at once. The
/// traits `AsyncRead`, `AsyncWrite` and `AsyncSeek` go through the file one after the other, from and to buffers that
/// are borrowed, for code that takes any stream; each operation copies through a buffer of the file's own. With the
/// features `tokio` and `hyper`, a file has the traits of these crates as well.
///
/// # When it is written
///
/// What is written through `AsyncWrite` has been taken when `write` returns, and is written meanwhile. Whatever else is
/// done with this `File` waits for that: `metadata`, `read_at`, `set_len`… see what was written. What is done with its
/// *path*, or with another `File`, does not wait. So call `flush` before `fs::metadata(path)`, `fs::copy`, `fs::rename`, or
/// before it is opened again; and before the file is dropped, since it is written then as well, but nobody hears of an
/// error, nor when it is done.
///
/// # If it cannot be written
///
/// The disk may be full, or a limit reached. The next call says so that writes, flushes, syncs, seeks, closes, clones the
/// file or changes its length: each failed attempt is told once. What is on the disk is the beginning of what was
/// written. The rest is kept, as by std's `BufWriter`: each later call of those kinds first tries to write it, and does
/// its own work only if that succeeds. So nothing is overwritten or left out, and a `flush` that returns `Ok` has written
/// everything. A file that is dropped tries once more.
///
/// After an error that another attempt cannot cure the rest is gone: if the file is not open for writing (`EBADF`), does
/// not take such writes (`EINVAL`), or is a pipe that nobody reads any more (`BrokenPipe`).
///
/// Reads tell no errors of writes. While something is unwritten they read what is at the position, and do not move the
/// place that it will be written to.
///
/// # Clones
///
/// Clones share the position. So that none overwrites what another has written, their reads and writes through the traits
/// go to the blocking pool, whose system calls lock the position. Other processes, and descriptors that were duplicated by
/// other means than [`try_clone`](File::try_clone), are not known of: append, or write at offsets, if they write too.
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
    /// Those who wait for what `sequential` does, and only share this.
    waiters: OnceLock<Arc<Waiters>>,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// Like [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// Like [`OpenOptions::open`].
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

    /// Opens a file for writing: a new one, or one whose contents are thrown away.
    ///
    /// # Errors
    ///
    /// Like [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// Like [`OpenOptions::open`].
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

    /// Makes a file that was not there, and opens it for reading and writing.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, and as [`OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// Like [`OpenOptions::open`].
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
    pub async fn create_new(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path).await
    }

    /// What [`OpenOptions::new`] gives.
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

    /// Gives it back to std, when no operation uses it any more. (One that was dropped may run on for a while.) What was
    /// written is on its way to the disk before that; an error is lost, with what could not be written: flush first.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, the file is closed.
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

    /// Gives it back to std.
    ///
    /// # Errors
    ///
    /// Gives it back as it is if an operation uses it, or if something could not be written, or that was not told yet: then
    /// `flush` tells it.
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
                // Fails where there are no positions: in a pipe, nothing can be put back.
                let _ = state.step_back(&open.std);
                Ok(open.into_std())
            }
            Err(open) => Err(File { open, sequential, waiters }),
        }
    }

    /// Reads from the byte `offset` on into the room that `buf` has: once, so it may be less than there is room for. 0 at
    /// the end of the file, or if there is no room. Does not move the file's position. Where there are no positions, in
    /// a pipe or a terminal, `offset` says nothing.
    ///
    /// # Errors
    ///
    /// What pread(2) reports. The buffer comes back in any case.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost but the buffer.
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

    /// Writes `buf` to the byte `offset` and after it: once, so it may be less than all. Does not move the file's
    /// position.
    ///
    /// # Errors
    ///
    /// What pwrite(2) reports. The buffer comes back in any case.
    ///
    /// # Cancel safety
    ///
    /// It may have been written, in part or all of it, or be written a little later.
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

    /// Writes all of `buf` to the byte `offset` and after it.
    ///
    /// # Errors
    ///
    /// Like [`write_at`](File::write_at); `WriteZero` if the file takes no more.
    ///
    /// # Cancel safety
    ///
    /// It may have been written, in part or all of it.
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
    /// assert_eq!(buf.len(), 100_000); // it comes back
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

    /// Like [`read_at`](File::read_at) into several buffers, one after the other, of which the system fills at most 1024.
    ///
    /// # Errors
    ///
    /// Like `read_at`.
    ///
    /// # Cancel safety
    ///
    /// Like `read_at`.
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

    /// Like [`write_at`](File::write_at) from several buffers, one after the other, of which the system takes at most 1024.
    ///
    /// # Errors
    ///
    /// Like `write_at`.
    ///
    /// # Cancel safety
    ///
    /// Like `write_at`.
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

    /// Until all of the file, and what is known of it, is on the disk.
    ///
    /// # Errors
    ///
    /// What fsync(2) reports, and what has gone wrong with earlier writes.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
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
    /// file.sync_all().await?; // a power failure does not take it any more
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn sync_all(&self) -> io::Result<()> {
        self.flushed().await?;
        op::sync(self.open.clone(), false).await
    }

    /// Like [`sync_all`](File::sync_all), without what is not needed to read the file again, such as its times.
    ///
    /// # Errors
    ///
    /// Like `sync_all`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
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

    /// Cuts the file off after `len` bytes, or extends it with zeros.
    ///
    /// # Errors
    ///
    /// What ftruncate(2) reports, and what has gone wrong with earlier writes: then the length is not changed.
    ///
    /// # Cancel safety
    ///
    /// It may have been done, or be done a little later.
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

    /// What is known of the file, with all that was written to it here.
    ///
    /// # Errors
    ///
    /// What fstat(2) reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
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

    /// Changes who may do what with the file.
    ///
    /// # Errors
    ///
    /// What fchmod(2) reports.
    ///
    /// # Cancel safety
    ///
    /// It may have been done.
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

    /// Another descriptor of the same open file: they share its position.
    ///
    /// # Errors
    ///
    /// What dup(2) reports, that there are too many; and what has gone wrong with earlier writes.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
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
        // Where nothing is under way there is nothing to wait for.
        coop::consume_budget().await;
        self.open.try_clone().map(File::from_open)
    }

    /// How many bytes one operation of `AsyncRead` or `AsyncWrite` moves at most. 256 KiB by default.
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
    pub fn set_max_buf_size(&mut self, bytes: usize) {
        self.locked().max_buf_size = bytes.max(1);
    }

    pub(crate) fn std(&self) -> &std::fs::File {
        &self.open.std
    }

    fn from_open(open: Arc<OpenFile>) -> File {
        File { open, sequential: Mutex::new(Sequential::new()), waiters: OnceLock::new() }
    }

    /// What reads and writes one after the other, for who has the file alone.
    pub(crate) fn in_order(&mut self) -> (&Arc<OpenFile>, &mut Sequential) {
        (&self.open, exclusive(&mut self.sequential))
    }

    fn locked(&self) -> MutexGuard<'_, Sequential> {
        self.sequential.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been taken is written, or its error is told.
    async fn flushed(&self) -> io::Result<()> {
        self.shared(|state, _, cx| state.poll_flush(cx), || Ok(())).await
    }

    /// Like `flushed`, and the position is where the user is.
    async fn settled(&self) -> io::Result<()> {
        self.shared(Sequential::poll_settle, || Ok(())).await
    }

    /// The write under way has ended, if there is one, however that was.
    async fn written(&self) {
        self.shared(|state, open, cx| state.poll_written(open, cx), || ()).await
    }

    /// Like `written`, and what has been read ahead is forgotten: it is about to change.
    async fn unread(&self) {
        let poll = |state: &mut Sequential, open: &Arc<OpenFile>, cx: &mut Context<'_>| {
            ready!(state.poll_written(open, cx));
            // An error of lseek(2), which has no reason to fail here.
            state.poll_step_back(open, cx).map(drop)
        };
        self.shared(poll, || ()).await
    }

    /// Polls for one of several who share this file, unless there is nothing to wait for, nor to tell.
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
                // Another thread polls at this moment; or a hook, which is run when a task is spawned, has come back here.
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

impl AsyncRead for File {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let (open, sequential) = self.in_order();
        sequential.poll_read(open, cx, buf.len(), |bytes| buf[..bytes.len()].copy_from_slice(bytes))
    }
}

impl AsyncWrite for File {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let (open, sequential) = self.in_order();
        sequential.poll_write(open, cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_order().1.poll_flush(cx)
    }

    /// Like `poll_flush`: the file is closed when it is dropped.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn poll_seek(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let (open, sequential) = self.in_order();
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
