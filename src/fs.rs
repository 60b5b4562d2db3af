//! Files and directories, through io_uring.
//!
//! Names and semantics are those of `tokio::fs`.
//!
//! epoll cannot wait for files: they are always "ready", and a read blocks the thread for as long as the disk takes. So
//! file operations go to the kernel as a whole, through io_uring(7), and the runtime's thread does something else
//! meanwhile. What is in the page cache is copied at once, without any other thread.
//!
//! ```
//! # #[ayi::main]
//! # async fn main() -> std::io::Result<()> {
//! let (manifest, lib) = (ayi::fs::read_to_string("Cargo.toml").await?, ayi::fs::read("src/lib.rs").await?);
//! # assert!(!manifest.is_empty() && !lib.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # What goes where
//!
//! | through the ring | on the blocking pool |
//! |---|---|
//! | opening: [`File::open`], [`File::create`], [`OpenOptions`] | [`metadata`], [`symlink_metadata`], [`try_exists`]: only std can make its `Metadata` |
//! | reading and writing, at an offset, of several buffers, one after the other | [`File::set_len`], [`set_permissions`]: io_uring has no operation for them, or none before Linux 6.9 |
//! | [`File::sync_all`], [`File::sync_data`] | [`read_dir`], [`read_link`], [`canonicalize`]: io_uring has no operation for them |
//! | [`rename`], [`remove_file`], [`remove_dir`], [`create_dir`], [`symlink`], [`hard_link`] | [`copy`]: io_uring has none for copy_file_range(2) |
//! | [`read`], [`read_to_string`], [`write()`], which are made of these | [`create_dir_all`], [`remove_dir_all`]: std's, as a whole; clones that read or write at the position that they share |
//!
//! Without io_uring everything goes to the pool, and each operation costs what two threads cost that wake each other.
//! This is so before Linux 6.1, where a container or the administrator forbids io_uring, with
//! [`Builder::io_uring(false)`](crate::runtime::Builder::io_uring) and with `AYI_IO_URING=0`.
//! [`RuntimeMetrics::uses_io_uring`](crate::runtime::RuntimeMetrics::uses_io_uring) tells which it is.
//!
//! # From one runtime to another
//!
//! An operation begins in the runtime in which it is first polled, and ends there. Its future may go anywhere meanwhile: a
//! task that moves to another core, and a future that another thread or another executor polls, get the result like one
//! that stays. That costs a message to the thread of that runtime. If no thread is in `block_on` of it, an operation
//! that goes through the ring ends in the next `block_on`. If it has ended, the operation fails, unless it was done by then.
//!
//! A [`File`] belongs to no runtime: each of its operations begins in the one that polls it. What it has taken to write is
//! written where that has begun.
//!
//! # Panics
//!
//! All operations panic outside a runtime, when they are first polled. This concerns each step of what is made of several,
//! such as [`read`] and the rest of a write that the system has cut short.

#[doc(inline)]
pub use ayi_fs::*;
