//! Several servers behind a load balancer, all of which are replaced while clients go on sending requests.
//!
//! ```sh
//! apt-get install haproxy
//! cargo run --release --features signal,process --example scale-out
//! ```
//!
//! It starts processes of `examples/http`, HAProxy in front of them, and clients that send requests without end. Then
//! it does the same for one server after the other: it sends SIGTERM, waits for the end, starts a new one, and waits
//! until HAProxy uses that. The exit code is 1 if a single request has failed.
//!
//! | file | what it does |
//! |---|---|
//! | `main` | the rolling restart |
//! | `server` | one of the servers |
//! | `balancer` | HAProxy, and what it says of the servers |
//! | `haproxy.cfg` | how it is told to |
//! | `load` | the clients |

mod balancer;
mod load;
mod server;

use ayi::process::Command;
use ayi::signal;
use ayi::time::{Duration, Instant, sleep};
use balancer::Balancer;
use cli::{ArgError, Failure, Long, Parser, ValueExt};
use load::Load;
use server::Server;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: scale-out [OPTION VALUE]...
  --servers N      how many                                     3
  --rounds N       how often each of them is replaced           2
  --clients N      every fourth makes a connection per request  16
  --http PROGRAM   the server (without: the example http, which is built first)";

/// The time of load alone: before the first restart, and after the last.
const QUIET: Duration = Duration::from_millis(500);

struct Options {
    servers: u8,
    rounds: usize,
    clients: usize,
    http: Option<PathBuf>,
}

#[ayi::main]
async fn main() -> Result<ExitCode, Failure> {
    let options = cli::read(USAGE, parse);
    cli::require("haproxy", "haproxy")?;
    let mut termination = signal::termination()?;
    ayi::select! {
        result = run(options) => Ok(result?),
        // Everything that `run` has started ends with it.
        _ = termination.recv() => Ok(ExitCode::FAILURE),
    }
}

async fn run(options: Options) -> io::Result<ExitCode> {
    let program = match options.http {
        Some(program) => program,
        None => build_http().await?,
    };
    let start = Instant::now();
    let say = |what: &str| println!("{:6.2} s  {what}", start.elapsed().as_secs_f64());
    let mut servers = Vec::new();
    for number in 1..=options.servers {
        let server = Server::start(format!("s{number}"), machine(number), &program).await?;
        say(&format!("{} listens on {}, process {}", server.name, server.address, server.id()));
        servers.push(server);
    }
    let address = machine(0);
    let balancer = Balancer::start(address, &servers).await?;
    say(&format!("HAProxy listens on {address}; {} clients begin", options.clients));
    let mut load = Load::start(options.clients, address);
    sleep(QUIET).await;
    for round in 1..=options.rounds {
        for server in &mut servers {
            replace(server, &balancer, |what| say(&format!("round {round}: {what}"))).await?;
        }
    }
    sleep(QUIET).await;
    let latencies = load.stop().await;
    say(&format!("{} servers replaced {} times", options.servers, options.rounds));
    report(&load, &latencies, &balancer.retries().await?);
    Ok(if load.failed() == 0 && !latencies.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn replace(server: &mut Server, balancer: &Balancer, say: impl Fn(&str)) -> io::Result<()> {
    let name = server.name.clone();
    say(&format!("{name}, process {}, gets SIGTERM", server.id()));
    server.terminate().await?;
    // It still serves, but its /health says 503.
    balancer.wait_for(server, "DOWN").await?;
    say(&format!("{name} is DOWN for HAProxy"));
    let status = server.ended().await?;
    if !status.success() {
        return Err(io::Error::other(format!("{name} has ended with {status}")));
    }
    server.start_again().await?;
    say(&format!("{name} has ended well, process {} takes its place", server.id()));
    balancer.wait_for(server, "UP").await?;
    say(&format!("{name} is UP for HAProxy"));
    Ok(())
}

fn report(load: &Load, latencies: &[Duration], retries: &str) {
    let at = |share: f64| {
        let place = (latencies.len() as f64 * share) as usize;
        latencies.get(place).or(latencies.last()).copied().unwrap_or_default()
    };
    println!("requests  {} answered, {} failed", latencies.len(), load.failed());
    println!("          {retries} times HAProxy could not connect, and tried again");
    println!("latency   p50 {:.1?}, p99 {:.1?}, longest {:.1?}", at(0.5), at(0.99), at(1.0));
}

/// Returns an address that no other run of this program uses at the same time. All of 127.0.0.0/8 is this machine, so
/// the servers can have the same port, as on machines of their own. No address is lost while its server is restarted:
/// outgoing connections, which get free ports, have 127.0.0.1.
fn machine(number: u8) -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    // It is neither 127.0.0.x nor 127.255.255.255.
    SocketAddr::from((Ipv4Addr::new(127, 1 + high % 254, low, 1 + number), 8080))
}

/// Builds the server, by the same cargo that has built this program.
async fn build_http() -> io::Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--features", "signal,process", "--example", "http", "--manifest-path"]);
    cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    println!("building the example http");
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if !cargo.status().await?.success() {
        return Err(io::Error::other("the example http could not be built: see --http"));
    }
    Ok(std::env::current_exe()?.with_file_name("http"))
}

fn parse(args: &mut Parser) -> Result<Options, ArgError> {
    let mut options = Options { servers: 3, rounds: 2, clients: 16, http: None };
    while let Some(arg) = args.next()? {
        match arg {
            Long("http") => options.http = Some(args.value()?.into()),
            Long("servers") => {
                let parse = |text: &str| text.parse().ok().filter(|number| (1..=250).contains(number));
                options.servers = args
                    .value()?
                    .parse_with(|text| parse(text).ok_or("it has to be a number from 1 to 250"))?;
            }
            Long("rounds") => options.rounds = args.value()?.parse()?,
            Long("clients") => options.clients = cli::positive(args)?,
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(options)
}
