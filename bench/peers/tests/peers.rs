//! The servers and timers do what is measured, as AddressSanitizer and UndefinedBehaviorSanitizer see them. Without a
//! library its peers are skipped, and say so. With the variable `CI` set they fail.

#[path = "../../../tests/support/skipped.rs"]
mod skipped;

use load::{Load, Protocol};
use peers::{BOOST, Compiler, LIBEV, Library, PEERS, Peer};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

/// Warnings are errors, and so is whatever a sanitizer finds, leaks included.
const SANITIZED: [&str; 5] =
    ["-O1", "-g", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A peer with its programs.
struct Built {
    peer: &'static Peer,
    echo: PathBuf,
    timers: Option<PathBuf>,
}

static BUILT: LazyLock<Vec<Built>> = LazyLock::new(|| {
    let build = |peer: &'static Peer| {
        if let Err(error) = peer.library.version() {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            skipped::skipped(format_args!("{}: {error}", peer.name));
            return None;
        }
        let build = |source: PathBuf| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            peer.build(&source, &SANITIZED, folder).unwrap_or_else(|error| panic!("{error}"))
        };
        Some(Built {
            peer,
            echo: build(Path::new("echo").join(peer.echo)),
            timers: peer.timers.map(|source| build(Path::new("timers").join(source))),
        })
    };
    thread::scope(|scope| {
        let threads: Vec<_> = PEERS.iter().map(|peer| scope.spawn(|| build(peer))).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("every peer compiles")).collect()
    })
});

/// Does something with each peer that is installed, all at the same time.
fn each(action: impl Fn(&Built) + Sync) {
    let action = &action;
    thread::scope(|scope| {
        for built in BUILT.iter() {
            let thread = thread::Builder::new().name(built.peer.name.into());
            thread.spawn_scoped(scope, move || action(built)).unwrap();
        }
    });
}

/// A process that is killed when this is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Neither is an error if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(command: &mut Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Process(command.spawn().unwrap())
    }

    fn server(built: &Built, buffer: usize) -> (Process, SocketAddr) {
        let mut process = Process::start(Command::new(&built.echo).arg(buffer.to_string()));
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the address is announced");
        (process, address.parse().unwrap())
    }

    /// Waits for the end, which has to be a good one, and returns what was printed.
    fn succeed(&mut self, what: &str) -> String {
        let start = Instant::now();
        let status = loop {
            match self.0.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(start.elapsed() < PATIENCE, "{what} does not end"),
            }
            thread::sleep(Duration::from_millis(2));
        };
        let (mut output, mut errors) = (String::new(), String::new());
        self.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_string(&mut output).unwrap();
        }
        assert!(status.success() && errors.is_empty(), "{what}: {status}\n{errors}");
        output
    }

    /// Asks a server to end: then it has to give back all that it has.
    fn terminate(mut self, what: &str) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        self.succeed(what);
    }
}

/// Questions that are their own answers.
struct Echo(usize);

impl Protocol for Echo {
    fn ask(&self, connection: usize, sequence: u64, question: &mut Vec<u8>, answer: &mut Vec<u8>) {
        let byte = |i: usize| (i * 31 + connection * 7 + sequence as usize) as u8;
        *question = (0..self.0).map(byte).collect();
        answer.clone_from(question);
    }
}

#[test]
fn many_connections_are_answered_each_with_its_own_bytes() {
    each(|built| {
        let name = built.peer.name;
        let (server, address) = Process::server(built, 128);
        // Shorter than the buffer, as long, and many times as long.
        for bytes in [64, 128, 16 << 10] {
            let load = Load { address, connections: 16, beside: 0, protocol: &Echo(bytes) };
            let taken = load.run(Duration::ZERO, Duration::from_millis(100)).unwrap();
            taken.errors.check().unwrap_or_else(|error| panic!("{name}, {bytes} bytes: {error}"));
            assert!(taken.requests >= 16, "{name}, {bytes} bytes: {} answers", taken.requests);
        }
        server.terminate(name);
    });
}

#[test]
fn a_client_that_does_not_read_yet_gets_all_in_the_end() {
    each(|built| {
        let name = built.peer.name;
        let (server, address) = Process::server(built, 4096);
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();

        // Until nothing more is taken: the server waits to write, and does not read meanwhile.
        client.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let piece: Vec<u8> = (0..1 << 16).map(|i: u32| (i % 251) as u8).collect();
        let mut sent = 0;
        let byte = |position: usize| piece[position % piece.len()];
        loop {
            match client.write(&piece[sent % piece.len()..]) {
                Ok(bytes) => sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{name}: {error}"),
            }
            // The buffers of two sockets have some MB each.
            assert!(sent < 100 << 20, "{name} keeps all that it reads");
        }

        // The server answers others in between.
        let load = Load { address, connections: 1, beside: 0, protocol: &Echo(64) };
        load.connect().unwrap().errors.check().unwrap_or_else(|error| panic!("{name}: {error}"));

        // No more is sent, so everything comes back, and then the end.
        client.shutdown(Shutdown::Write).unwrap();
        let (mut buf, mut received) = (vec![0; 1 << 16], 0);
        loop {
            let bytes = client.read(&mut buf).unwrap_or_else(|error| panic!("{name}: {error}"));
            if bytes == 0 {
                break;
            }
            let is_right = buf[..bytes].iter().enumerate().all(|(i, &it)| it == byte(received + i));
            assert!(is_right, "{name}: wrong between bytes {received} and {}", received + bytes);
            received += bytes;
        }
        assert_eq!(received, sent, "{name}");
        server.terminate(name);
    });
}

#[test]
fn a_server_outlives_clients_that_are_gone_and_ends_with_others_connected() {
    each(|built| {
        let name = built.peer.name;
        let (server, address) = Process::server(built, 128);
        for _ in 0..20 {
            // The answers are not read, so closing resets the connection, while the server writes.
            TcpStream::connect(address).unwrap().write_all(&[7; 10_000]).unwrap();
        }
        let load = Load { address, connections: 8, beside: 0, protocol: &Echo(64) };
        let clients = load.connect().unwrap();
        clients.errors.check().unwrap_or_else(|error| panic!("{name}: {error}"));
        server.terminate(name);
        drop(clients);
    });
}

#[test]
fn timers_are_made_moved_and_fire_when_they_are_due() {
    each(|built| {
        let Some(program) = &built.timers else { return };
        // The program itself ends with an error unless all timers fire, or if they do so too early.
        let run = |work: &str, n: u32| {
            let what = format!("{}, {work}", built.peer.name);
            let start = Instant::now();
            let output = Process::start(Command::new(program).args([work, &n.to_string()])).succeed(&what);
            let number: i64 = output.trim().parse().unwrap_or_else(|_| panic!("{what}: {output:?}"));
            assert!(number > 0, "{what}: {number} ns");
            start.elapsed()
        };
        run("create", 1_050);
        run("move", 1_050);
        assert!(run("fire", 1_000) > Duration::from_millis(950), "they fire within a second");
        assert!(run("due", 1_000) > Duration::from_secs(2), "they are due after two seconds");
        // libuv counts milliseconds.
        if built.peer.name != "libuv" {
            run("late", 100);
        }
    });
}

#[test]
fn what_cannot_be_done_is_told() {
    each(|built| {
        for (program, arguments) in
            [(Some(&built.echo), &["no number"][..]), (built.timers.as_ref(), &["sing", "1"])]
        {
            let Some(program) = program else { continue };
            let output = Command::new(program).args(arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{}", built.peer.name);
            assert!(!output.stderr.is_empty(), "{}", built.peer.name);
        }
    });
}

#[test]
fn a_missing_library_is_told_by_name_and_package() {
    let error = |library: Library| {
        let peer = Peer { library, ..PEERS[0] };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("missing");
        let error = peer.build(Path::new("echo/libev.c"), &[], &folder).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        error.to_string()
    };
    let libev = Library { header: "no/such/header.h", ..LIBEV };
    assert_eq!(error(libev), "libev is missing: install Debian's package libev-dev");
    let compiler = Compiler { program: "no-such-compiler", ..BOOST.compiler };
    let boost = Library { compiler, ..BOOST };
    assert_eq!(error(boost), "no-such-compiler is missing: install Debian's package g++");
}

#[test]
fn the_version_is_that_of_the_library() {
    for built in BUILT.iter() {
        let version = built.peer.library.version().unwrap();
        let numbers = version.split_once('.').expect("there is a point");
        assert!(numbers.0.parse::<u32>().is_ok(), "{}: {version:?}", built.peer.name);
    }
}
