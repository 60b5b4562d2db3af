//! What concerns the file as a whole: that it is on the disk, its length, its metadata.

use super::File;
use crate::FileTimes;
use crate::op;
use std::fs::{Metadata, Permissions};
use std::io;
use std::time::SystemTime;

impl File {
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
}
