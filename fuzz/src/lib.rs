//! Fuzz targets, as functions of bytes.
//!
//! ```sh
//! cargo install cargo-fuzz --locked
//! mkdir -p fuzz/found/http    # what is new goes into the first folder
//! cargo +nightly fuzz run --features libfuzzer http fuzz/found/http fuzz/corpus/http -- -dict=fuzz/dictionaries/http.dict
//! cargo test --manifest-path fuzz/Cargo.toml    # on any compiler: the corpora, and some random inputs
//! ```
//!
//! | target | what is fuzzed | compared with |
//! |---|---|---|
//! | `tasks` | tasks, their handles and wakers, runtimes that come and go | a model of each task |
//! | `timers` | the wheel of timers | a sorted set |
//! | `http` | the server of `examples/http` | a short parser, and the same bytes in one piece |
//! | `redis` | the server of `examples/mini_redis` | the same bytes in one piece |
//! | `recording` | the reader of `lens`, its analysis and its outputs | the sections that were written |
//!
//! An input fails if a property does not hold, which is a panic, or by AddressSanitizer. The header of each module
//! lists its properties.

mod http;
mod input;
mod recording;
mod redis;
mod talk;
mod tasks;
mod timers;

pub use http::run as http;
pub use recording::run as recording;
pub use redis::run as redis;
pub use tasks::run as tasks;
pub use timers::run as timers;

/// What the wheel has plugged in, in the runtime: nobody records here.
mod plugged {
    pub(crate) struct Recorder;

    impl Recorder {
        pub(crate) fn timer_fired(_: u32, _: u64) {}
    }
}
