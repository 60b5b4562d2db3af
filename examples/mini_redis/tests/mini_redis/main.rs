//! The server, seen from outside: by a client of bytes, by redis-cli and redis-benchmark, and compared with
//! redis-server.
//!
//! Some tests need Debian's packages `redis-server` and `redis-tools`. Without them they are skipped, and say so. With
//! the variable `CI` set they fail.

mod commands;
mod deadlines;
mod limits;
mod malformed;
mod messages;
mod pieces;
mod programs;
mod server;
mod stop;
mod turns;
