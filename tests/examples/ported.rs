//! The examples that were written for tokio, seen from outside.

use crate::servers::{Server, run};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// Reads the next line of a client.
fn line(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    line
}

#[test]
fn in_the_chat_room_each_hears_the_others() {
    let server = Server::start("chat_room", &[]);
    let mut first = BufReader::new(server.connect());
    // The second client's announcement to the first shows that the first is there.
    let mut second = BufReader::new(server.connect());
    let announced = line(&mut first);
    assert!(announced == "* 2 is here\n" || announced == "* 1 is here\n", "{announced:?}");
    let (one, two) = if announced.contains('2') { (1, 2) } else { (2, 1) };
    first.get_mut().write_all(b"tea?\nor ").unwrap();
    assert_eq!(line(&mut second), format!("{one}: tea?\n"));
    first.get_mut().write_all(b"coffee?\n").unwrap();
    assert_eq!(line(&mut second), format!("{one}: or coffee?\n"));
    second.get_mut().write_all(b"both\n").unwrap();
    assert_eq!(line(&mut first), format!("{two}: both\n"));
    second.get_mut().shutdown(Shutdown::Write).unwrap();
    assert_eq!(line(&mut first), format!("* {two} has left\n"));
    let mut rest = String::new();
    second.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "its connection is closed, and it has heard nothing of itself");
}

#[test]
fn in_the_chat_room_a_line_without_end_is_passed_on_in_pieces() {
    let server = Server::start("chat_room", &[]);
    let mut first = BufReader::new(server.connect());
    let mut second = BufReader::new(server.connect());
    line(&mut first);
    first.get_mut().write_all(&[b'x'; 1500]).unwrap();
    assert_eq!(line(&mut second).trim_end().split_once(": ").unwrap().1.len(), 1024);
    first.get_mut().write_all(b"\n").unwrap();
    assert_eq!(line(&mut second).trim_end().split_once(": ").unwrap().1.len(), 1500 - 1024);
}

#[test]
fn the_port_scan_finds_the_open_ones() {
    let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut ports: Vec<u16> =
        listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    ports.sort_unstable();
    let range = format!("{}-{}", ports[0], ports[2]);
    let output = run("port_scan", &["127.0.0.1", &range]);
    assert!(output.status.success());
    let found: Vec<u16> =
        String::from_utf8(output.stdout).unwrap().lines().map(|port| port.parse().unwrap()).collect();
    // Other programs on this machine may listen too.
    assert!(ports.iter().all(|port| found.contains(port)), "{ports:?} {found:?}");
    assert!(found.is_sorted());
    let output = run("port_scan", &["no-such-host.invalid", "1"]);
    assert!(!output.status.success());
}

struct Tftp {
    server: Server,
    directory: PathBuf,
}

impl Tftp {
    fn new(name: &str) -> Tftp {
        let directory = std::env::temp_dir().join(format!("ayi-tftp-{}-{name}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        for len in [0, 511, 512, 1300] {
            std::fs::write(directory.join(len.to_string()), vec![b'a'; len]).unwrap();
        }
        let server = Server::start("tftp", &[directory.to_str().unwrap()]);
        Tftp { server, directory }
    }

    /// Asks for `name`, and returns the socket for the answers.
    fn request(&self, operation: u8, name: &str, mode: &str) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = [&[0, operation], name.as_bytes(), b"\0", mode.as_bytes(), b"\0"].concat();
        socket.send_to(&request, self.server.address).unwrap();
        socket
    }

    fn error(&self, operation: u8, name: &str, mode: &str) -> (u8, String) {
        let packet = receive(&self.request(operation, name, mode));
        assert_eq!(packet[..3], [0, 5, 0]);
        (packet[3], String::from_utf8_lossy(&packet[4..packet.len() - 1]).into_owned())
    }
}

impl Drop for Tftp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Receives a packet. From here on, the socket talks to its sender.
fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut packet = [0; 600];
    loop {
        match socket.recv_from(&mut packet) {
            Ok((len, from)) => {
                socket.connect(from).unwrap();
                return packet[..len].to_vec();
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn tftp_gives_files_block_by_block() {
    let tftp = Tftp::new("files");
    for len in [0_usize, 511, 512, 1300] {
        let socket = tftp.request(1, &len.to_string(), "octet");
        let mut got = 0;
        for number in 1..=(len / 512 + 1) as u8 {
            let packet = receive(&socket);
            assert_eq!(packet[..4], [0, 3, 0, number]);
            got += packet.len() - 4;
            socket.send(&[0, 4, 0, number]).unwrap();
        }
        assert_eq!(got, len);
    }
}

#[test]
fn tftp_sends_again_what_is_not_acknowledged() {
    let tftp = Tftp::new("again");
    let socket = tftp.request(1, "1300", "OCTET");
    let first = receive(&socket);
    // A late packet of another block is no answer.
    socket.send(&[0, 4, 0, 9]).unwrap();
    assert_eq!(receive(&socket), first);
    socket.send(&[0, 4, 0, 1]).unwrap();
    assert_eq!(receive(&socket)[..4], [0, 3, 0, 2]);
}

#[test]
fn tftp_refuses_what_it_does_not_do() {
    let tftp = Tftp::new("refuses");
    assert_eq!(tftp.error(1, "nothing", "octet"), (1, "file not found".into()));
    assert_eq!(tftp.error(1, "../../etc/passwd", "octet").0, 2);
    assert_eq!(tftp.error(1, "/a/../../etc/passwd", "octet").0, 2);
    assert_eq!(tftp.error(2, "512", "octet"), (2, "this server only gives".into()));
    assert_eq!(tftp.error(1, "512", "netascii").0, 0);
    assert_eq!(tftp.error(9, "512", "octet").0, 4);
    // The server is still there.
    assert_eq!(receive(&tftp.request(1, "/511", "octet")).len(), 515);
}
