//! What is accepted as an address, and the lookup of names.
//!
//! ```text
//! impl ToSocketAddrs ── lookup() ──► Addresses: no more to do, no thread, no wait
//!                                └─► Name: getaddrinfo(3) blocks, so it goes to the blocking pool
//! ```
//!
//! Invariant: text that parses as an address is never looked up on another thread.
//!
//! Left out: a resolver of our own. getaddrinfo(3) knows `/etc/hosts`, `nsswitch.conf` and whatever else the machine is
//! set up with.
//!
//! In tokio: `net/addr.rs` and `net/lookup_host.rs`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{option, vec};

use ayi_runtime::task::{self, coop};

use self::sealed::Lookup;

/// Values that can be turned into socket addresses: addresses, and names with a port.
///
/// | type | example |
/// |---|---|
/// | `SocketAddr`, `SocketAddrV4`, `SocketAddrV6` | `SocketAddr::from(([127, 0, 0, 1], 80))` |
/// | `&[SocketAddr]` | several, to be tried in turn |
/// | `(IpAddr, u16)`, `(Ipv4Addr, u16)`, `(Ipv6Addr, u16)` | `(Ipv6Addr::LOCALHOST, 80)` |
/// | `str`, `String` | `"127.0.0.1:80"`, `"[::1]:80"`, `"localhost:80"` |
/// | `(&str, u16)`, `(String, u16)` | `("localhost", 80)` |
///
/// References to these work too. Names are looked up with the system's resolver, getaddrinfo(3), on a thread of the
/// blocking pool. Everything else costs no thread and no wait.
///
/// The trait is sealed: its methods are not public, and other crates cannot implement it.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::net::{ToSocketAddrs, UdpSocket};
/// async fn bind(addr: impl ToSocketAddrs) -> std::io::Result<UdpSocket> {
///     UdpSocket::bind(addr).await
/// }
/// bind("127.0.0.1:0").await?;
/// bind(("localhost", 0)).await?;
/// bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub trait ToSocketAddrs: sealed::Sealed {}

/// Looks up the addresses of a host.
///
/// The answer may contain an address several times, and addresses of a family that this machine cannot reach.
///
/// ```no_run
/// # async fn run() -> std::io::Result<()> {
/// for addr in ayi::net::lookup_host("localhost:7000").await? {
///     println!("{addr}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns `InvalidInput` if `host` has no host or no port, and the resolver's error if the name is not known or the
/// lookup fails.
///
/// # Panics
///
/// Panics if `host` is a name and there is no ayi runtime on this thread.
///
/// # Cancel safety
///
/// Nothing is lost if the future is dropped. The resolver cannot be stopped: a lookup that has begun keeps its thread
/// until it is done.
pub async fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>> {
    coop::consume_budget().await;
    resolve(host).await
}

/// Returns the addresses that `addr` stands for.
pub(crate) async fn resolve(addr: impl ToSocketAddrs) -> io::Result<Addresses> {
    let (host, port) = match addr.lookup() {
        Ok(Lookup::Addresses(addresses)) => return Ok(addresses),
        Ok(Lookup::Name { host, port }) => (host, port),
        // Nothing has been waited for, and a loop that tries again must give way.
        Err(error) => {
            coop::consume_budget().await;
            return Err(error);
        }
    };
    let lookup = task::Builder::new().spawn_blocking(move || {
        std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port))
            .map_err(|error| io::Error::new(error.kind(), format!("cannot look up {host:?}: {error}")))
    })?;
    let found = lookup.await.map_err(io::Error::other)??;
    Ok(Addresses::Several(found))
}

/// Makes the error for a caller that was given no address `what`, such as "to bind to".
pub(crate) fn no_address(what: &str) -> io::Error {
    invalid(format!("there is no address {what}: the list of addresses is empty, give at least one"))
}

/// Addresses to be tried in turn. A single one, the usual case, allocates nothing.
pub enum Addresses {
    One(option::IntoIter<SocketAddr>),
    Several(vec::IntoIter<SocketAddr>),
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Addresses::One(addresses) => addresses.next(),
            Addresses::Several(addresses) => addresses.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Addresses::One(addresses) => addresses.size_hint(),
            Addresses::Several(addresses) => addresses.size_hint(),
        }
    }
}

mod sealed {
    use super::Addresses;
    use std::io;

    /// The part of `ToSocketAddrs` that other crates cannot use.
    pub trait Sealed {
        fn lookup(&self) -> io::Result<Lookup>;
    }

    pub enum Lookup {
        Addresses(Addresses),
        Name { host: String, port: u16 },
    }
}

fn one(addr: impl Into<SocketAddr>) -> io::Result<Lookup> {
    let addr = Some(addr.into());
    Ok(Lookup::Addresses(Addresses::One(addr.into_iter())))
}

/// Splits `host:port` as std does, at the last colon.
fn parse(text: &str) -> io::Result<Lookup> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return one(addr);
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(invalid(format!("{text:?} has no port: write host:port, such as \"localhost:80\"")));
    };
    // The colons of `::1` belong to the address. `::1:80` can be read both ways: std takes 80 for the port, and so do
    // we.
    if text.parse::<Ipv6Addr>().is_ok() && host.parse::<Ipv6Addr>().is_err() {
        return Err(invalid(format!(
            "{text:?} is an IPv6 address without a port: write [address]:port, such as \
             \"[{text}]:80\""
        )));
    }
    let Ok(port) = port.parse::<u16>() else {
        return Err(invalid(format!(
            "{port:?} in {text:?} is not a port: write a number from 0 to 65535 after the last \
             colon"
        )));
    };
    host_and_port(host, port)
}

fn host_and_port(host: &str, port: u16) -> io::Result<Lookup> {
    if host.is_empty() {
        return Err(invalid(format!(
            "there is no host before port {port}: for all interfaces write \"0.0.0.0:{port}\" or \
             \"[::]:{port}\", for this machine \"localhost:{port}\""
        )));
    }
    match host.parse::<IpAddr>() {
        Ok(ip) => one((ip, port)),
        Err(_) => Ok(Lookup::Name { host: host.to_owned(), port }),
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: ToSocketAddrs + ?Sized> sealed::Sealed for &T {
    fn lookup(&self) -> io::Result<Lookup> {
        (**self).lookup()
    }
}

impl ToSocketAddrs for SocketAddr {}
impl sealed::Sealed for SocketAddr {
    fn lookup(&self) -> io::Result<Lookup> {
        one(*self)
    }
}

impl ToSocketAddrs for SocketAddrV4 {}
impl sealed::Sealed for SocketAddrV4 {
    fn lookup(&self) -> io::Result<Lookup> {
        one(*self)
    }
}

impl ToSocketAddrs for SocketAddrV6 {}
impl sealed::Sealed for SocketAddrV6 {
    fn lookup(&self) -> io::Result<Lookup> {
        one(*self)
    }
}

impl ToSocketAddrs for (IpAddr, u16) {}
impl sealed::Sealed for (IpAddr, u16) {
    fn lookup(&self) -> io::Result<Lookup> {
        one(*self)
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {}
impl sealed::Sealed for (Ipv4Addr, u16) {
    fn lookup(&self) -> io::Result<Lookup> {
        one(*self)
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {}
impl sealed::Sealed for (Ipv6Addr, u16) {
    fn lookup(&self) -> io::Result<Lookup> {
        one(*self)
    }
}

impl ToSocketAddrs for &[SocketAddr] {}
impl sealed::Sealed for &[SocketAddr] {
    fn lookup(&self) -> io::Result<Lookup> {
        let addresses: Vec<SocketAddr> = self.to_vec();
        Ok(Lookup::Addresses(Addresses::Several(addresses.into_iter())))
    }
}

impl ToSocketAddrs for str {}
impl sealed::Sealed for str {
    fn lookup(&self) -> io::Result<Lookup> {
        parse(self)
    }
}

impl ToSocketAddrs for String {}
impl sealed::Sealed for String {
    fn lookup(&self) -> io::Result<Lookup> {
        parse(self)
    }
}

impl ToSocketAddrs for (&str, u16) {}
impl sealed::Sealed for (&str, u16) {
    fn lookup(&self) -> io::Result<Lookup> {
        host_and_port(self.0, self.1)
    }
}

impl ToSocketAddrs for (String, u16) {}
impl sealed::Sealed for (String, u16) {
    fn lookup(&self) -> io::Result<Lookup> {
        host_and_port(&self.0, self.1)
    }
}

#[cfg(test)]
mod tests;
