//! The system calls per request that the comparison prints are counted: `strace` counts the same ones.

use super::command_line::has;
use super::server::Server;
use std::process::Command;

/// The calls that a server makes while it answers. Those for starting, stopping and reporting are not in the list.
const CALLS: &[&str] = &[
    "accept4",
    "close",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "poll",
    "read",
    "readv",
    "recvfrom",
    "select",
    "sendto",
    "write",
    "writev",
    "pselect6",
    "ppoll",
    "fcntl",
    "shutdown",
];

fn agrees_with_strace(name: &'static str) {
    const QUESTIONS: u64 = 1000;
    if !has("strace") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("models-strace-{name}-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-o", folder.to_str().unwrap(), "-e"]);
    strace.arg(format!("trace={}", CALLS.join(","))).arg(env!("CARGO_BIN_EXE_models"));
    let mut server = Server::of(name, strace);
    let client = server.client();
    let before = server.report()["syscalls"];
    for number in 0..QUESTIONS {
        server.ask(&client, number as usize);
    }
    let counted = server.report()["syscalls"] - before;
    server.stop();
    let table = std::fs::read_to_string(&folder).unwrap();
    std::fs::remove_file(folder).unwrap();
    let total = table.lines().find(|line| line.ends_with(" total")).expect(&table);
    let traced: u64 = total.split_whitespace().nth(3).unwrap().parse().expect(&table);
    // Before, between and after the questions there are the start, the reports and the stop.
    let others = traced.abs_diff(counted);
    assert!(counted >= 2 * QUESTIONS, "{name}: {counted} system calls for {QUESTIONS} questions");
    assert!(others < 100, "{name}: {counted} were counted, strace has seen {traced}\n{table}");
}

/// The calls of one question, from one wait to the next, as the book has them.
#[test]
fn of_one_question() {
    if !has("strace") {
        return;
    }
    let file = std::env::temp_dir().join(format!("models-strace-one-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", file.to_str().unwrap(), "-e", "trace=epoll_pwait,recvfrom,sendto"]);
    strace.arg(env!("CARGO_BIN_EXE_models"));
    let server = Server::of("async_await", strace);
    let client = server.client();
    // The next question comes when the server sleeps, which it does in its wait alone.
    let strace = server.pid();
    let child = std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap();
    for number in 0..3 {
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap();
        while !stat().rsplit(')').next().unwrap().starts_with(" S") {
            std::thread::yield_now();
        }
        server.ask(&client, number);
    }
    drop(client);
    server.stop();
    let traced = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    // A call that sleeps has a line for its beginning, and one for its end.
    let call = |line: &str| {
        let rest = line.split_once(' ')?.1.trim().trim_start_matches("<... ");
        let name = rest.split(['(', ' ']).next()?;
        let result = rest.rsplit_once(" = ")?.1.trim_start_matches("-1 ");
        Some(format!("{name} = {}", result.split(' ').next()?))
    };
    let calls: Vec<String> = traced.lines().filter_map(call).collect();
    // Of the second question: before the first, epoll also tells of the connection.
    let questions = calls.iter().enumerate().filter(|(_, call)| *call == "recvfrom = 64");
    let second = questions.map(|(at, _)| at).nth(1).unwrap_or_else(|| panic!("{traced}"));
    let wait = |call: &String| call.starts_with("epoll_pwait");
    let begin = calls[..second].iter().rposition(wait).unwrap_or_else(|| panic!("{traced}"));
    let end = begin + 1 + calls[begin + 1..].iter().position(wait).unwrap_or_else(|| panic!("{traced}"));
    assert_eq!(calls[begin..end].join("\n") + "\n", include_str!("one_question.txt"), "{traced}");
}

#[test]
fn of_a_thread_per_connection() {
    agrees_with_strace("thread_per_connection");
}

#[test]
fn of_a_process_per_connection() {
    agrees_with_strace("process_per_connection");
}

#[test]
fn of_epoll() {
    agrees_with_strace("epoll_level");
}

#[test]
fn of_ayi() {
    agrees_with_strace("async_await");
}
