//! The examples as programs, seen from outside.
//!
//! They are apart from `tests/it` because they raise the limit of open files for the whole process.

#[path = "../servers/mod.rs"]
mod servers;
#[path = "../support/mod.rs"]
mod support;

mod cores;
mod files;
mod help;
mod http;
mod http_limits;
mod http_stop;
mod ported;
mod production;
mod restart;
mod scale_out;
mod small;
mod stdio;
mod supervisor;
