//! The command line.

use ayi::time::Duration;
use std::net::SocketAddr;

const USAGE: &str = "\
usage: mini_redis [IP:PORT] [OPTION VALUE]...    (without: 127.0.0.1:6379; port 0: any that is free)
  --max-memory MIB    of keys and values; what would add more is refused              no limit
  --maxclients N      at once; others are told that there are too many, and closed    10000
  --timeout SECONDS   after which a client that says nothing is closed; 0: none       0";

pub struct Args {
    pub address: SocketAddr,
    /// In bytes.
    pub max_memory: usize,
    pub max_clients: usize,
    pub timeout: Option<Duration>,
}

pub fn read() -> Args {
    parse().unwrap_or_else(|| {
        eprintln!("{USAGE}");
        std::process::exit(2)
    })
}

fn parse() -> Option<Args> {
    let (mut address, mut max_memory, mut max_clients, mut timeout) = (None, usize::MAX, 10_000, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--max-memory" => max_memory = args.next()?.parse::<usize>().ok()?.checked_mul(1024 * 1024)?,
            "--maxclients" => max_clients = args.next()?.parse().ok().filter(|number| *number > 0)?,
            "--timeout" => timeout = Some(args.next()?.parse().ok()?).filter(|seconds| *seconds > 0),
            _ if address.is_none() => address = Some(arg.parse().ok()?),
            _ => return None,
        }
    }
    let address = address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 6379)));
    Some(Args { address, max_memory, max_clients, timeout: timeout.map(Duration::from_secs) })
}
