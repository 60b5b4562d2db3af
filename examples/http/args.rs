//! The command line: where to listen, on how many cores, for how many clients, and how long to wait for what.

use ayi::sync::Semaphore;
use ayi::time::Duration;
use std::net::SocketAddr;
use std::thread::available_parallelism;

const USAGE: &str = "\
usage: http [IP:PORT] [OPTION VALUE]...     (without: 127.0.0.1:8080; port 0: any that is free)
  --cores N              threads that share the connections; `all`: one for each core  1
  --max-connections N    at once, on all cores together; others wait to be accepted  no limit
  --header-timeout MS    for a request up to its body, from its first byte    10000
  --body-timeout MS      for a body to arrive, or a response to be taken      30000
  --idle-timeout MS      between requests                                     60000
  --drain-delay MS       at SIGTERM or Ctrl-C: /health says 503, all else goes on     0
  --stop-timeout MS      after that, for requests that are going on           15000
With LISTEN_FDS in the environment (systemd's socket activation) that socket is served, not IP:PORT.";

pub struct Options {
    pub address: SocketAddr,
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
    parse().unwrap_or_else(|| {
        eprintln!("{USAGE}");
        std::process::exit(2)
    })
}

fn parse() -> Option<Options> {
    let (mut address, mut cores, mut max_connections) = (None, 1, Semaphore::MAX_PERMITS);
    let [header, body, idle, drain, stop] = [10, 30, 60, 0, 15].map(Duration::from_secs);
    let mut limits = Limits { header, body, idle, drain, stop };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let limit = match arg.as_str() {
            "--header-timeout" => &mut limits.header,
            "--body-timeout" => &mut limits.body,
            "--idle-timeout" => &mut limits.idle,
            "--drain-delay" => &mut limits.drain,
            "--stop-timeout" => &mut limits.stop,
            "--cores" => {
                cores = number_of_cores(&args.next()?)?;
                continue;
            }
            "--max-connections" => {
                max_connections = number(&args.next()?)?.min(max_connections);
                continue;
            }
            _ if address.is_none() => {
                address = Some(arg.parse().ok()?);
                continue;
            }
            _ => return None,
        };
        *limit = Duration::from_millis(args.next()?.parse().ok()?);
    }
    let address = address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
    Some(Options { address, cores, max_connections, limits })
}

fn number_of_cores(arg: &str) -> Option<usize> {
    match arg {
        "all" => Some(available_parallelism().map_or(1, usize::from)),
        arg => number(arg),
    }
}

/// A number from 1 on.
fn number(arg: &str) -> Option<usize> {
    arg.parse().ok().filter(|number| *number > 0)
}
