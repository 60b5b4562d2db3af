//! The same server on libev, libevent, libuv and Boost.Asio, each in C or C++ and in a process of its own, to be compared
//! with the rungs. They are seen from outside, so their system calls are not counted.

use crate::compare::{self, Pace};
use crate::measure::{LibraryRow, Outcome};
use crate::protocol::MESSAGE;
use crate::report::Report;
use peers::{PEERS, Peer};
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

/// Measures all that are installed. Says of the others what is missing.
pub fn measure(pace: &Pace, most: usize, asking: usize) -> Vec<LibraryRow> {
    let installed = PEERS.iter().filter(|peer| match peer.library.version() {
        Ok(_) => true,
        Err(error) => {
            eprintln!("{} is left out: {error}", peer.name);
            false
        }
    });
    let outcome = |peer: &Peer, connections: usize, asking: usize| {
        let measured = Server::start(peer).and_then(|server| {
            let process = server.process.id();
            compare::run(process, server.address, MESSAGE, connections, asking, pace, || Report::of(process))
        });
        match measured {
            Ok(figures) => Outcome::Measured(figures),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    };
    let row = |peer: &'static Peer| LibraryRow {
        name: peer.name,
        outcomes: pace.connections.iter().map(|&number| outcome(peer, number, number)).collect(),
        mostly_silent: outcome(peer, most, asking),
    };
    installed.map(row).collect()
}

/// A server in a process of its own, which is killed when this is dropped.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(peer: &Peer) -> io::Result<Server> {
        let mut process = peer.echo(MESSAGE)?.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut server = Server { process, address: nowhere };
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.split_whitespace().last().and_then(|word| word.parse().ok());
        server.address =
            address.ok_or_else(|| io::Error::other(format!("it says no address but {line:?}")))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither is an error if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
