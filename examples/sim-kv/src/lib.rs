//! A key-value store on several servers, which agree by [Raft](https://raft.github.io/raft.pdf). It goes on while a
//! majority of the servers runs, and loses no answered operation when servers crash. Sections (§) in comments are those
//! of the paper, in its extended version.
//!
//! | file | what it does |
//! |---|---|
//! | `command` | what clients ask for, and the entries of the log |
//! | `config` | who the servers are; all times and sizes |
//! | `wire` | values to bytes and back; frames on a connection |
//! | `storage` | the term, the vote and the log, on the disk |
//! | `store` | the state machine: keys, values, and the last request of each client |
//! | `raft` | the protocol: elections, replication, commit |
//! | `peers` | sends messages to the other servers |
//! | `server` | accepts connections, and runs the protocol |
//! | `client` | asks until a server answers |
//! | `history` | records what clients asked, and what they were answered |
//! | `linearizable` | judges a history |
//! | `applied` | asserts in tests that all servers apply the same |
//! | `random` | random numbers |
//!
//! Left out: changes of the set of servers, snapshots, and a round of questions before an election (§9.6 of the thesis).
//! The log only grows, and a server applies all of it again when it starts.

mod applied;
pub mod client;
pub mod command;
pub mod config;
pub mod history;
pub mod linearizable;
mod peers;
mod raft;
mod random;
pub mod server;
pub mod storage;
mod store;
pub mod wire;

pub use applied::Applied;
pub use client::{Client, Unknown};
pub use config::Config;
pub use history::History;
pub use server::{serve, server};
