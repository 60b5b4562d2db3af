//! Whole files at once.

use crate::buf::Pages;
use crate::{File, op};
use std::io;
use std::path::Path;

/// The room that a file's contents get at first. Most files are smaller; of the others the size is asked for.
const FIRST: usize = 16 * 1024;

/// What one read asks for at most: a large file is read in parts, so that others have a turn between them.
const PART: usize = 1024 * 1024;

/// All of a file's bytes.
///
/// # Errors
///
/// What open(2) and read(2) report.
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
    // What is known of a file that has just been read is at hand: no need for a thread.
    let metadata = file.std().metadata()?;
    let size = metadata.len().try_into().unwrap_or(usize::MAX);
    if metadata.is_file() && size == contents.len() {
        return Ok(contents);
    }
    // There may be more than that: the file may grow, and those in /proc say that they are empty.
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

/// All of a file's text.
///
/// # Errors
///
/// Like [`read()`]; `InvalidData` if it is not UTF-8.
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
/// assert!(ayi::fs::read_to_string("Cargo.toml").await?.contains("name ="));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let bytes = read(path).await?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Makes a file of these contents, or replaces those of one that is there.
///
/// # Errors
///
/// What open(2) and write(2) report.
///
/// # Cancel safety
///
/// The file may have been made, and have any part of the contents.
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
    // The kernel reads from it until the end, whatever becomes of this future: so it is copied.
    let contents = contents.as_ref().to_vec();
    File::create(path).await?.write_all_at(contents, 0).await.0
}

/// Copies a file's contents and its permissions. Returns the number of bytes.
///
/// On the pool, by copy_file_range(2): the bytes do not pass through this process at all. It does not wait for what a
/// [`File`](crate::File) has taken and not written yet: flush that first.
///
/// # Errors
///
/// As std's.
///
/// # Cancel safety
///
/// It goes on.
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
