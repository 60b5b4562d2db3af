//! Reads and writes at an offset, with buffers that the kernel is lent.

use super::File;
use crate::buf::{IoBuf, IoBufMut};
use crate::op;
use ayi_runtime::task::coop;
use std::io;

impl File {
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
}
