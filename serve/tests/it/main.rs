//! The tests of `ayi-serve`, in one program: it is compiled and linked once.

mod errors;
mod serve;
mod silence;
mod sockets;
mod support;
