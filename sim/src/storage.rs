//! The hosts' disks, seen from outside: what is on them before and after a run, and how they fail.

use crate::disk::{Disk, Faults, Ino, Op};
use crate::kernel::files::Files;
use crate::sim::Sim;
use crate::{Errno, Nanos};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

impl Sim {
    /// Writes a file to a host's disk, for example its configuration or its certificates. It replaces what was there,
    /// makes the directories that are missing, and is durable: a crash leaves it as it is.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name, if the path is not absolute, or if it cannot be written: because it is a
    /// directory, or the disk is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sim::Sim;
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> Result<(), ayi::sim::Failure> {
    /// let sim = Sim::new(42);
    /// sim.client("server", || async {
    ///     let port = ayi::fs::read_to_string("/etc/server/port").await?;
    ///     assert_eq!(port, "8080");
    ///     Ok::<(), std::io::Error>(())
    /// });
    /// sim.write_file("server", "/etc/server/port", "8080");
    /// sim.run()
    /// # }
    /// ```
    #[track_caller]
    pub fn write_file(&self, host: &str, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = path.as_ref();
        assert!(path.is_absolute(), "a host's file needs an absolute path, unlike {path:?}");
        let write = |files: &mut Files, now| {
            files.disk.without_faults(|disk| write_durably(disk, path, bytes.as_ref(), now))
        };
        if let Err(errno) = self.with_files(host, write) {
            let error = io::Error::from_raw_os_error(errno);
            panic!("cannot write {path:?} to the disk of host {host:?}: {error}");
        }
    }

    /// Reads a file of a host: what its programs see, which need not be durable. After a crash, it is.
    ///
    /// # Errors
    ///
    /// Fails like [`std::fs::read`]. It never fails with the errors of
    /// [`set_disk_errors`](Sim::set_disk_errors).
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sim::Sim;
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sim = Sim::new(42);
    /// sim.client("writer", || async { ayi::fs::write("/home/note", "tea").await });
    /// sim.run()?;
    /// assert_eq!(sim.read_file("writer", "/home/note")?, b"tea");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn read_file(&self, host: &str, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = path.as_ref().as_os_str().as_bytes();
        let read = |files: &mut Files, _| {
            files.disk.without_faults(|disk| {
                let ino = disk.lookup(Disk::ROOT, path, true)?;
                let mut bytes = vec![0; disk.size(ino)? as usize];
                disk.read_at(ino, 0, &mut bytes)?;
                Ok(bytes)
            })
        };
        self.with_files(host, read).map_err(io::Error::from_raw_os_error)
    }

    /// Sets the size of a host's disk. The default is 1 GiB. If more is in use than that, the disk is full.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sim::Sim;
    /// use std::io::ErrorKind;
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> Result<(), ayi::sim::Failure> {
    /// let sim = Sim::new(42);
    /// sim.client("writer", || async {
    ///     let error = ayi::fs::write("/tmp/much", vec![1; 2_000_000]).await.unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::StorageFull);
    /// });
    /// sim.set_disk_size("writer", 1_000_000);
    /// sim.run()
    /// # }
    /// ```
    #[track_caller]
    pub fn set_disk_size(&self, host: &str, bytes: u64) {
        self.with_files(host, |files, _| files.disk.set_capacity(bytes));
    }

    /// Sets the probabilities with which each read, each write and each sync of a host's files fails with the error EIO.
    /// The default is 0. What a sync that fails should have written is lost in a crash, even if a later sync succeeds: so
    /// does Linux.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sim::Sim;
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> Result<(), ayi::sim::Failure> {
    /// let sim = Sim::new(42);
    /// sim.client("reader", || async {
    ///     ayi::fs::write("/tmp/note", "tea").await?;
    ///     assert!(ayi::fs::read("/tmp/note").await.is_err());
    ///     Ok::<(), std::io::Error>(())
    /// });
    /// sim.set_disk_errors("reader", 1.0, 0.0, 0.0);
    /// sim.run()
    /// # }
    /// ```
    #[track_caller]
    pub fn set_disk_errors(&self, host: &str, read: f64, write: f64, sync: f64) {
        let faults = Faults { read_error: read, write_error: write, sync_error: sync };
        self.with_files(host, |files, _| files.disk.set_faults(faults));
    }

    /// Has the next sync of a host fail: fsync(2), fdatasync(2) or sync(2). The one after that succeeds, but does not make
    /// durable what the first one should have: see [`set_disk_errors`](Sim::set_disk_errors).
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::fs::File;
    /// use ayi::sim::Sim;
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> Result<(), ayi::sim::Failure> {
    /// let sim = Sim::new(42);
    /// sim.client("writer", || async {
    ///     let file = File::create("/tmp/note").await?;
    ///     assert!(file.sync_all().await.is_err());
    ///     file.sync_all().await
    /// });
    /// sim.fail_next_sync("writer");
    /// sim.run()
    /// # }
    /// ```
    #[track_caller]
    pub fn fail_next_sync(&self, host: &str) {
        self.with_files(host, |files, _| files.disk.fail(Op::Sync, libc::EIO));
    }

    #[track_caller]
    fn with_files<R>(&self, host: &str, f: impl FnOnce(&mut Files, Nanos) -> R) -> R {
        let id = self.id(host);
        let mut kernel = self.0.kernel.borrow_mut();
        let (files, now) = kernel.files_of(id);
        f(files, now)
    }
}

fn write_durably(disk: &mut Disk, path: &Path, bytes: &[u8], now: Nanos) -> Result<(), Errno> {
    make_directories(disk, path.parent().unwrap_or(path), now)?;
    let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
    let name = path.as_os_str().as_bytes();
    let ino = disk.open(Disk::ROOT, name, flags, 0o644, now)?;
    let written = write_all(disk, ino, bytes, now);
    disk.close(ino);
    written?;
    // All that is above it, whatever links lead there.
    for above in path.ancestors().skip(1) {
        let above = disk.lookup(Disk::ROOT, above.as_os_str().as_bytes(), true)?;
        disk.sync(above)?;
    }
    Ok(())
}

fn write_all(disk: &mut Disk, ino: Ino, bytes: &[u8], now: Nanos) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        done += disk.write_at(ino, done as u64, &bytes[done..], now)?;
    }
    disk.sync(ino)
}

fn make_directories(disk: &mut Disk, path: &Path, now: Nanos) -> Result<(), Errno> {
    let mut at = std::path::PathBuf::new();
    for part in path.components() {
        at.push(part);
        if !matches!(part, Component::Normal(_)) {
            continue;
        }
        match disk.mkdir(Disk::ROOT, at.as_os_str().as_bytes(), 0o755, now) {
            Ok(()) | Err(libc::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
