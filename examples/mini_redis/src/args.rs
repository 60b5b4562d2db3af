//! The command line.

use ayi::time::Duration;
use cli::{ArgError, Long, Parser, Value, ValueExt};

const USAGE: &str = "\
usage: mini_redis [HOST:PORT] [OPTION VALUE]...    (without: 127.0.0.1:6379; port 0: any that is free)
  --max-memory MIB    of keys and values; what would add more is refused              no limit
  --maxclients N      at once; others are told that there are too many, and closed    10000
  --timeout SECONDS   after which a client that says nothing is closed; 0: none       0";

pub struct Args {
    pub address: String,
    /// In bytes.
    pub max_memory: usize,
    pub max_clients: usize,
    pub timeout: Option<Duration>,
}

pub fn read() -> Args {
    cli::read(USAGE, parse)
}

fn parse(args: &mut Parser) -> Result<Args, ArgError> {
    let (mut address, mut max_memory, mut max_clients, mut timeout) = (None, usize::MAX, 10_000, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("max-memory") => {
                let bytes = |text: &str| text.parse::<usize>().ok()?.checked_mul(1024 * 1024);
                max_memory =
                    args.value()?.parse_with(|text| bytes(text).ok_or("it has to be a number of MiB"))?;
            }
            Long("maxclients") => max_clients = cli::positive(args)?,
            Long("timeout") => timeout = Some(args.value()?.parse()?).filter(|seconds| *seconds > 0),
            Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
            _ => return Err(arg.unexpected()),
        }
    }
    let address = address.unwrap_or_else(|| "127.0.0.1:6379".into());
    Ok(Args { address, max_memory, max_clients, timeout: timeout.map(Duration::from_secs) })
}
