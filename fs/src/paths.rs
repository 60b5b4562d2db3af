//! Operations on paths.

use crate::op::{self, WithPath, WithPaths};
use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// Renames a file. A file that has the new name already is replaced, in one step. It does not wait for bytes that a
/// [`File`](crate::File) has taken and not written yet: flush them first.
///
/// # Errors
///
/// Returns what rename(2) reports: `CrossesDevices` if the new name is on another file system.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-rename-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let (old, new) = (dir.join("old"), dir.join("new"));
/// # ayi::fs::write(&old, "tea").await?;
/// ayi::fs::rename(&old, &new).await?;
/// assert_eq!(ayi::fs::read(&new).await?, b"tea");
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    op::with_paths(WithPaths::Rename, from.as_ref(), to.as_ref()).await
}

/// Makes a second name for a file.
///
/// # Errors
///
/// Returns what link(2) reports.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-hard-link-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let (name, other) = (dir.join("name"), dir.join("other"));
/// # ayi::fs::write(&name, "tea").await?;
/// ayi::fs::hard_link(&name, &other).await?;
/// ayi::fs::remove_file(&name).await?;
/// assert_eq!(ayi::fs::read(&other).await?, b"tea"); // the file has one name left
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    op::with_paths(WithPaths::HardLink, original.as_ref(), link.as_ref()).await
}

/// Makes a symbolic link to `original`.
///
/// # Errors
///
/// Returns what symlink(2) reports.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-symlink-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let (name, link) = (dir.join("name"), dir.join("link"));
/// # ayi::fs::write(&name, "tea").await?;
/// ayi::fs::symlink(&name, &link).await?;
/// assert_eq!(ayi::fs::read_link(&link).await?, name);
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    op::with_paths(WithPaths::Symlink, original.as_ref(), link.as_ref()).await
}

/// Removes a file's name. The file is deleted when it has no other name and nobody has it open.
///
/// # Errors
///
/// Returns what unlink(2) reports.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-remove-file-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let path = dir.join("file");
/// # ayi::fs::write(&path, "tea").await?;
/// ayi::fs::remove_file(&path).await?;
/// assert!(!ayi::fs::try_exists(&path).await?);
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    op::with_path(WithPath::RemoveFile, path.as_ref()).await
}

/// Removes an empty directory.
///
/// # Errors
///
/// Returns what rmdir(2) reports: `DirectoryNotEmpty`…
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-remove-dir-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let path = dir.join("empty");
/// # ayi::fs::create_dir(&path).await?;
/// ayi::fs::remove_dir(&path).await?;
/// assert!(!ayi::fs::try_exists(&path).await?);
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    op::with_path(WithPath::RemoveDir, path.as_ref()).await
}

/// Removes a directory and everything in it. Symbolic links are removed, not followed.
///
/// # Errors
///
/// Fails like std's: what has been removed by then stays removed.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-remove-dir-all-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let path = dir.join("full");
/// # ayi::fs::create_dir_all(path.join("a/b")).await?;
/// ayi::fs::remove_dir_all(&path).await?;
/// assert!(!ayi::fs::try_exists(&path).await?);
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::remove_dir_all(path)).await
}

/// Makes a directory.
///
/// # Errors
///
/// Returns what mkdir(2) reports: `AlreadyExists`…
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-create-dir-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let path = dir.join("new");
/// ayi::fs::create_dir(&path).await?;
/// assert!(ayi::fs::metadata(&path).await?.is_dir());
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    op::with_path(WithPath::CreateDir(0o777), path.as_ref()).await
}

/// Makes a directory and its missing parents. It succeeds if the directory exists already.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-create-dir-all-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// ayi::fs::create_dir_all(dir.join("a/b/c")).await?;
/// # assert!(ayi::fs::metadata(dir.join("a/b/c")).await?.is_dir());
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::create_dir_all(path)).await
}

/// Returns the metadata of a file, and follows symbolic links. It does not wait for bytes that a [`File`](crate::File)
/// has taken and not written yet: flush them first.
///
/// # Errors
///
/// Returns what stat(2) reports.
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
/// assert!(ayi::fs::metadata("Cargo.toml").await?.len() > 0);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::metadata(path)).await
}

/// Returns the metadata of a file. For a symbolic link, they are those of the link itself.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-symlink-metadata-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let link = dir.join("link");
/// # ayi::fs::symlink("nowhere", &link).await?;
/// assert!(ayi::fs::symlink_metadata(&link).await?.is_symlink());
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::symlink_metadata(path)).await
}

/// Returns whether there is something at `path`. A symbolic link that leads nowhere counts as nothing.
///
/// # Errors
///
/// Fails if that cannot be found out, for example for lack of permission.
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
/// assert!(ayi::fs::try_exists("Cargo.toml").await? && !ayi::fs::try_exists("nowhere").await?);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || path.try_exists()).await
}

/// Returns the path without `.`, `..` and symbolic links.
///
/// # Errors
///
/// Returns what realpath(3) reports.
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
/// assert!(ayi::fs::canonicalize("src/../src/lib.rs").await?.ends_with("src/lib.rs"));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::canonicalize(path)).await
}

/// Returns the target of a symbolic link.
///
/// # Errors
///
/// Returns what readlink(2) reports.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-read-link-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let link = dir.join("link");
/// ayi::fs::symlink("nowhere", &link).await?;
/// assert_eq!(ayi::fs::read_link(&link).await?.to_str(), Some("nowhere"));
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::read_link(path)).await
}

/// Changes the permissions of a file.
///
/// # Errors
///
/// Returns what chmod(2) reports.
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
/// # let dir = std::env::temp_dir().join(format!("ayi-doc-set-permissions-{}", std::process::id()));
/// # ayi::fs::create_dir(&dir).await?;
/// # let path = dir.join("file");
/// # ayi::fs::write(&path, "tea").await?;
/// let mut permissions = ayi::fs::metadata(&path).await?.permissions();
/// permissions.set_readonly(true);
/// ayi::fs::set_permissions(&path, permissions).await?;
/// # ayi::fs::remove_dir_all(dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::set_permissions(path, permissions)).await
}
