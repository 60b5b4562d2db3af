//! The example `cores`: both ways to get connections to all cores.

use crate::servers::{PATIENCE, path_of, run};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Server {
    fn start(options: &[&str]) -> Server {
        let mut command = Command::new(path_of("cores"));
        command.args(["127.0.0.1:0", "--cores", "2"]).args(options).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Server { child, lines, address }
    }

    /// Connects, and has the connection answered once.
    fn client(&self, n: usize) -> TcpStream {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let question = format!("question {n}");
        client.write_all(question.as_bytes()).unwrap();
        let mut answer = vec![0; question.len()];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, question.as_bytes());
        client
    }

    /// Ends it by `SIGTERM`, and returns how many each core says it has served.
    fn end(mut self) -> Vec<usize> {
        // SAFETY: takes no pointers; the child has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) }, 0);
        let mut served: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        served.sort();
        let count = |line: &String| line.split([':', ' ']).nth(3).unwrap().parse().unwrap();
        served.iter().map(count).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_kernel_deals_connections_out_to_all_cores() {
    let server = Server::start(&[]);
    let clients: Vec<_> = (0..100).map(|n| server.client(n)).collect();
    let served = server.end();
    assert_eq!(served.iter().sum::<usize>(), 100);
    // The odds that one has none would be one in 2^99.
    assert!(served.len() == 2 && served.iter().all(|served| *served > 0), "{served:?}");
    // Idle clients have been told by the end of the stream.
    for mut client in clients {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn one_core_deals_connections_out_evenly() {
    let server = Server::start(&["--balanced"]);
    let clients: Vec<_> = (0..100).map(|n| server.client(n)).collect();
    let served = server.end();
    // They are dealt out one by one. One that has not begun may go on to the other core, if its own is busy just then.
    assert!(served.iter().sum::<usize>() == 100 && served.iter().all(|served| *served >= 45), "{served:?}");
    drop(clients);
}

#[test]
fn an_unknown_argument_gets_a_usage() {
    for args in [["--cores", "0"], ["--cores", "two"], ["--balance", ""], ["127.0.0.1", ""]] {
        let output = run("cores", &args);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("\n\nusage: cores "));
    }
}
