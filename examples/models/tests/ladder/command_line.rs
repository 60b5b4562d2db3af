//! The program as somebody uses it who has just found it.

use super::NAMES;
use super::server::{Server, models};
use std::io::Write;
use std::process::{Command, Stdio};

/// Exit code, standard output, standard error.
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
        (&["serve", "poll", "somewhere"], "invalid socket address"),
        (&["serve"], "<NAME>"),
        (&["dance"], "unrecognized subcommand 'dance'"),
        (&[], "Usage: models"),
    ] {
        let (code, _, errors) = run(args);
        assert_eq!(code, 2, "{args:?}: {errors}");
        assert!(errors.contains(reason), "{args:?}: {errors}");
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

/// Whether a program that a test needs is here. In CI it has to be.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        eprintln!("skipped: {program} is not installed");
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
        assert_eq!(client.recv(&mut answer).unwrap(), 10);
        assert_eq!(answer[..10], [number; 10]);
    }
    server.stop();
}
