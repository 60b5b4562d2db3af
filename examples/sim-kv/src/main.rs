//! A server of the replicated key-value store, or a client of it. The library has the table of files.
//!
//! ```sh
//! for id in 1 2 3; do cargo run --release -p sim-kv -- serve --id $id --dir /tmp/kv-$id & done
//! cargo run --release -p sim-kv -- put tea hot
//! cargo run --release -p sim-kv -- get tea
//! ```

mod args;

use args::{Args, Command};
use sim_kv::command::Op;
use sim_kv::{Client, Config, History, server};
use std::process::ExitCode;

#[ayi::main]
async fn main() -> ExitCode {
    let Args { command, addresses } = args::read();
    let result = match command {
        Command::Serve { id, dir } => {
            let config = Config::new(id, dir, addresses);
            println!("server {id} listens on {}", config.address());
            server(config).await.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
        }
        Command::Ask(op) => ask(op, addresses).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("sim-kv: {error}");
        ExitCode::from(2)
    })
}

async fn ask(op: Op, addresses: Vec<String>) -> Result<ExitCode, String> {
    let mut client = Client::new(addresses, &History::new());
    let found = client.execute(op.clone()).await.map_err(|error| error.to_string())?;
    match op {
        Op::Put { .. } => {}
        Op::Get { .. } => println!("{}", found.as_deref().unwrap_or("-")),
        Op::Cas { old, .. } if found == old => {}
        Op::Cas { .. } => {
            println!("{}", found.as_deref().unwrap_or("-"));
            return Ok(ExitCode::from(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}
