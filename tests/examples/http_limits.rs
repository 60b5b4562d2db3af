//! What clients of `examples/http` cannot make it do: serve more of them than it wants to, wait for them without end,
//! or store more and more for them.

use crate::servers::http::{Client, GET};
use crate::servers::{Server, wait_until};
use std::io::{ErrorKind, Write};
use std::time::Duration;

fn start(options: &[&str]) -> Server {
    Server::start("http", options)
}

/// Waits by the server's own clock. The server has looked at its listener meanwhile.
fn pass_some_time(client: &mut Client) {
    client.ask("GET /sleep/50 HTTP/1.1\r\nHost: x\r\n\r\n").expect(200, "good morning\n");
}

#[test]
fn at_the_limit_the_next_client_waits_until_another_leaves() {
    // There are more cores than places: no core may keep a place for clients that it does not have.
    for cores in ["1", "3"] {
        let server = start(&["--max-connections", "2", "--cores", cores]);
        let files = server.open_files();
        let mut served: Vec<_> = (0..2).map(|_| Client::new(&server)).collect();
        served.iter_mut().for_each(|client| client.ask(GET).expect(200, "hello\n"));
        let mut waiting: Vec<_> = (0..6).map(|_| Client::new(&server)).collect();
        waiting.iter_mut().for_each(|client| client.send(GET));
        pass_some_time(&mut served[0]);
        assert!(waiting.iter_mut().all(Client::has_no_answer));
        assert_eq!(server.open_files(), files + 2);
        // Each that leaves lets one in, on whichever core that is.
        while !waiting.is_empty() {
            served.remove(0);
            let mut next = None;
            wait_until("somebody is let in", || {
                next = waiting.iter_mut().position(|client| !client.has_no_answer());
                next.is_some()
            });
            let mut client = waiting.remove(next.unwrap());
            client.response().expect(200, "hello\n");
            served.push(client);
        }
        assert_eq!(server.open_files(), files + 2);
    }
}

#[test]
fn silent_clients_at_the_limit_keep_others_out_for_the_time_limit_at_most() {
    let server = start(&["--max-connections", "2", "--header-timeout", "100", "--idle-timeout", "100"]);
    let mut silent = Client::new(&server);
    let mut half = Client::new(&server);
    half.send(format!("{GET}GET / HT"));
    half.response().expect(200, "hello\n");
    // It is in the queue now. Both others are told that they were too slow, and lose their places.
    Client::new(&server).ask(GET).expect(200, "hello\n");
    for client in [&mut silent, &mut half] {
        assert_eq!(client.response().status, 408);
        client.expect_end();
    }
}

#[test]
fn who_waits_for_a_place_when_the_server_stops_is_served_all_the_same() {
    let mut server = start(&["--max-connections", "1"]);
    let mut first = Client::new(&server);
    first.ask(GET).expect(200, "hello\n");
    let mut waiting: Vec<_> = (0..3).map(|_| Client::new(&server)).collect();
    waiting.iter_mut().for_each(|client| client.send(GET));
    first.send("GET /sleep/100 HTTP/1.1\r\nHost: x\r\n\r\n");
    server.signal(libc::SIGTERM);
    first.response().expect(200, "good morning\n");
    drop(first);
    for mut client in waiting {
        let response = client.response();
        assert_eq!((response.status, response.is_last()), (200, true));
        client.expect_end();
    }
    let (status, errors) = server.wait_and_read_errors();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
}

#[test]
#[cfg_attr(uncached, ignore = "AddressSanitizer, which this is for, keeps what is freed for a while")]
fn a_client_that_asks_and_never_reads_costs_little_memory_and_is_cut_off() {
    let server = start(&["--body-timeout", "500", "--max-connections", "1"]);
    Client::new(&server).ask(GET).expect(200, "hello\n");
    let before = server.memory();
    let client = Client::new(&server);
    let mut writer = client.stream.get_ref();
    writer.set_write_timeout(Some(Duration::from_millis(5))).unwrap();
    let (requests, mut most) = (GET.repeat(1_000), 0);
    // This writes until everything between them is full, and then until the server has had enough.
    loop {
        match writer.write(requests.as_bytes()) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        most = most.max(server.memory());
    }
    assert!(most < before + 4 * 1024, "it has grown from {before} to {most} KiB");
    // Its place is free.
    Client::new(&server).ask(GET).expect(200, "hello\n");
}
