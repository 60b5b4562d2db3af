//! The command line: where to listen, on how many cores, for how many clients, and how long to wait for what.

use ayi::sync::Semaphore;
use ayi::time::Duration;
use cli::{ArgError, Long, Parser, Value, ValueExt};
use std::thread::available_parallelism;

const USAGE: &str = "\
usage: http [HOST:PORT] [OPTION VALUE]...     (without: 127.0.0.1:8080; port 0: any that is free)
  --cores N              threads that share the connections; `all`: one for each core  1
  --max-connections N    at once, on all cores together; others wait to be accepted  no limit
  --header-timeout MS    for a request up to its body, from its first byte    10000
  --body-timeout MS      for a body to arrive, or a response to be taken      30000
  --idle-timeout MS      between requests                                     60000
  --drain-delay MS       at SIGTERM or Ctrl-C: /health says 503, all else goes on     0
  --stop-timeout MS      after that, for requests that are going on           15000
With LISTEN_FDS in the environment (systemd's socket activation) that socket is served, not HOST:PORT.";

pub struct Options {
    pub address: String,
    pub cores: usize,
    pub max_connections: usize,
    pub limits: Limits,
}

#[derive(Clone, Copy)]
pub struct Limits {
    pub header: Duration,
    pub body: Duration,
    pub idle: Duration,
    pub drain: Duration,
    pub stop: Duration,
}

pub fn read() -> Options {
    cli::read(USAGE, parse)
}

fn parse(args: &mut Parser) -> Result<Options, ArgError> {
    let (mut address, mut cores, mut max_connections) = (None, 1, Semaphore::MAX_PERMITS);
    let [header, body, idle, drain, stop] = [10, 30, 60, 0, 15].map(Duration::from_secs);
    let mut limits = Limits { header, body, idle, drain, stop };
    while let Some(arg) = args.next()? {
        match arg {
            Long("header-timeout") => limits.header = cli::milliseconds(args)?,
            Long("body-timeout") => limits.body = cli::milliseconds(args)?,
            Long("idle-timeout") => limits.idle = cli::milliseconds(args)?,
            Long("drain-delay") => limits.drain = cli::milliseconds(args)?,
            Long("stop-timeout") => limits.stop = cli::milliseconds(args)?,
            Long("cores") => cores = args.value()?.parse_with(number_of_cores)?,
            Long("max-connections") => max_connections = cli::positive(args)?.min(max_connections),
            Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
            _ => return Err(arg.unexpected()),
        }
    }
    let address = address.unwrap_or_else(|| "127.0.0.1:8080".into());
    Ok(Options { address, cores, max_connections, limits })
}

fn number_of_cores(arg: &str) -> Result<usize, &'static str> {
    match arg {
        "all" => Ok(available_parallelism().map_or(1, usize::from)),
        arg => arg.parse().ok().filter(|cores| *cores > 0).ok_or("it is `all`, or a number from 1 on"),
    }
}
