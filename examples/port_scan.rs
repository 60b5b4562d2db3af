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
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

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

fn parse(ports: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some(first..=last)
}

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (host, ports) = (args.next(), args.next().and_then(|ports| parse(&ports)));
    let (Some(host), Some(ports), None) = (host, ports, args.next()) else {
        eprintln!("usage: port_scan HOST FIRST-LAST");
        std::process::exit(2);
    };
    let runtime = ayi::runtime::Builder::new_current_thread().enable_all().build()?;
    for port in runtime.block_on(scan(host, ports))? {
        println!("{port}");
    }
    Ok(())
}
