//! The command line: where to listen, and how long to wait for what.

use ayi::time::Duration;
use std::net::SocketAddr;

const USAGE: &str = "\
usage: http [IP:PORT] [OPTION MS]...        (without: 127.0.0.1:8080; port 0: any that is free)
  --header-timeout MS    for a request up to its body, from its first byte    10000
  --body-timeout MS      for a body to arrive, or a response to be taken      30000
  --idle-timeout MS      between requests                                     60000
  --stop-timeout MS      for requests that are going on at Ctrl-C             15000";

pub struct Limits {
    pub header: Duration,
    pub body: Duration,
    pub idle: Duration,
    pub stop: Duration,
}

pub fn read() -> (SocketAddr, Limits) {
    parse().unwrap_or_else(|| {
        eprintln!("{USAGE}");
        std::process::exit(2)
    })
}

fn parse() -> Option<(SocketAddr, Limits)> {
    let mut address = None;
    let [header, body, idle, stop] = [10, 30, 60, 15].map(Duration::from_secs);
    let mut limits = Limits { header, body, idle, stop };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let limit = match arg.as_str() {
            "--header-timeout" => &mut limits.header,
            "--body-timeout" => &mut limits.body,
            "--idle-timeout" => &mut limits.idle,
            "--stop-timeout" => &mut limits.stop,
            _ if address.is_none() => {
                address = Some(arg.parse().ok()?);
                continue;
            }
            _ => return None,
        };
        *limit = Duration::from_millis(args.next()?.parse().ok()?);
    }
    Some((address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))), limits))
}
