//! Whole files at once.

use crate::buf::Pages;
use crate::{File, op};
use std::io;
use std::path::Path;

/// The room for a file's contents at first. Most files are smaller; for the others the size is asked for.
const FIRST: usize = 16 * 1024;

/// The most that one read asks for. A large file is read in parts, so that others get a turn between them.
const PART: usize = 1024 * 1024;

/// Reads all of a file's bytes.
///
/// # Errors
///
/// Returns what open(2) and read(2) report.
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
/// let manifest = ayi::fs::read("Cargo.toml").await?;
/// assert!(manifest.starts_with(b"[package]"));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path).await?;
    let (read, mut contents) = file.read_at(Vec::with_capacity(FIRST), 0).await;
    if read? == 0 {
        return Ok(contents);
    }
    // The metadata of a file that has just been read are at hand, so this needs no thread.
    let metadata = file.std().metadata()?;
    let size = metadata.len().try_into().unwrap_or(usize::MAX);
    if metadata.is_file() && size == contents.len() {
        return Ok(contents);
    }
    // There may be more bytes than that: the file may grow, and files in /proc report that they are empty.
    contents.try_reserve_exact(size.saturating_sub(contents.len())).map_err(|_| too_large(size))?;
    let mut part = Pages::new();
    let mut room = size.saturating_sub(contents.len()).clamp(FIRST, PART);
    loop {
        part.make_room(room);
        let (read, filled) = file.read_at(part, contents.len() as u64).await;
        if read? == 0 {
            return Ok(contents);
        }
        contents.extend_from_slice(&filled);
        if filled.len() >= room {
            room = (2 * room).min(PART);
        }
        part = filled;
    }
}

fn too_large(size: usize) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, format!("there is no memory for a file of {size} bytes"))
}

/// Reads all of a file's text.
///
/// # Errors
///
/// Fails like [`read()`], and with `InvalidData` if the text is not UTF-8.
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
/// assert!(ayi::fs::read_to_string("Cargo.toml").await?.contains("name ="));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let bytes = read(path).await?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Writes a file of these contents. An existing file is replaced.
///
/// # Errors
///
/// Returns what open(2) and write(2) report.
///
/// # Cancel safety
///
/// If the future is dropped, the file may have been made, and have any part of the contents.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let path = std::env::temp_dir().join(format!("ayi-write-{}", std::process::id()));
/// ayi::fs::write(&path, "tea").await?;
/// assert_eq!(ayi::fs::read_to_string(&path).await?, "tea");
/// # ayi::fs::remove_file(path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    // The contents are copied, because the kernel reads them until the end even if this future is dropped.
    let contents = contents.as_ref().to_vec();
    File::create(path).await?.write_all_at(contents, 0).await.0
}

/// Copies a file's contents and its permissions. Returns the number of bytes.
///
/// The pool does this by copy_file_range(2): the bytes never pass through this process. It does not wait for bytes that
/// a [`File`](crate::File) has taken and not written yet: flush them first.
///
/// # Errors
///
/// Fails like std's.
///
/// # Cancel safety
///
/// The operation goes on if the future is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let path = std::env::temp_dir().join(format!("ayi-copy-{}", std::process::id()));
/// let bytes = ayi::fs::copy("Cargo.toml", &path).await?;
/// assert_eq!(bytes, ayi::fs::metadata(&path).await?.len());
/// # ayi::fs::remove_file(path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    op::on_pool(move || std::fs::copy(from, to)).await
}
