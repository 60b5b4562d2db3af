//! Files for the ayi runtime.
//!
//! Names and semantics are those of `tokio::fs`. Programs reach this crate as `ayi::fs`.
//!
//! epoll cannot wait for files: they are always "ready", and a read blocks the thread for as long as the disk takes. So
//! file operations go to the kernel as a whole, through io_uring(7), and the runtime's thread does something else
//! meanwhile. What is in the page cache is copied at once, without any thread between.
//!
//! ```
//! # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
//! # rt.block_on(async {
//! let (manifest, lib) = (ayi_fs::read_to_string("Cargo.toml").await?, ayi_fs::read("src/lib.rs").await?);
//! # assert!(!manifest.is_empty() && !lib.is_empty());
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```
//!
//! # What goes where
//!
//! | through the ring | on the blocking pool |
//! |---|---|
//! | opening: `open`, `create`, `OpenOptions` | `metadata`, `symlink_metadata`, `try_exists`: std's `Metadata` can be made by std alone |
//! | reading and writing, at an offset, of several buffers, one after the other | `set_len`, `set_permissions`: no operation before Linux 6.9, or none |
//! | `sync_all`, `sync_data` | `read_dir`, `read_link`, `canonicalize`: no operation |
//! | `rename`, `remove_file`, `remove_dir`, `create_dir`, `symlink`, `hard_link` | `copy`: copy_file_range(2) has none |
//! | `read`, `read_to_string`, `write`, which are made of these | `create_dir_all`, `remove_dir_all`: std's, as a whole; clones that read or write at the position that they share |
//!
//! Without io_uring (before Linux 6.1; where a container or the administrator forbids it; with
//! `Builder::io_uring(false)` or `AYI_IO_URING=0`) all of it goes to the pool, and is slower by what two threads cost that
//! wake each other. `RuntimeMetrics::uses_io_uring` tells which it is.
//!
//! # Panics
//!
//! All operations panic outside a runtime, when they are first polled.
//!
//! # Reading order
//!
//! `buf` (what the kernel is given) → `open_file` (what operations share) → `op` (an operation, either way) →
//! `open_options`, `sequential`, `waiters`, `file` → `paths`, `dir`, `whole`; with features of these names `tokio` and
//! `hyper` (their traits).

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]

mod buf;
mod dir;
mod file;
#[cfg(feature = "hyper")]
mod hyper;
mod op;
mod open_file;
mod open_options;
mod paths;
mod sequential;
#[cfg(feature = "tokio")]
mod tokio;
mod waiters;
mod whole;

pub use buf::{IoBuf, IoBufMut};
pub use dir::{DirBuilder, DirEntry, ReadDir, read_dir};
pub use file::File;
pub use open_options::OpenOptions;
pub use paths::{
    canonicalize, create_dir, create_dir_all, hard_link, metadata, read_link, remove_dir, remove_dir_all,
    remove_file, rename, set_permissions, symlink, symlink_metadata, try_exists,
};
pub use whole::{copy, read, read_to_string, write};
