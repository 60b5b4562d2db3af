//! How a file is opened.

use crate::{File, op};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The options for opening a file. Methods and rules are those of std's.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let path = std::env::temp_dir().join(format!("ayi-open-options-{}", std::process::id()));
/// use ayi::fs::OpenOptions;
/// let log = OpenOptions::new().append(true).create(true).open(&path).await?;
/// # drop(log);
/// # ayi::fs::remove_file(path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: u32,
    custom_flags: i32,
    /// Options of std that these were made from. They cannot be asked what they are, so std opens the file, and is told
    /// what is set afterwards.
    of_std: Option<std::fs::OpenOptions>,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            custom_flags: 0,
            of_std: None,
        }
    }
}

impl OpenOptions {
    /// Makes options of which none is set.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// Opens the file for reading.
    pub fn read(&mut self, read: bool) -> &mut OpenOptions {
        self.read = read;
        self.tell_std(|std| std.read(read))
    }

    /// Opens the file for writing. Its contents stay, except for what is overwritten.
    pub fn write(&mut self, write: bool) -> &mut OpenOptions {
        self.write = write;
        self.tell_std(|std| std.write(write))
    }

    /// Opens the file for writing at the end, wherever the end is at that time.
    pub fn append(&mut self, append: bool) -> &mut OpenOptions {
        self.append = append;
        self.tell_std(|std| std.append(append))
    }

    /// Discards the contents of the file. It needs [`write`](OpenOptions::write).
    pub fn truncate(&mut self, truncate: bool) -> &mut OpenOptions {
        self.truncate = truncate;
        self.tell_std(|std| std.truncate(truncate))
    }

    /// Makes the file if there is none. It needs `write` or `append`.
    pub fn create(&mut self, create: bool) -> &mut OpenOptions {
        self.create = create;
        self.tell_std(|std| std.create(create))
    }

    /// Makes the file, and fails if there is one, or a symbolic link. It needs `write` or `append`; `create` and
    /// `truncate` have no effect then.
    pub fn create_new(&mut self, create_new: bool) -> &mut OpenOptions {
        self.create_new = create_new;
        self.tell_std(|std| std.create_new(create_new))
    }

    /// Sets the permissions of a file that is made, less the process's umask. The default is `0o666`.
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.mode = mode;
        self.tell_std(|std| std.mode(mode))
    }

    /// Sets other flags of open(2), for example `O_DIRECT`. Those of the access mode are ignored.
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.custom_flags = flags;
        self.tell_std(|std| std.custom_flags(flags))
    }

    /// Opens the file at `path`. A fifo is open when its other end is, too: this waits for that.
    ///
    /// # Errors
    ///
    /// Returns what open(2) reports: `NotFound`, `PermissionDenied`, `AlreadyExists`…; `InvalidInput` if the options
    /// contradict each other, or the path has a zero byte in it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may have been made or truncated; it is not left open.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let dir = std::env::temp_dir().join(format!("ayi-doc-options-open-{}", std::process::id()));
    /// # ayi::fs::create_dir(&dir).await?;
    /// let file = ayi::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join("file")).await?;
    /// # drop(file);
    /// # ayi::fs::remove_dir_all(dir).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        if let Some(std) = self.of_std.clone() {
            let path = path.as_ref().to_owned();
            return op::on_pool(move || std.open(path)).await.map(File::from_std);
        }
        let flags = self.flags()?;
        op::open(path.as_ref(), flags, self.mode).await.map(File::from_std)
    }

    fn tell_std(
        &mut self,
        set: impl FnOnce(&mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions,
    ) -> &mut OpenOptions {
        self.of_std.as_mut().map(set);
        self
    }

    fn flags(&self) -> io::Result<libc::c_int> {
        let invalid = |reason| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        let access = match (self.read, self.write, self.append) {
            (true, false, false) => libc::O_RDONLY,
            (false, true, false) => libc::O_WRONLY,
            (true, true, false) => libc::O_RDWR,
            (false, _, true) => libc::O_WRONLY | libc::O_APPEND,
            (true, _, true) => libc::O_RDWR | libc::O_APPEND,
            (false, false, false) => {
                return invalid("what a file is opened for must be said: set read, write or append");
            }
        };
        if self.append && self.truncate && !self.create_new {
            return invalid("append and truncate contradict each other");
        }
        if !self.write && !self.append && (self.truncate || self.create || self.create_new) {
            return invalid(
                "a file that is only read is neither made nor truncated: set write or append too",
            );
        }
        let creation = match (self.create, self.truncate, self.create_new) {
            (_, _, true) => libc::O_CREAT | libc::O_EXCL,
            (true, true, _) => libc::O_CREAT | libc::O_TRUNC,
            (true, false, _) => libc::O_CREAT,
            (false, true, _) => libc::O_TRUNC,
            (false, false, _) => 0,
        };
        Ok(libc::O_CLOEXEC | access | creation | (self.custom_flags & !libc::O_ACCMODE))
    }
}

/// The file is then opened by std, on a thread of the blocking pool.
impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(options: std::fs::OpenOptions) -> OpenOptions {
        OpenOptions { of_std: Some(options), ..OpenOptions::default() }
    }
}
