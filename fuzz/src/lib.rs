//! Fuzz targets, as functions of bytes.

mod http;
mod input;
mod redis;
mod talk;
mod tasks;
mod timers;

pub use http::run as http;
pub use redis::run as redis;
pub use tasks::run as tasks;
pub use timers::run as timers;
