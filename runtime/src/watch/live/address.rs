//! Where the live view is served.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The environment variable that names the address.
const VARIABLE: &str = "AYI_LIVE";

/// Returns whether the environment asks for the live view.
pub(crate) fn is_wanted() -> bool {
    said().is_some()
}

/// Returns what the environment says, if it says anything.
fn said() -> Option<String> {
    let said = std::env::var_os(VARIABLE).filter(|said| !said.is_empty())?;
    Some(said.to_string_lossy().into_owned())
}

/// Returns the address that the environment names, if it names one.
///
/// # Errors
///
/// Fails if that is no address.
pub(super) fn wanted() -> io::Result<Option<SocketAddr>> {
    let Some(said) = said() else { return Ok(None) };
    let why = format!(
        "{VARIABLE}={said:?} is not an address to serve the live view at: it must be an IP address and a port, such as \
         127.0.0.1:6060, or a port alone"
    );
    parse(&said).map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Reads an address. A port alone is one of this machine, which others do not reach.
fn parse(said: &str) -> Option<SocketAddr> {
    let port = said.strip_prefix(':').unwrap_or(said).parse().ok();
    let own = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    said.parse().ok().or(port.map(own))
}

/// Says what was tried, and why it has failed.
pub(super) fn cannot_listen(address: SocketAddr, error: &io::Error) -> io::Error {
    let why = format!("cannot serve the live view at {address}, as {VARIABLE} says: {error}");
    io::Error::new(error.kind(), why)
}

/// Says where the view is, and who can see what.
pub(super) fn welcome(address: SocketAddr) -> String {
    let who = if address.ip().is_loopback() {
        "Everybody on this machine".to_owned()
    } else {
        format!("ANYBODY ON THE NETWORK who reaches {address}")
    };
    format!(
        "ayi: the live view is at http://{address}/. {who} can see it, with names of tasks, addresses of peers and paths of \
         source files"
    )
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{parse, welcome};

    #[test]
    fn addresses_and_ports() {
        let read = |said| parse(said).map(|address| address.to_string());
        for said in ["127.0.0.1:6060", ":6060", "6060"] {
            assert_eq!(read(said).as_deref(), Some("127.0.0.1:6060"), "{said}");
        }
        assert_eq!(read("[::1]:80").as_deref(), Some("[::1]:80"));
        assert_eq!(read("0.0.0.0:0").as_deref(), Some("0.0.0.0:0"));
        for said in ["", ":", "localhost:6060", "127.0.0.1", "65536", "-1", "::1", "1.2.3.4:x"] {
            assert_eq!(read(said), None, "{said}");
        }
    }

    #[test]
    fn who_can_see_it_is_said() {
        let welcome = |address: &str| welcome(address.parse().unwrap());
        assert!(welcome("[::1]:80").contains("at http://[::1]:80/. Everybody on this machine can see"));
        assert!(welcome("0.0.0.0:80").contains("ANYBODY ON THE NETWORK"));
    }
}
