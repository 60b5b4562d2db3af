//! Finds out which TCP ports of a machine are open.
//!
//! ```sh
//! cargo run --example port_scan -- localhost 1-1024
//! ```
//!
//! It is written for tokio, with a `JoinSet` and time limits, and only says `ayi` where it said `tokio`: `bench/ported`
//! compiles this same file with tokio.

use ayi::net::{TcpStream, lookup_host};
use ayi::task::JoinSet;
use ayi::time::{Duration, timeout};
use cli::{Context, Failure, Value, ValueExt};
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

const USAGE: &str = "usage: port_scan HOST FIRST-LAST";

/// How many connections are under way at a time: well below what a process may have open.
const AT_ONCE: usize = 200;
/// A port that has not answered by then is behind a firewall.
const PATIENCE: Duration = Duration::from_millis(1500);

async fn scan(host: String, ports: RangeInclusive<u16>) -> io::Result<Vec<u16>> {
    let address = lookup_host((host.as_str(), 0)).await?.next();
    let address = address.ok_or_else(|| io::Error::other(format!("{host} has no address")))?;
    let (mut attempts, mut open) = (JoinSet::new(), Vec::new());
    for port in ports {
        while attempts.len() >= AT_ONCE {
            open.extend(attempts.join_next().await.and_then(Result::ok).flatten());
        }
        attempts.spawn(is_open(SocketAddr::new(address.ip(), port)));
    }
    while let Some(port) = attempts.join_next().await {
        open.extend(port.map_err(io::Error::other)?);
    }
    open.sort_unstable();
    Ok(open)
}

/// Returns the port, if somebody answers there.
async fn is_open(address: SocketAddr) -> Option<u16> {
    let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_))).then_some(address.port())
}

fn parse(ports: &str) -> Result<RangeInclusive<u16>, &'static str> {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(first..=last),
        _ => Err("ports are FIRST-LAST, or one, from 1 to 65535"),
    }
}

fn main() -> Result<(), Failure> {
    let (host, ports) = cli::read(USAGE, |args| {
        let (mut host, mut ports) = (None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if host.is_none() => host = Some(text.string()?),
                Value(text) if ports.is_none() => ports = Some(text.parse_with(parse)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((host, ports))
    });
    let (host, ports) = (cli::needed(USAGE, host, "HOST"), cli::needed(USAGE, ports, "FIRST-LAST"));
    let runtime = ayi::runtime::Builder::new_current_thread().enable_all().build()?;
    let cannot = format!("cannot scan {host}");
    for port in runtime.block_on(scan(host, ports)).context(cannot)? {
        println!("{port}");
    }
    Ok(())
}
