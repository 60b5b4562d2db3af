//! The tests of `ayi-serve`, in one program, so that only one is compiled and linked.

mod errors;
mod serve;
mod silence;
mod sockets;
mod support;
