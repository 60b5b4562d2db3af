//! A small Redis, for `redis-cli`, `redis-benchmark` and clients in other languages. It has keys and values with
//! deadlines, and publishing to subscribers. It has pipelining, limits on what clients can make grow, and a stop that
//! answers what has arrived.
//!
//! ```sh
//! cargo run --release -p mini_redis
//! redis-cli set tea hot ex 60
//! redis-benchmark -t get,set,incr,mset -P 16 -q
//! redis-server --port 6380 --save "" --appendonly no    # the real one, to ask the same of it with -p 6380
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | starts, and stops on Ctrl-C |
//! | `server` | accepts connections; what they share |
//! | `connection` | talks with one client: reads requests, has them executed, sends replies |
//! | `commands` | which code belongs to which name: a table; what is common to all commands |
//! | `commands/strings`, `commands/keys` | values; which keys there are, and for how long |
//! | `commands/messages`, `commands/talk` | publishing; what a client asks about the server and itself |
//! | `store` | keys, values, deadlines, and the task that removes what is due |
//! | `pubsub` | channels, patterns, and the mail of subscribers |
//! | `resp` | the protocol: requests from bytes, replies to bytes |
//! | `input`, `bell`, `glob`, `args` | a buffer; a word to a task that waits; patterns; the command line |
//! | `simulated` | tests on a simulated network |
//! | `turn` | how much is done for one client before the others get a turn |
//!
//! Everything is on one thread, so connections share cells. One rule keeps that safe: *no borrow lives across an
//! `.await`*. Between two `.await`s no other task runs, so a command is atomic, as in Redis. The exceptions are
//! commands whose work grows with what others have stored, or with the pattern: KEYS, PUBLISH, FLUSHALL, DEL and EXISTS
//! with very many keys, and commands about many subscriptions. They give way in between, so that no other client waits
//! for them, and `commands` says what they promise. MSET and MGET are always atomic. They are bounded by what a client
//! sends: a million arguments, which are the most, take 0.1 to 0.2 s.
//!
//! Texts of errors are Redis' own. Left out: storing data (files, replicas), types other than strings, and
//! transactions. Limits are smaller than Redis': a key or value may have 8 MiB, a request 16, the replies to one 64. 16
//! MiB may wait for a subscriber, who is cut off after that. As in Redis, there is no limit on keys unless
//! `--max-memory` sets one, nor on how many channels a client listens to. 10,000 clients may be here at once
//! (`--maxclients`), and be silent for as long as they like unless there is a `--timeout`.

mod args;
mod bell;
mod commands;
mod connection;
mod glob;
mod input;
mod pubsub;
mod resp;
mod server;
#[cfg(test)]
mod simulated;
mod store;
mod turn;

use ayi::net::TcpListener;
use ayi::runtime::shutdown;
use ayi::signal::termination;
use ayi::time::Duration;
use cli::{Context, Failure};
use server::Server;
use std::process::ExitCode;
use std::rc::Rc;

/// How long clients have, when the server is to end, to take their replies.
const LIMIT: Duration = Duration::from_secs(5);

#[ayi::main]
async fn main() -> Result<ExitCode, Failure> {
    let args = args::read();
    let mut termination = termination()?;
    let cannot = format!("cannot listen on {}", args.address);
    let listener = TcpListener::bind(&*args.address).await.context(cannot)?;
    println!("listening on {}", listener.local_addr()?);
    let server = Rc::new(Server::new(&args));
    ayi::select! {
        Err(error) = server::run(&server, listener) => return Err(error.into()),
        _ = termination.recv() => {}
    }
    // Nobody listens any longer: the future that had the listener is gone.
    ayi::select! {
        report = shutdown(LIMIT) => {
            if !report.is_clean() {
                eprintln!("{report}");
            }
            Ok(ExitCode::SUCCESS)
        }
        // The exit code that a shell would report.
        signal = termination.recv() => Ok(ExitCode::from(128 + signal.as_raw_value() as u8)),
    }
}
