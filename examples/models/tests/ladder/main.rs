//! Every rung, seen from outside: right answers, and what clients may do to it.

mod command_line;
mod server;
mod system_calls;
mod watch;

use server::{PATIENCE, Server};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Each situation for each rung, as a test of its own.
macro_rules! ladder {
    ($($rung:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($rung)),*];
        $(ladder! { @rung $rung
            right_answers_to_many_questions
            several_clients_at_once
            a_half_closed_connection_still_gets_its_answer
            a_client_that_vanishes_in_the_middle_of_a_message
            a_message_that_comes_a_byte_at_a_time
            a_client_that_never_reads
            more_clients_than_descriptors
            signals_during_system_calls
            a_stop_while_clients_are_connected
        })*
    };
    (@rung $rung:ident $($situation:ident)*) => {
        mod $rung {
            $(#[test]
            fn $situation() {
                super::$situation(stringify!($rung));
            })*
        }
    };
}

ladder! {
    blocking thread_per_connection process_per_connection thread_pool connection_pool nonblocking select poll epoll_level epoll_edge
    signal_driven aio_posix aio_native aio_uring reactor multi_reactor proactor simulated_proactor hand_written_future
    async_fn run_queue smallest_runtime timers_and_threads async_await async_await_cores
}

/// Returns whether it serves one client at a time.
fn is_for_one(name: &str) -> bool {
    name == "blocking"
}

fn right_answers_to_many_questions(name: &'static str) {
    let server = Server::start(name);
    let client = server.client();
    for number in 0..100 {
        server.ask(&client, number * 31);
    }
    // Several are sent at once, possibly in one piece.
    let questions: Vec<_> = (0..10).map(|number| server.question(number)).collect();
    (&client).write_all(&questions.concat()).unwrap();
    questions.iter().for_each(|question| server.expect_answer(&client, question));
    server.stop();
}

fn several_clients_at_once(name: &'static str) {
    let server = Server::start(name);
    if is_for_one(name) {
        // The second is answered when the first has left.
        let (first, second) = (server.client(), server.client());
        (&second).write_all(&server.question(2)).unwrap();
        server.ask(&first, 1);
        drop(first);
        server.expect_answer(&second, &server.question(2));
        return server.stop();
    }
    let clients: Vec<TcpStream> = (0..20).map(|_| server.client()).collect();
    for round in 0..10 {
        let questions: Vec<_> = (0..20).map(|client| server.question(client * 100 + round)).collect();
        for (mut client, question) in clients.iter().zip(&questions) {
            client.write_all(question).unwrap();
        }
        // Those that asked last are answered no later.
        for (client, question) in clients.iter().zip(&questions).rev() {
            server.expect_answer(client, question);
        }
    }
    server.stop();
}

fn a_half_closed_connection_still_gets_its_answer(name: &'static str) {
    let server = Server::start(name);
    let mut client = server.client();
    client.write_all(&server.question(5)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    server.expect_answer(&client, &server.question(5));
    assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 0, "{name} does not close");
    server.stop();
}

fn a_client_that_vanishes_in_the_middle_of_a_message(name: &'static str) {
    let server = Server::start(name);
    for bytes in [0, 1, 63] {
        let mut client = server.client();
        server.ask(&client, 1);
        client.write_all(&server.question(2)[..bytes]).unwrap();
        // The client sends a reset instead of an orderly end.
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }
    // The same with an answer on its way.
    let mut client = server.client();
    client.write_all(&server.question(3)).unwrap();
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    server.ask(&server.client(), 4);
    server.stop();
}

fn a_message_that_comes_a_byte_at_a_time(name: &'static str) {
    let server = Server::start(name);
    let mut client = server.client();
    for number in 0..3 {
        for byte in server.question(number) {
            client.write_all(&[byte]).unwrap();
        }
        server.expect_answer(&client, &server.question(number));
    }
    server.stop();
}

fn a_client_that_never_reads(name: &'static str) {
    /// This is more than the kernel's buffers take.
    const MOST: usize = 64 << 20;
    let mut server = Server::start(name);
    let mut greedy = server.client();
    // The first figure should include what a first client costs.
    server.ask(&greedy, 1);
    let before = server.report()["memory"];
    greedy.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let questions = server.question(1).repeat(1024);
    let mut sent = 0;
    // Once it cannot send any longer for a while, everything between the two is full.
    while sent < MOST {
        match greedy.write(&questions) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // With a time limit set, a call is not restarted by itself, signal(7).
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert!(sent < MOST, "{name} has read {sent} bytes of a client that does not read its answers");
    if !is_for_one(name) {
        server.ask(&server.client(), 2);
    }
    let after = server.report()["memory"];
    assert!(after < before + (8 << 20), "{name} has grown from {before} to {after} bytes");
    server.stop();
}

fn more_clients_than_descriptors(name: &'static str) {
    const DESCRIPTORS: usize = 48;
    const CLIENTS: usize = 100;
    let server = Server::with_descriptors(name, DESCRIPTORS);
    let clients: Vec<TcpStream> = (0..CLIENTS).filter_map(|_| server.try_client().ok()).collect();
    for (number, mut client) in clients.iter().enumerate() {
        // It may have been turned away already.
        let _ = client.write_all(&server.question(number));
    }
    // In ayi, and at a server for one client, they wait until others leave. At the others they are told at once.
    let waits = is_for_one(name) || name.starts_with("async_await");
    let mut answered = 0;
    let certain = match name {
        // Nobody can tell which core takes the last descriptor.
        "async_await_cores" => 0,
        _ if waits => 1,
        _ => clients.len(),
    };
    for (number, mut client) in clients.iter().take(certain).enumerate() {
        let read = loop {
            match client.read(&mut [0; 64]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Ok(_) => answered += 1,
            Err(error) => panic!("{name}: client {number} of {CLIENTS} is neither served nor told: {error}"),
        }
    }
    // Each has a process, which has its descriptors.
    let is_unlimited = name == "process_per_connection";
    assert!(
        answered >= certain.min(1) && (answered < DESCRIPTORS || is_unlimited && answered == CLIENTS),
        "{name} has answered {answered} of {CLIENTS} clients"
    );
    // It is full, and has nothing to do. A busy machine gives it less time, so this cannot fail by chance.
    let before = server.cpu_ticks();
    thread::sleep(Duration::from_millis(300));
    let used = server.cpu_ticks() - before;
    assert!(name == "nonblocking" || used < 15, "{name} has used {used} ticks of 10 ms for nothing");

    drop(clients);
    // It serves again as soon as it has noticed.
    let until = Instant::now() + PATIENCE;
    loop {
        if let Ok(mut client) = server.try_client() {
            if client.write_all(&server.question(7)).is_ok() && client.read_exact(&mut [0]).is_ok() {
                break;
            }
        }
        assert!(Instant::now() < until, "{name} does not recover");
    }
    server.stop();
}

/// What the book promises of rung 14d.
#[test]
fn the_smallest_runtime_is_small_and_serves_ten_thousand_clients() {
    const CLIENTS: usize = 10_000;
    let code = include_str!("../../src/rungs/smallest_runtime.rs");
    let begin = code.find("const BUDGET").unwrap();
    let runtime = &code[begin..code.find("async fn converse").unwrap()];
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines = runtime.lines().filter(is_code).count();
    assert!(lines <= 150, "{lines} lines for tasks, wakers, a reactor and sockets");

    // This process has a descriptor for each of them, as the server has.
    load::allow_descriptors(CLIENTS as u64 + 1_000).unwrap();
    let server = Server::with_descriptors("smallest_runtime", CLIENTS + 1_000);
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| server.client()).collect();
    for (number, client) in clients.iter().enumerate() {
        server.ask(client, number);
    }
    server.stop();
}

fn signals_during_system_calls(name: &'static str) {
    let server = Server::start(name);
    let (pid, is_over) = (server.pid().to_string(), AtomicBool::new(false));
    thread::scope(|scope| {
        // Being stopped and continued interrupts a call that waits, signal(7).
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for signal in ["-STOP", "-CONT"] {
                    let sent = Command::new("kill").args([signal, &pid]).status();
                    assert!(sent.unwrap().success());
                }
            }
        });
        let client = server.client();
        for number in 0..200 {
            server.ask(&client, number);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    server.stop();
}

fn a_stop_while_clients_are_connected(name: &'static str) {
    let server = Server::start(name);
    let clients: Vec<TcpStream> = (0..3).map(|_| server.client()).collect();
    if !is_for_one(name) {
        clients.iter().for_each(|client| server.ask(client, 1));
    }
    // One is silent, one is in the middle of a message, and one has asked and does not wait for the answer.
    (&clients[1]).write_all(&server.question(1)[..10]).unwrap();
    (&clients[2]).write_all(&server.question(1)).unwrap();
    server.stop();
}
