//! The program as a new user finds it.

#[path = "../../../../tests/support/skipped.rs"]
mod skipped;

use super::NAMES;
use super::server::{Server, models};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Returns the exit code, standard output and standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = models().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_list_has_every_rung_with_a_sentence() {
    let (code, list, _) = run(&["list"]);
    assert_eq!(code, 0);
    for name in NAMES {
        let mut lines = list.lines().filter(|line| line.split_whitespace().nth(1) == Some(name));
        let line = lines.next().unwrap_or_else(|| panic!("{name} is not in the list"));
        assert!(line.split_whitespace().count() > 8, "{line}");
        assert!(lines.next().is_none());
    }
    let rungs =
        list.lines().filter(|line| line.trim_start().starts_with(|first: char| first.is_ascii_digit()));
    assert_eq!(rungs.count(), NAMES.len());
}

#[test]
fn wrong_arguments_are_explained() {
    for (args, reason) in [
        (&["serve", "telepathy"][..], "there is no rung of that name. There are: blocking"),
        (&["serve", "poll", "somewhere"], "it has to be HOST:PORT"),
        (&["serve"], "RUNG is missing"),
        (&["serve", "poll", "--quick"], "invalid option '--quick'"),
        (&["serve", "poll", "--watched", "file"], "--watched needs --controlled"),
        (&["watch"], "RUNG is missing"),
        (&["list", "poll"], "unexpected argument \"poll\""),
        (&["parts", "poll"], "unexpected argument \"poll\""),
        (&["dance"], "there is no command \"dance\""),
        (&[], "COMMAND is missing"),
    ] {
        let (code, _, errors) = run(args);
        assert_eq!(code, 2, "{args:?}: {errors}");
        assert!(errors.starts_with("models: ") && errors.contains(reason), "{args:?}: {errors}");
        assert!(errors.contains("\n\nusage: models COMMAND"), "{args:?}: {errors}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let server = Server::start("poll");
    let address = server.address.to_string();
    for name in ["poll", "multi_reactor", "async_await"] {
        let (code, _, errors) = run(&["serve", name, &address]);
        assert_eq!(code, 1);
        assert!(errors.contains(&format!("cannot listen on {address}")), "{errors}");
        assert!(errors.contains("in use"), "{errors}");
    }
    server.stop();
}

/// Returns whether a program that a test needs is here. In CI it has to be.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        skipped::skipped(format_args!("{program} is not installed"));
    }
    found.status.success()
}

#[test]
fn nc_can_talk_to_it() {
    if !has("nc") {
        return;
    }
    for name in ["blocking", "select", "signal_driven", "proactor", "async_await"] {
        let server = Server::start(name);
        let mut nc = Command::new("nc")
            .args(["-N", "127.0.0.1", &server.address.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let question = format!("{:<64}", "hello");
        nc.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
        assert_eq!(nc.wait_with_output().unwrap().stdout, question.as_bytes(), "{name}");
        server.stop();
    }
}

#[test]
fn udp_is_answered_in_the_signal_handler() {
    let server = Server::start("signal_driven");
    // When it answers this, it serves UDP as well.
    server.ask(&server.client(), 1);
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(server.address).unwrap();
    client.set_read_timeout(Some(super::PATIENCE)).unwrap();
    for number in 0..50u8 {
        client.send(&[number; 10]).unwrap();
        let mut answer = [0; 100];
        let received = loop {
            match client.recv(&mut answer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        assert_eq!(received, 10);
        assert_eq!(answer[..10], [number; 10]);
    }
    server.stop();
}

#[test]
fn a_comparison_of_two_rungs_prints_a_table_and_writes_a_page() {
    let page = std::env::temp_dir().join(format!("models-compare-{}.html", std::process::id()));
    let (code, table, errors) =
        run(&["compare", "--quick", "blocking", "async_await", "--page", page.to_str().unwrap()]);
    assert_eq!(code, 0, "{errors}");
    for (connections, what) in
        [("1 connection\n", "1"), ("16 connections\n", "16"), ("256 connections\n", "256")]
    {
        assert!(table.contains(connections), "nothing about {what} connections in {table}");
    }
    let ayi: Vec<&str> = table.lines().filter(|line| line.contains("async_await")).collect();
    assert!(ayi.len() == 4 && ayi.iter().all(|line| line.contains(" µs ")), "{table}");
    // A number beyond a rung's limit is not an error.
    assert!(table.contains("not measured: one client at a time"), "{table}");
    let written = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(page).unwrap();
    assert!(written.contains("<svg") && written.contains("data-rung=\"async_await\""));
}

#[test]
fn libraries_that_are_installed_are_compared_and_the_others_named() {
    let page = std::env::temp_dir().join(format!("models-libraries-{}.html", std::process::id()));
    let args = ["compare", "--quick", "blocking", "--libraries", "--page", page.to_str().unwrap()];
    let (code, table, errors) = run(&args);
    assert_eq!(code, 0, "{errors}{table}");
    let written = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(page).unwrap();
    for name in ["libev", "libevent", "libuv", "Boost.Asio", "bufferevent", "Asio coroutines"] {
        let missing = errors.lines().find(|line| line.starts_with(&format!("{name} is left out: ")));
        if let Some(missing) = missing {
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            assert!(missing.contains("install Debian's package "), "{missing}");
            skipped::skipped(format_args!("{missing}"));
            continue;
        }
        let lines = table.lines().filter(|line| line.trim_start().starts_with(&format!("{name} ")));
        let lines: Vec<&str> = lines.filter(|line| line.contains(" µs ")).collect();
        assert_eq!(lines.len(), 4, "{name}: {table}");
        assert!(written.contains(&format!("<th>{name}</th>")), "{name}");
    }
}

#[test]
fn parts_are_measured_both_ways() {
    let (code, table, errors) = run(&["parts"]);
    assert_eq!(code, 0, "{errors}");
    for part in ["waker", "run queue", "inbox", "timers", "sources", "blocks"] {
        let line = table.lines().find(|line| line.starts_with(&format!("{part} "))).expect(&table);
        assert_eq!(line.matches(" ns").count(), 2, "{line}");
    }
    assert!(table.contains("The machine is "), "{table}");
}

#[test]
fn a_page_that_cannot_be_written_is_said_before_anything_is_measured() {
    let (code, table, errors) = run(&["compare", "--quick", "poll", "--page", "/proc/no/page.html"]);
    assert_eq!((code, table.as_str()), (1, ""));
    assert!(errors.contains("cannot write /proc/no/page.html"), "{errors}");
}

#[test]
fn a_slow_answer_keeps_everybody_waiting_where_there_is_one_thread() {
    for (name, row) in [("epoll_level", " 7  epoll_level"), ("simulated_proactor", "14  simulated_proactor")]
    {
        let (code, table, errors) = run(&["slow", name]);
        assert_eq!(code, 0, "{table}{errors}");
        let line = table.lines().find(|line| line.starts_with(row)).expect(&table);
        // A busy machine is told, with numbers, and nothing is judged there.
        if table.contains("The machine is BUSY: ") {
            assert!(line.ends_with("not judged: the machine is busy"), "{table}");
            assert!(table.contains(" late") && table.contains(" %"), "{table}");
        } else {
            assert!(table.contains("The machine is quiet: "), "{table}");
            let verdict = if name == "epoll_level" { "everybody: " } else { "  nobody" };
            assert!(line.contains(verdict), "{table}");
        }
    }
    let (code, table, errors) = run(&["slow", "blocking"]);
    assert!(code == 0 && table.contains("one client at a time"), "{table}{errors}");
}

#[test]
fn a_process_that_is_killed_takes_nobody_with_it_and_none_is_left_behind() {
    let mut server = Server::start("process_per_connection");
    let children = || {
        let pid = server.pid();
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap()
    };
    let first = server.client();
    server.ask(&first, 1);
    let crashing = children().trim().to_owned();
    let second = server.client();
    server.ask(&second, 2);
    assert!(Command::new("kill").args(["-KILL", &crashing]).status().unwrap().success());
    assert_eq!((&first).read(&mut [0]).unwrap(), 0, "its connection ends");
    server.ask(&second, 3);
    drop(second);
    // Also those that ended while nobody came are reaped.
    let begin = Instant::now();
    while !children().is_empty() {
        assert!(begin.elapsed() < super::PATIENCE, "{} are left", children());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(server.report()["threads"], 1);
    server.stop();
}

#[test]
fn processes_cannot_be_watched() {
    let (code, _, errors) = run(&["watch", "process_per_connection"]);
    assert!(code == 1 && errors.contains("process_per_connection cannot be watched"), "{errors}");
}

#[test]
fn signals_that_find_their_queue_full_are_made_up_for() {
    // There is room for one queued signal: the others become SIGIO, which says only that something was lost.
    let mut limited = Command::new("prlimit");
    limited.args(["--sigpending=1", env!("CARGO_BIN_EXE_models")]);
    let server = Server::of("signal_driven", limited);
    let clients: Vec<_> = (0..20).map(|_| server.client()).collect();
    for round in 0..20 {
        let questions: Vec<_> = (0..20).map(|client| server.question(client * 100 + round)).collect();
        for (mut client, question) in clients.iter().zip(&questions) {
            client.write_all(question).unwrap();
        }
        for (client, question) in clients.iter().zip(&questions) {
            server.expect_answer(client, question);
        }
    }
    server.stop();
}
