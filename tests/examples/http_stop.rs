//! How `examples/http` ends: on SIGTERM and Ctrl-C, at rest, under load, and with a client that holds up the end.

use crate::servers::http::{Client, GET};
use crate::servers::load::Load;
use crate::servers::{Server, has, path_of, raise_open_files, wait_until};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

const SLEEP: &str = "GET /sleep/10000 HTTP/1.1\r\nHost: x\r\n\r\n";
const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

fn start(options: &[&str]) -> Server {
    Server::start("http", options)
}

#[test]
fn requests_finish_and_idle_connections_end() {
    for (signal, cores) in [(libc::SIGINT, "1"), (libc::SIGTERM, "1"), (libc::SIGTERM, "2")] {
        let mut server = start(&["--cores", cores]);
        let mut new = Client::new(&server);
        let mut idle = Client::new(&server);
        idle.ask(GET).expect(200, "hello\n");
        let mut sleeping = Client::new(&server);
        sleeping.send(format!("{GET}GET /sleep/300 HTTP/1.1\r\nHost: x\r\n\r\n"));
        let mut pipelined = Client::new(&server);
        pipelined.send(format!("{GET}{}", "GET /sleep/100 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2)));
        let mut half = Client::new(&server);
        half.send(format!("{GET}GET / HTTP/1.1\r\nHo"));
        let mut uploading = Client::new(&server);
        uploading.send(format!("{GET}POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhel"));
        for client in [&mut sleeping, &mut pipelined, &mut half, &mut uploading] {
            let response = client.response();
            response.expect(200, "hello\n");
            assert!(!response.is_last());
        }

        server.signal(signal);
        new.expect_end();
        idle.expect_end();
        wait_until("nobody is let in any more", || server.refuses_connections());
        half.send("st: x\r\n\r\n");
        uploading.send("lo\n");
        assert!(!pipelined.response().is_last());
        let last_answers = [
            (half, "hello\n"),
            (uploading, "hello\n"),
            (pipelined, "good morning\n"),
            (sleeping, "good morning\n"),
        ];
        for (mut client, answer) in last_answers {
            let response = client.response();
            response.expect(200, answer);
            assert!(response.is_last());
            client.expect_end();
        }
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn who_has_just_come_may_still_ask() {
    let mut server = start(&[]);
    let mut client = Client::new(&server);
    server.signal(libc::SIGTERM);
    wait_until("nobody is let in any more", || server.refuses_connections());
    let response = client.ask(GET);
    response.expect(200, "hello\n");
    assert!(response.is_last());
    client.expect_end();
    drop(client);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn what_does_not_end_in_time_is_cut_off_and_reported() {
    for cores in ["1", "2"] {
        let mut server = start(&["--stop-timeout", "50", "--cores", cores]);
        let mut client = Client::new(&server);
        client.send(format!("{GET}{SLEEP}"));
        client.response().expect(200, "hello\n");
        server.signal(libc::SIGINT);
        client.expect_end();
        let (status, errors) = server.wait_and_read_errors();
        assert_eq!(status.code(), Some(0));
        assert!(errors.contains(&format!("connection from 127.0.0.1:{}", client.port())), "{errors}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130)] {
        for cores in ["1", "2"] {
            let mut server = start(&["--stop-timeout", "100000", "--cores", cores]);
            let mut client = Client::new(&server);
            client.send(format!("{GET}{SLEEP}"));
            client.response().expect(200, "hello\n");
            server.signal(signal);
            // It has received the first.
            wait_until("nobody is let in any more", || server.refuses_connections());
            server.signal(signal);
            assert_eq!(server.wait().code(), Some(code));
        }
    }
}

#[test]
fn while_it_drains_it_serves_and_says_that_it_is_not_well() {
    let mut server = start(&["--drain-delay", "100000"]);
    let mut early = Client::new(&server);
    early.ask(HEALTH).expect(200, "ok\n");
    server.signal(libc::SIGTERM);
    wait_until("it is not well", || Client::new(&server).ask(HEALTH).status == 503);
    for client in [&mut early, &mut Client::new(&server)] {
        let response = client.ask(GET);
        response.expect(200, "hello\n");
        assert!(response.is_last());
        client.expect_end();
    }
    // There is no need to wait for the end of that.
    server.signal(libc::SIGTERM);
    assert_eq!(server.wait().code(), Some(143));
}

#[test]
fn when_it_has_drained_it_ends() {
    let mut server = start(&["--drain-delay", "100"]);
    let mut idle = Client::new(&server);
    idle.ask(GET).expect(200, "hello\n");
    server.signal(libc::SIGTERM);
    idle.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn under_load_what_is_accepted_is_answered() {
    for cores in [1, 2] {
        let (mut server, trace) = start_traced(&["--cores", &cores.to_string()]);
        let (files, threads) = (server.open_files(), server.threads());
        let load = Load::start(server.address);
        load.wait_for(200);
        // It keeps the process alive, so that we can look at that when everything else has ended.
        let mut slow = Client::new(&server);
        slow.send(format!("{GET}POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhel"));
        slow.response().expect(200, "hello\n");

        server.signal(libc::SIGTERM);
        let outcome = load.ended();
        wait_until("only that is left", || server.open_files() <= files - cores + 1);
        assert!(server.threads() <= threads);
        slow.ask("lo\n").expect(200, "hello\n");
        slow.expect_end();
        drop(slow);
        let (status, errors) = server.wait_and_read_errors();
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
        if let Some(trace) = trace {
            let trace = trace.of_ended(&server);
            let accepted = |port: &u16| trace.contains(&format!("htons({port})"));
            assert!(trace.matches("htons(").count() > 100);
            let lost: Vec<_> = outcome.lost.into_iter().filter(accepted).collect();
            assert!(lost.is_empty(), "{lost:?}");
        }
    }
}

#[test]
fn what_has_reached_the_machine_before_the_signal_is_answered() {
    raise_open_files();
    for cores in ["1", "2"] {
        let mut server = start(&["--cores", cores]);
        let mut clients: Vec<_> = (0..50).map(|_| Client::new(&server)).collect();
        clients.iter_mut().for_each(|client| client.ask(GET).expect(200, "hello\n"));
        // The server does not run, but the kernel does: new connections are in the listeners' queues. They are more
        // than a task may accept before it gives way.
        server.signal(libc::SIGSTOP);
        clients.extend((0..500).map(|_| Client::new(&server)));
        clients.iter_mut().for_each(|client| client.send(GET));
        server.signal(libc::SIGTERM);
        server.signal(libc::SIGCONT);
        for mut client in clients {
            client.response().expect(200, "hello\n");
            client.expect_end();
        }
        assert_eq!(server.wait().code(), Some(0));
    }
}

/// Starts a server under strace, which records the clients that it accepts. Without strace nothing is recorded.
fn start_traced(options: &[&str]) -> (Server, Option<Trace>) {
    if !has("strace") {
        return (start(options), None);
    }
    let trace = Trace::new();
    let mut strace = Command::new("strace");
    // -D makes the process that we start become the server, and strace a grandchild.
    strace
        .args(["-D", "-f", "--seccomp-bpf", "-q", "-e", "trace=accept4", "-e", "signal=none", "-o"])
        .arg(&trace.0);
    strace.arg(path_of("http")).arg("127.0.0.1:0").args(options);
    // LeakSanitizer does not work together with strace.
    strace.env("ASAN_OPTIONS", "detect_leaks=0");
    (Server::spawn(strace), Some(trace))
}

/// The file that strace writes. It is removed when this is dropped.
struct Trace(PathBuf);

impl Trace {
    fn new() -> Trace {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Trace(std::env::temp_dir().join(format!("ayi-http-{}-{number}.strace", std::process::id())))
    }

    /// Returns the whole trace, once the server has ended.
    fn of_ended(&self, server: &Server) -> String {
        let (mut trace, pid) = (String::new(), server.id().to_string());
        wait_until("strace has written its last line", || {
            trace = std::fs::read_to_string(&self.0).unwrap();
            trace.lines().any(|line| line.split_whitespace().take(3).eq([pid.as_str(), "+++", "exited"]))
        });
        trace
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
