//! Which file belongs to which path, and which files belong to none.

use ayi::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The code, and what it means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status(pub &'static str);

impl Status {
    pub const OK: Status = Status("200 OK");
    pub const PARTIAL: Status = Status("206 Partial Content");
    pub const MOVED: Status = Status("301 Moved Permanently");
    pub const NOT_MODIFIED: Status = Status("304 Not Modified");
    pub const BAD_REQUEST: Status = Status("400 Bad Request");
    pub const NOT_FOUND: Status = Status("404 Not Found");
    pub const NOT_ALLOWED: Status = Status("405 Method Not Allowed");
    pub const TIMEOUT: Status = Status("408 Request Timeout");
    pub const NOT_SATISFIABLE: Status = Status("416 Range Not Satisfiable");
    pub const HEAD_TOO_LARGE: Status = Status("431 Request Header Fields Too Large");
    pub const INTERNAL: Status = Status("500 Internal Server Error");
    pub const UNAVAILABLE: Status = Status("503 Service Unavailable");
}

pub struct Tree {
    /// The root in canonical form: without links and dots.
    root: PathBuf,
}

pub enum Found {
    File(Box<Opened>),
    /// A directory, whose path should end with a slash: relative links on its page start there.
    Directory,
}

pub struct Opened {
    pub file: File,
    /// In bytes.
    pub len: u64,
    pub modified: SystemTime,
    pub content_type: &'static str,
}

impl Tree {
    pub async fn new(root: &str) -> io::Result<Tree> {
        let root = fs::canonicalize(root).await?;
        // This fails if it is no directory, or one that we may not read.
        fs::read_dir(&root).await?;
        Ok(Tree { root })
    }

    /// Finds what a request's path leads to. A path that ends with a slash is a directory's, and leads to its
    /// `index.html`.
    pub async fn find(&self, path: &str) -> Result<Found, Status> {
        let (mut path, is_directory) = relative(path)?;
        if is_directory {
            path.push("index.html");
        }
        let resolved = self.resolve(&path).await?;
        let known = fs::metadata(&resolved).await.map_err(status_of)?;
        if known.is_dir() {
            return if is_directory { Err(Status::NOT_FOUND) } else { Ok(Found::Directory) };
        }
        // Opening a pipe or a device could wait for ever, or have an effect.
        if !known.is_file() {
            return Err(Status::NOT_FOUND);
        }
        let mut options = OpenOptions::new();
        let file =
            options.read(true).custom_flags(libc::O_NOFOLLOW).open(&resolved).await.map_err(status_of)?;
        // The metadata are those of this file, and not of another that has got its name meanwhile.
        let known = file.metadata().await.map_err(status_of)?;
        let modified = known.modified().map_err(status_of)?;
        let opened = Opened { file, len: known.len(), modified, content_type: content_type(&path) };
        Ok(Found::File(Box::new(opened)))
    }

    /// Follows links, but not out of the tree, nor to anything hidden in it.
    async fn resolve(&self, path: &Path) -> Result<PathBuf, Status> {
        let resolved = fs::canonicalize(self.root.join(path)).await.map_err(status_of)?;
        let inside = resolved.strip_prefix(&self.root).map_err(|_| Status::NOT_FOUND)?;
        let is_hidden = inside.iter().any(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden { Err(Status::NOT_FOUND) } else { Ok(resolved) }
    }
}

/// Returns the path below the root, and whether it ends with a slash.
fn relative(path: &str) -> Result<(PathBuf, bool), Status> {
    let path = path.strip_prefix('/').ok_or(Status::BAD_REQUEST)?;
    let (names, last) = path.rsplit_once('/').map_or((None, path), |(names, last)| (Some(names), last));
    let names = names.into_iter().flat_map(|names| names.split('/'));
    let mut relative = PathBuf::new();
    for name in names.chain((!last.is_empty()).then_some(last)) {
        let name = decode(name).ok_or(Status::BAD_REQUEST)?;
        if name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(Status::BAD_REQUEST);
        }
        if name.is_empty() || name.starts_with('.') {
            return Err(Status::NOT_FOUND);
        }
        relative.push(name);
    }
    Ok((relative, last.is_empty()))
}

/// Replaces each `%` and two hexadecimal digits by the byte that they stand for.
fn decode(name: &str) -> Option<String> {
    let digit = |byte| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => (digit(bytes.next()?)? << 4) | digit(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// A file that does not exist, or that we may not read, is the client's affair. Other errors are ours.
fn status_of(error: io::Error) -> Status {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::EACCES | libc::ELOOP | libc::ENAMETOOLONG) => {
            Status::NOT_FOUND
        }
        code => {
            eprintln!("a file cannot be served: {error}");
            // Too many files are open, which passes.
            if matches!(code, Some(libc::EMFILE | libc::ENFILE)) {
                Status::UNAVAILABLE
            } else {
                Status::INTERNAL
            }
        }
    }
}
