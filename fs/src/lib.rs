//! Files for the [`ayi`](https://docs.rs/ayi) runtime, through io_uring(7). Users take the façade crate `ayi`, which has
//! all of this as `ayi::fs`, with a table of what goes through the ring and what to the blocking pool.
//!
//! [`File::read_at`] gives the proactor an operation with its buffer. At the next turn one `io_uring_enter` takes all that
//! were asked for; what is in the page cache is copied within that call. What waits for a disk is completed later: the
//! kernel rings the runtime's bell. A future that is dropped leaves its buffer to the proactor until the kernel is done with
//! it. Where io_uring is refused, `op` does the same on the blocking pool.
//!
//! # Reading order
//!
//! `buf` (what the kernel is given) → `open_file` (what operations share) → `op` (an operation, either way) →
//! `open_options`, `sequential`, `waiters`, `file` → `paths`, `dir`, `whole`.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]

mod buf;
mod dir;
mod file;
mod op;
mod open_file;
mod open_options;
mod paths;
mod raw;
mod sequential;
mod times;
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
pub use times::FileTimes;
pub use whole::{copy, read, read_to_string, write};
