//! tokio's API on the [ayi](https://docs.rs/ayi) runtime.
//!
//! This package is called `tokio`, so that it can take tokio's place in a whole workspace, dependencies included:
//!
//! ```toml
//! [patch.crates-io]
//! tokio = { path = "…/ayi/tokio" }
//! ```
//!
//! Everything is ayi's, in tokio's module tree. What is written here only adapts what differs: futures must be `Send`
//! where tokio demands that, which lets tasks go from one thread to another. `PARITY.md` lists what is missing.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

// The name says to those who meet a cycle of packages what to leave out.
extern crate ayi_without_its_features_tokio_hyper_and_serve as ayi;

pub mod runtime;
pub mod task;
pub mod time;

#[doc(no_inline)]
pub use ayi::{join, pin, select, task_local, try_join};
#[doc(no_inline)]
pub use ayi_macros::{tokio_main as main, tokio_test as test};
#[doc(no_inline)]
pub use task::spawn;

/// Reading and writing.
pub mod io {
    #[doc(no_inline)]
    pub use ayi::io::*;
}

/// Sockets.
pub mod net {
    #[doc(no_inline)]
    pub use ayi::net::*;
}

/// Channels, locks and signals between tasks.
pub mod sync {
    #[doc(no_inline)]
    pub use ayi::sync::*;
}

/// Files and directories.
#[cfg(feature = "fs")]
pub mod fs {
    #[doc(no_inline)]
    pub use ayi::fs::*;
}

/// What tokio's own macros expand to, which some crates name.
#[doc(hidden)]
pub mod macros {
    pub mod support {
        pub use std::future::{Future, IntoFuture, poll_fn};
        pub use std::pin::Pin;
        pub use std::task::{Context, Poll};
    }
}

/// Nothing: tokio's streams are in the crate `tokio-stream`.
pub mod stream {}

/// Child processes.
#[cfg(feature = "process")]
pub mod process {
    #[doc(no_inline)]
    pub use ayi::process::*;
}

#[cfg(feature = "signal")]
pub mod signal;

/// What tokio says where there is no runtime.
const NO_RUNTIME: &str =
    "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
