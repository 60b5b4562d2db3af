//! How it ends.

use crate::program::{Answer, Service, request};
use crate::server::Server;
use crate::{link, postgres, start};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn no_request_that_was_accepted_is_lost_when_it_ends_under_load() {
    let Some((_database, mut service)) = start(&[("drain_delay_ms", "300")]) else { return };
    assert_eq!(service.post("/links", &link("tea")).status, 201);
    let (answered, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let address = service.address;
    let status = thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // Once nobody listens, that is the end. Whoever was accepted has to be answered.
                    let Ok(mut stream) = TcpStream::connect(address) else { return };
                    let asked = stream.write_all(request("GET", "/links/tea", "", "").as_bytes());
                    let mut text = String::new();
                    let read = stream.read_to_string(&mut text);
                    match Answer::parse(&text) {
                        Some(answer) => assert_eq!(answer.status, 200, "{answer:?}"),
                        // The kernel resets those that are still in the queue of a socket that is closed.
                        None => assert!(asked.is_err() || read.is_err(), "an answer was cut off: {text:?}"),
                    }
                    if !text.is_empty() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        service.signal("-TERM");
        let (status, log) = service.wait();
        is_over.store(true, Ordering::Relaxed);
        assert!(log.contains("no longer ready") && !log.contains("broken off"), "{log}");
        status
    });
    assert!(status.success(), "{status}");
    assert!(answered.load(Ordering::Relaxed) > 8);
}

#[test]
fn it_says_that_it_is_not_ready_before_it_stops_to_serve() {
    let Some((_database, mut service)) = start(&[("drain_delay_ms", "60000")]) else { return };
    assert_eq!(service.get("/readyz").status, 200);
    service.signal("-TERM");
    let begin = Instant::now();
    while service.get("/readyz").status != 503 {
        assert!(begin.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(service.get("/links").status, 200, "all else goes on");
    // The second signal ends the wait, and with it the service: nothing is open.
    service.signal("-TERM");
    let (status, log) = service.wait();
    assert!(status.success(), "{status}: {log}");
}

/// Asks until there is no answer: somebody else locks the table sooner or later.
fn ask_for_what_does_not_come(service: &Service) -> TcpStream {
    loop {
        let mut stream = service.connect();
        stream.write_all(request("GET", "/links/tea", "", "").as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        if stream.read(&mut [0]).is_err() {
            return stream;
        }
    }
}

/// Starts the service, with a client whose answer does not come, as `psql` keeps the table.
fn start_with_one_that_waits(stop_timeout_ms: &str) -> Option<(Server, Service, Child, TcpStream)> {
    let (database, service) = start(&[
        ("stop_timeout_ms", stop_timeout_ms),
        ("statement_timeout_ms", "60000"),
        ("request_timeout_ms", "60000"),
    ])?;
    assert_eq!(service.post("/links", &link("tea")).status, 201);
    let psql = postgres::psql(&database, "BEGIN; LOCK TABLE links; SELECT pg_sleep(3600)");
    let waiting = ask_for_what_does_not_come(&service);
    Some((database, service, psql, waiting))
}

#[test]
fn what_does_not_end_in_time_is_broken_off_and_named() {
    let Some((_database, mut service, mut psql, _waiting)) = start_with_one_that_waits("200") else { return };
    service.signal("-TERM");
    let (status, log) = service.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("requests were broken off") && log.contains("were closed: 1"), "{log}");
    let given_up = log.lines().find(|line| line.contains("given up: ")).unwrap_or_else(|| panic!("{log}"));
    assert!(given_up.contains("method=GET path=\"/links/tea\""), "{given_up}");
    psql.kill().unwrap();
    psql.wait().unwrap();
}

#[test]
fn a_second_signal_after_the_delay_ends_it_at_once() {
    let Some((_database, mut service, mut psql, _waiting)) = start_with_one_that_waits("60000") else {
        return;
    };
    service.signal("-TERM");
    // It has begun to end when nobody listens any more.
    let begin = Instant::now();
    while TcpStream::connect(service.address).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(10));
    }
    service.signal("-TERM");
    let (status, log) = service.wait();
    assert_eq!(status.code(), Some(143), "{log}");
    psql.kill().unwrap();
    psql.wait().unwrap();
}

#[test]
fn a_client_that_keeps_its_connection_is_told_to_close_it() {
    let Some((_database, mut service)) = start(&[("drain_delay_ms", "60000")]) else { return };
    let mut stream = service.connect();
    let mut head = |path: &str| {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        let mut byte = [0];
        while !text.ends_with("\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            text.push(char::from(byte[0]));
        }
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
        text
    };
    assert!(!head("/healthz").contains("connection: close"));
    service.signal("-TERM");
    let begin = Instant::now();
    while service.get("/readyz").status != 503 {
        assert!(begin.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(10));
    }
    assert!(head("/healthz").contains("connection: close"));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it is closed");
    service.signal("-TERM");
    let (status, log) = service.wait();
    assert!(status.success(), "{status}: {log}");
}

#[test]
fn both_cores_serve() {
    let Some((_database, service)) = start(&[]) else { return };
    // The kernel deals connections by a hash of the addresses.
    for _ in 0..64 {
        assert_eq!(service.get("/healthz").status, 200);
    }
    let log = service.end();
    let served = |core: usize| {
        let line = log.lines().find(|line| line.contains("ended") && line.contains(&format!("core={core}")));
        let line = line.unwrap_or_else(|| panic!("core {core}: {log}"));
        line.split("requests=").nth(1).unwrap().trim().parse::<usize>().unwrap()
    };
    assert!(served(0) > 0 && served(1) > 0, "{log}");
    assert_eq!(served(0) + served(1), 64);
}
