//! Names and the other forms of addresses, with the system's resolver.

use crate::support::{block_on, poll_once, run};
use ayi::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::pin;
use std::task::Poll;

/// Returns the addresses of a form that needs no lookup: one poll finds them, without a runtime.
#[track_caller]
fn at_once(addr: impl ToSocketAddrs) -> Vec<SocketAddr> {
    let Poll::Ready(found) = poll_once(pin!(lookup_host(addr))) else { panic!("this waits") };
    found.unwrap().collect()
}

#[test]
fn addresses_in_all_their_forms() {
    let (ip4, ip6) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    let (v4, v6) = (SocketAddrV4::new(ip4, 80), SocketAddrV6::new(ip6, 80, 0, 0));
    let four = [at_once(v4), at_once(SocketAddr::V4(v4)), at_once((ip4, 80)), at_once((IpAddr::V4(ip4), 80))];
    let (owned, twice): (&String, &&SocketAddrV4) = (&String::from("127.0.0.1:80"), &&v4);
    let text = [at_once("127.0.0.1:80"), at_once(String::from("127.0.0.1:80")), at_once(("127.0.0.1", 80))];
    let more = [at_once((String::from("127.0.0.1"), 80)), at_once(twice), at_once(owned)];
    for found in four.into_iter().chain(text).chain(more) {
        assert_eq!(found, [v4.into()]);
    }
    for found in [at_once(v6), at_once((ip6, 80)), at_once("[::1]:80"), at_once(("::1", 80))] {
        assert_eq!(found, [v6.into()]);
    }
    let both = [SocketAddr::V4(v4), SocketAddr::V6(v6)];
    assert_eq!(at_once(&both[..]), both);
    assert_eq!(at_once(&[][..]), []);
}

#[test]
fn localhost() {
    run(async || {
        let found: Vec<_> = lookup_host("localhost:7000").await.unwrap().collect();
        assert!(!found.is_empty());
        assert!(found.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 7000), "{found:?}");
        let pair: Vec<_> = lookup_host(("localhost", 7000)).await.unwrap().collect();
        assert_eq!(pair, found);

        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(addr.ip().is_loopback());
        let stream = TcpStream::connect((String::from("localhost"), addr.port())).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    });
}

#[test]
fn what_is_no_address_says_what_is_wrong() {
    run(async || {
        let wrong = [
            ("localhost", "has no port"),
            ("", "has no port"),
            ("127.0.0.1", "has no port"),
            ("::1", "write [address]:port"),
            ("localhost:", "is not a port"),
            ("localhost:http", "is not a port"),
            ("localhost:65536", "from 0 to 65535"),
            ("localhost:-1", "from 0 to 65535"),
            ("127.0.0.1:99999", "from 0 to 65535"),
            (":80", "there is no host"),
        ];
        for (text, why) in wrong {
            let errors = [
                lookup_host(text).await.map(drop),
                TcpStream::connect(text).await.map(drop),
                TcpListener::bind(text).await.map(drop),
            ];
            for error in errors {
                let error = error.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
                assert!(error.to_string().contains(why), "{text}: {error}");
            }
        }
    });
}

/// A space, a null byte, more than 253 bytes: names that no resolver need look up.
#[test]
fn names_that_are_not_known() {
    run(async || {
        for name in ["no such host", "nobody\0here", &"x".repeat(300)] {
            for error in [
                lookup_host((name, 80)).await.map(drop),
                TcpStream::connect((name, 80)).await.map(drop),
                TcpListener::bind(&format!("{name}:80")).await.map(drop),
            ] {
                let error = error.unwrap_err().to_string();
                assert!(error.contains("cannot look up"), "{name}: {error}");
            }
        }
    });
}

/// It is dropped while the resolver works: nothing waits for it, and the next lookup is answered.
#[test]
fn a_lookup_that_is_given_up() {
    block_on(async || {
        for _ in 0..10 {
            assert!(poll_once(pin!(lookup_host("localhost:80"))).is_pending());
        }
        assert!(lookup_host("localhost:80").await.unwrap().count() > 0);
    });
}

#[test]
#[should_panic(expected = "no ayi runtime on this thread")]
fn a_name_outside_of_a_runtime() {
    let _ = poll_once(pin!(lookup_host("localhost:80")));
}
