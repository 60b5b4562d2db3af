//! Files: each host's disk, and what its program has open there.
//!
//! ```text
//!   descriptor ──▶ Description ──▶ OpenFile ──▶ inode ──▶ Disk
//!                  flags           position              of the host
//! ```
//!
//! Invariants:
//! 1. A disk is made when its host first needs it. What chance decides there follows from the seed and the host's number,
//!    not from what other hosts do.
//! 2. An open file counts as one open of its inode, until it is closed or the machine loses its power.
//! 3. A disk's times are those of the host's clock. Times before 1970 are kept as the bits of a negative number.
//! 4. What is old is written back when a file is used, and before a crash: see `Files::write_back_what_is_old`.
//!
//! Left out: the real device files, and /proc and /sys, which are empty.

mod data;
mod locks;
mod paths;

use super::Kernel;
use super::descriptors::{Fd, Kind};
use super::hosts::HostId;
use super::slab::Key;
use crate::disk::{CrashFaults, Disk, Ino};
use crate::{Errno, Nanos, Rng};
pub(crate) use data::Sync;
use locks::Locks;
pub(crate) use locks::{Owner, Range};
pub(crate) use paths::Path;
use std::collections::BTreeMap;

/// The size of a disk in bytes, unless the user sets another one.
const SIZE: u64 = 1 << 30;

/// How long names and data stay volatile at most, in nanoseconds. They are the defaults of ext4's `commit` and of
/// `vm.dirty_expire_centisecs`.
const NAMES_EXPIRE: Nanos = 5_000_000_000;
const DATA_EXPIRES: Nanos = 30_000_000_000;

/// What an fsync(2) costs, in nanoseconds: that of a fast disk with little to write, and of a busy one.
const SYNC: (Nanos, Nanos) = (50_000, 2_000_000);

/// So many bytes are copied in a nanosecond.
const BYTES_PER_NANO: Nanos = 8;

/// The directories of a new disk, with their permissions.
const DIRECTORIES: &[(&[u8], u32)] = &[
    (b"/dev", 0o755),
    (b"/dev/shm", 0o1777),
    (b"/etc", 0o755),
    (b"/home", 0o755),
    (b"/opt", 0o755),
    (b"/proc", 0o555),
    (b"/root", 0o700),
    (b"/run", 0o755),
    (b"/srv", 0o755),
    (b"/tmp", 0o1777),
    (b"/var", 0o755),
    (b"/var/lib", 0o755),
    (b"/var/log", 0o755),
    (b"/var/tmp", 0o1777),
];

const DEVICES: &[(&[u8], Device)] = &[
    (b"/dev/full", Device::Full),
    (b"/dev/null", Device::Null),
    (b"/dev/random", Device::Random),
    (b"/dev/urandom", Device::Random),
    (b"/dev/zero", Device::Zero),
];

/// A character device: null(4), random(4), full(4).
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Device {
    Full,
    Null,
    Random,
    Zero,
}

impl Device {
    /// The minor number. The major one of all is 1.
    pub(crate) fn minor(self) -> u32 {
        match self {
            Device::Null => 3,
            Device::Zero => 5,
            Device::Full => 7,
            Device::Random => 9,
        }
    }
}

/// What a host keeps, and what the file calls know of its program.
pub(crate) struct Files {
    pub(crate) disk: Disk,
    /// How often the machine has lost its power.
    boot: u32,
    /// The machine loses its power in the middle of a sync.
    is_in_sync: bool,
    /// The working directory, which is open.
    directory: Ino,
    umask: u32,
    devices: BTreeMap<Ino, Device>,
    /// The pipes of fifos that are open, or were.
    pipes: BTreeMap<Ino, Key>,
    locks: Locks,
    /// Since when, in simulated time, names and data have not been written back.
    names_since: Nanos,
    data_since: Nanos,
    rng: Rng,
}

/// What a descriptor of a file stands for.
pub(crate) struct OpenFile {
    ino: Ino,
    device: Option<Device>,
    boot: u32,
    position: u64,
    /// How many failed syncs of the inode this description knows of.
    failed_syncs: u64,
}

/// A description of a file, copied out of the kernel.
#[derive(Clone, Copy)]
struct Opened {
    key: Key,
    ino: Ino,
    device: Option<Device>,
    flags: i32,
    position: u64,
}

impl Opened {
    fn may_read(&self) -> Result<(), Errno> {
        let may = self.flags & libc::O_PATH == 0 && self.flags & libc::O_ACCMODE != libc::O_WRONLY;
        if may { Ok(()) } else { Err(libc::EBADF) }
    }

    fn may_write(&self) -> Result<(), Errno> {
        let may = self.flags & libc::O_PATH == 0 && self.flags & libc::O_ACCMODE != libc::O_RDONLY;
        if may { Ok(()) } else { Err(libc::EBADF) }
    }

    /// One that was opened with O_PATH has no content.
    fn has_content(&self) -> Result<(), Errno> {
        if self.flags & libc::O_PATH == 0 { Ok(()) } else { Err(libc::EBADF) }
    }
}

impl Files {
    fn new(mut rng: Rng, now: Nanos) -> Files {
        let mut disk = Disk::new(SIZE, rng.fork(), now);
        let mut devices = BTreeMap::new();
        for (path, mode) in DIRECTORIES {
            disk.mkdir(Disk::ROOT, path, *mode, now).expect("a new disk has room");
        }
        for (path, device) in DEVICES {
            disk.mknod(Disk::ROOT, path, libc::S_IFCHR | 0o666, now).expect("a new disk has room");
            let ino = disk.lookup(Disk::ROOT, path, true).expect("it was just made");
            devices.insert(ino, *device);
        }
        disk.write_back();
        disk.reopen(Disk::ROOT).expect("there is a root");
        Files {
            pipes: BTreeMap::new(),
            disk,
            boot: 0,
            is_in_sync: false,
            directory: Disk::ROOT,
            umask: 0o022,
            devices,
            locks: Locks::default(),
            names_since: 0,
            data_since: 0,
            rng,
        }
    }

    /// Does what the kernel's threads do, which write back what has been volatile for long. `now` is simulated time.
    fn write_back_what_is_old(&mut self, now: Nanos) {
        // A program may be ahead of the one before it.
        if now.saturating_sub(self.data_since) >= DATA_EXPIRES {
            self.disk.write_back();
            (self.names_since, self.data_since) = (now, now);
        } else if now.saturating_sub(self.names_since) >= NAMES_EXPIRE {
            self.disk.commit();
            self.names_since = now;
        }
    }

    /// Makes the next process begin where each does.
    fn reset_process(&mut self) {
        self.locks = Locks::default();
        self.umask = 0o022;
        self.change_directory(Disk::ROOT);
    }

    fn change_directory(&mut self, to: Ino) {
        self.disk.reopen(to).expect("the caller has looked it up");
        self.disk.close(self.directory);
        self.directory = to;
    }
}

impl Kernel {
    /// Returns what `host` has, and the time of its clock.
    pub(crate) fn files_of(&mut self, host: HostId) -> (&mut Files, Nanos) {
        let (now, seed) = (self.now, self.seed);
        let host_is = self.host(host);
        let time = host_is.clock.time_of_day(now);
        let make = || Box::new(Files::new(Rng::new(seed ^ (u64::from(host + 1) << 48)), time));
        let files = host_is.files.get_or_insert_with(make);
        files.write_back_what_is_old(now);
        (files, time)
    }

    /// Like [`files_of`](Self::files_of), for the host whose program runs.
    pub(crate) fn files(&mut self) -> Result<(&mut Files, Nanos), Errno> {
        let here = self.here()?;
        Ok(self.files_of(here))
    }

    /// Returns what the descriptor of a file stands for, or the error of the call on anything else.
    fn opened(&mut self, fd: Fd, otherwise: Errno) -> Result<Opened, Errno> {
        let key = self.description(fd)?;
        let description = &self.descriptions[key];
        let Kind::File(file) = &description.kind else { return Err(otherwise) };
        let (ino, device, position) = (file.ino, file.device, file.position);
        Ok(Opened { key, ino, device, flags: description.flags, position })
    }

    fn open_file(&mut self, key: Key) -> &mut OpenFile {
        match &mut self.descriptions[key].kind {
            Kind::File(file) => file,
            _ => unreachable!("`opened` has looked"),
        }
    }

    /// The last descriptor of a file is closed.
    pub(crate) fn close_file(&mut self, file: OpenFile, key: Key, host: HostId) {
        let Some(files) = &mut self.host(host).files else { return };
        if files.boot == file.boot {
            files.locks.forget(file.ino, key);
            files.disk.close(file.ino);
        }
    }

    /// The program of `host` has ended. What a machine without power had not written is lost.
    pub(crate) fn end_files(&mut self, host: HostId, loses_power: bool) {
        if self.host(host).files.is_none() {
            return;
        }
        let (files, _) = self.files_of(host);
        files.reset_process();
        if loses_power {
            files.boot += 1;
            let faults = match std::mem::take(&mut files.is_in_sync) {
                true => CrashFaults::draw_in_a_sync(&mut files.rng),
                false => CrashFaults::draw(&mut files.rng),
            };
            files.disk.crash(&mut files.rng, &faults);
            files.disk.reopen(Disk::ROOT).expect("there is a root");
        }
    }

    /// Charges for bytes that are copied.
    fn charge_bytes(&mut self, count: usize) {
        self.charge_nanos(count as Nanos / BYTES_PER_NANO);
    }
}
