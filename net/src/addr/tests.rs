//! Which forms of an address need a lookup, and the errors for those that are no address.

use super::*;

/// The addresses of a form that needs no lookup.
#[track_caller]
fn addresses(addr: impl ToSocketAddrs) -> Vec<String> {
    match addr.lookup().unwrap() {
        Lookup::Addresses(addresses) => addresses.map(|addr| addr.to_string()).collect(),
        Lookup::Name { host, port } => panic!("{host} port {port} would be looked up"),
    }
}

/// The host and port of a form that needs a lookup.
#[track_caller]
fn name(addr: impl ToSocketAddrs) -> (String, u16) {
    match addr.lookup().unwrap() {
        Lookup::Addresses(_) => panic!("this would not be looked up"),
        Lookup::Name { host, port } => (host, port),
    }
}

#[track_caller]
fn error(addr: impl ToSocketAddrs) -> String {
    let Err(error) = addr.lookup() else { panic!("this was taken for an address") };
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    error.to_string()
}

#[test]
fn addresses_need_no_lookup() {
    let v4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
    let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, 0);
    assert_eq!(addresses(v4), ["127.0.0.1:80"]);
    assert_eq!(addresses(v6), ["[::1]:80"]);
    assert_eq!(addresses(SocketAddr::from(v4)), ["127.0.0.1:80"]);
    assert_eq!(addresses((*v4.ip(), 80)), ["127.0.0.1:80"]);
    assert_eq!(addresses((*v6.ip(), 80)), ["[::1]:80"]);
    assert_eq!(addresses((IpAddr::from(*v4.ip()), 80)), ["127.0.0.1:80"]);
    assert_eq!(addresses(&[v4.into(), v6.into()][..]), ["127.0.0.1:80", "[::1]:80"]);
    assert_eq!(addresses(&[][..]), [""; 0]);
}

#[test]
fn text_that_is_an_address_needs_no_lookup() {
    assert_eq!(addresses("127.0.0.1:80"), ["127.0.0.1:80"]);
    assert_eq!(addresses(String::from("[::1]:80")), ["[::1]:80"]);
    assert_eq!(addresses("[fe80::1%3]:80"), ["[fe80::1%3]:80"]);
    assert_eq!(addresses(("::1", 80)), ["[::1]:80"]);
    assert_eq!(addresses((String::from("::1"), 80)), ["[::1]:80"]);
}

#[test]
fn references_are_addresses_too() {
    let owned = String::from("127.0.0.1:80");
    let (once, twice): (&String, &&str) = (&owned, &"127.0.0.1:80");
    assert_eq!(addresses(once), ["127.0.0.1:80"]);
    assert_eq!(addresses(twice), ["127.0.0.1:80"]);
}

#[test]
fn names_need_a_lookup() {
    assert_eq!(name("localhost:80"), ("localhost".to_owned(), 80));
    assert_eq!(name(("localhost", 80)), ("localhost".to_owned(), 80));
    let owned = (String::from("localhost"), 80);
    assert_eq!(name(&owned), ("localhost".to_owned(), 80));
}

#[test]
fn ipv6_without_brackets_is_split_as_std_does() {
    assert_eq!(addresses("::1:80"), ["[::1]:80"]);
}

#[test]
fn a_missing_port_is_named() {
    assert!(error("localhost").contains("\"localhost\" has no port"));
    assert!(error("127.0.0.1").contains("has no port"));
    assert!(error("").contains("has no port"));
    assert!(error("::1").contains("write [address]:port, such as \"[::1]:80\""));
}

#[test]
fn a_port_that_is_none_is_named() {
    assert!(error("localhost:http").contains("\"http\" in \"localhost:http\""));
    assert!(error("localhost:65536").contains("from 0 to 65535"));
    assert!(error("localhost:").contains("is not a port"));
}

#[test]
fn a_missing_host_is_named() {
    assert!(error(":80").contains("\"0.0.0.0:80\""));
    assert!(error(("", 80)).contains("no host"));
}
