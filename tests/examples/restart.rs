//! `examples/http` is replaced while clients go on sending requests. The test holds the socket, as systemd does, and
//! passes it to one process after the other.

use crate::servers::http::{Client, GET};
use crate::servers::load::Load;
use crate::servers::{Server, has, path_of};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Starts a server with the protocol of sd_listen_fds(3): the socket is descriptor 3, and the environment says for
/// which process it is meant.
fn start(socket: &TcpListener, options: &[&str]) -> Server {
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(path_of("http")).args(options);
    command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
    Server::spawn(command)
}

fn socket() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn expect_good_end(mut server: Server) {
    server.signal(libc::SIGTERM);
    let (status, errors) = server.wait_and_read_errors();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
}

fn ask(server: &Server) {
    Client::new(server).ask(GET).expect(200, "hello\n");
}

#[test]
fn the_socket_that_was_passed_is_served_and_no_other() {
    let (socket, address) = socket();
    for cores in ["1", "2"] {
        let server = start(&socket, &["127.0.0.1:1", "--cores", cores]);
        assert_eq!(server.address, address);
        (0..8).for_each(|_| ask(&server));
        expect_good_end(server);
    }
}

#[test]
fn a_socket_for_another_process_is_left_alone() {
    let mut command = Command::new(path_of("http"));
    command.arg("127.0.0.1:0").env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    ask(&Server::spawn(command));
}

/// Clients that ask within the delay are told that their connection ends. They send nothing on it any longer, so none
/// of their requests meets its end.
const DRAIN: [&str; 2] = ["--drain-delay", "1000"];

#[test]
fn the_new_server_takes_over_while_the_old_one_finishes() {
    for cores in ["1", "2"] {
        let (socket, address) = socket();
        let options = [DRAIN[0], DRAIN[1], "--cores", cores];
        let mut old = start(&socket, &options);
        let load = Load::start(address);
        for _ in 0..2 {
            load.wait_for(100);
            let new = start(&socket, &options);
            expect_good_end(old);
            load.wait_for(100);
            old = new;
        }
        let outcome = load.stop();
        assert!(outcome.lost.is_empty() && outcome.raced == 0, "{outcome:?}");
        expect_good_end(old);
    }
}

/// `systemctl restart` does the same.
#[test]
fn who_comes_between_two_servers_waits_in_the_socket() {
    let (socket, address) = socket();
    let mut server = start(&socket, &DRAIN);
    let load = Load::start(address);
    for _ in 0..2 {
        load.wait_for(100);
        expect_good_end(server);
        // Nobody is refused.
        let mut waiting = Client::try_new(address).unwrap();
        waiting.send(GET);
        server = start(&socket, &DRAIN);
        waiting.response().expect(200, "hello\n");
    }
    load.wait_for(100);
    let outcome = load.stop();
    assert!(outcome.lost.is_empty() && outcome.raced == 0, "{outcome:?}");
    expect_good_end(server);
}

#[test]
fn systemd_passes_its_socket() {
    if !has("systemd-socket-activate") {
        return;
    }
    // It takes no port 0, since it does not report which port it gets. An address that nobody else has serves instead.
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = SocketAddr::from((Ipv4Addr::new(127, 1 + high % 254, low, 1), 8080));
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(address.to_string()).arg(path_of("http")).arg("127.0.0.1:1");
    // It starts the server when a client connects.
    let client = thread::spawn(move || {
        loop {
            match Client::try_new(address) {
                Some(mut client) => break client.ask(GET).expect(200, "hello\n"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    });
    let server = Server::spawn(command);
    assert_eq!(server.address, address);
    client.join().unwrap();
    ask(&server);
}
