//! The command line.

use std::net::SocketAddr;

const USAGE: &str = "\
usage: mini_redis [IP:PORT] [--max-memory MIB]    (without: 127.0.0.1:6379; port 0: any that is free)
  --max-memory MIB    of keys and values; what would add more is refused    no limit";

pub struct Args {
    pub address: SocketAddr,
    /// Bytes.
    pub max_memory: usize,
}

pub fn read() -> Args {
    parse().unwrap_or_else(|| {
        eprintln!("{USAGE}");
        std::process::exit(2)
    })
}

fn parse() -> Option<Args> {
    let (mut address, mut max_memory) = (None, usize::MAX);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--max-memory" => max_memory = args.next()?.parse::<usize>().ok()?.checked_mul(1024 * 1024)?,
            _ if address.is_none() => address = Some(arg.parse().ok()?),
            _ => return None,
        }
    }
    Some(Args { address: address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 6379))), max_memory })
}
