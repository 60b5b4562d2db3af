//! What is done with paths.

use crate::op::{self, WithPath, WithPaths};
use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// Gives a file another name. One that has that name already is replaced, in one step.
///
/// # Errors
///
/// What rename(2) reports; `CrossesDevices` if the new name is on another file system.
///
/// # Cancel safety
///
/// It may have been done.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    op::with_paths(WithPaths::Rename, from.as_ref(), to.as_ref()).await
}

/// Makes a second name for a file.
///
/// # Errors
///
/// What link(2) reports.
///
/// # Cancel safety
///
/// It may have been done.
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    op::with_paths(WithPaths::HardLink, original.as_ref(), link.as_ref()).await
}

/// Makes a symbolic link, which says `original`.
///
/// # Errors
///
/// What symlink(2) reports.
///
/// # Cancel safety
///
/// It may have been done.
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    op::with_paths(WithPaths::Symlink, original.as_ref(), link.as_ref()).await
}

/// Removes a file's name. The file goes when it has no other and nobody has it open.
///
/// # Errors
///
/// What unlink(2) reports.
///
/// # Cancel safety
///
/// It may have been done.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    op::with_path(WithPath::RemoveFile, path.as_ref()).await
}

/// Removes an empty directory.
///
/// # Errors
///
/// What rmdir(2) reports: `DirectoryNotEmpty`…
///
/// # Cancel safety
///
/// It may have been done.
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    op::with_path(WithPath::RemoveDir, path.as_ref()).await
}

/// Removes a directory and all that is in it. Symbolic links are removed, not followed.
///
/// # Errors
///
/// As std's: what has been removed by then stays removed.
///
/// # Cancel safety
///
/// It goes on.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::remove_dir_all(path)).await
}

/// Makes a directory.
///
/// # Errors
///
/// What mkdir(2) reports: `AlreadyExists`…
///
/// # Cancel safety
///
/// It may have been done.
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    op::with_path(WithPath::CreateDir(0o777), path.as_ref()).await
}

/// Makes a directory, and those above it that are missing. If it is there, all is well.
///
/// # Errors
///
/// As std's.
///
/// # Cancel safety
///
/// It goes on.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::create_dir_all(path)).await
}

/// What is known of a file. Symbolic links are followed.
///
/// # Errors
///
/// What stat(2) reports.
///
/// # Cancel safety
///
/// Nothing is lost.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::metadata(path)).await
}

/// What is known of a file, or of a symbolic link itself.
///
/// # Errors
///
/// What lstat(2) reports.
///
/// # Cancel safety
///
/// Nothing is lost.
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::symlink_metadata(path)).await
}

/// Whether there is something at `path`. A symbolic link that leads nowhere is nothing.
///
/// # Errors
///
/// If that cannot be found out, for lack of permission say.
///
/// # Cancel safety
///
/// Nothing is lost.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || path.try_exists()).await
}

/// The path without `.`, `..` and symbolic links.
///
/// # Errors
///
/// What realpath(3) reports.
///
/// # Cancel safety
///
/// Nothing is lost.
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::canonicalize(path)).await
}

/// What a symbolic link says.
///
/// # Errors
///
/// What readlink(2) reports.
///
/// # Cancel safety
///
/// Nothing is lost.
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::read_link(path)).await
}

/// Changes who may do what with a file.
///
/// # Errors
///
/// What chmod(2) reports.
///
/// # Cancel safety
///
/// It may have been done.
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    op::on_pool(move || std::fs::set_permissions(path, permissions)).await
}
