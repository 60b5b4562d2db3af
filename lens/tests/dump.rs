//! `ayi-lens dump`: finds the live view of a program, and says why it does not.

use ayi::runtime::Builder;
use ayi::task;
use ayi::time::{Duration, sleep};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;

/// Tells this program that it is the one that a test looks at.
const IS_PROGRAM: &str = "AYI_LENS_TEST_PROGRAM";

/// What the tests look at, in a process of its own: a server with a live view, until stdin ends.
#[test]
fn the_program() {
    if std::env::var_os(IS_PROGRAM).is_none() {
        return;
    }
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    thread::spawn(move || serve_http(&server));
    let runtime = Builder::new_current_thread().name("orders").build().unwrap();
    runtime.block_on(async {
        task::Builder::new().name("a\u{202e}b").spawn(sleep(Duration::from_secs(3600))).unwrap();
        task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    });
}

/// A server of HTTP that is no live view.
fn serve_http(listener: &TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
    }
}

struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(live: &str) -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_program", "--nocapture"]).env(IS_PROGRAM, "1").env("AYI_LIVE", live);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut welcome = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut welcome).unwrap();
        let address = welcome.split_once("http://").and_then(|(_, rest)| rest.split_once('/'));
        let address = address.unwrap_or_else(|| panic!("it says {welcome:?}")).0.parse().unwrap();
        Program { child, address }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the exit code, stdout and stderr of `ayi-lens dump`.
fn dump(target: impl ToString) -> (Option<i32>, String, String) {
    let mut lens = Command::new(env!("CARGO_BIN_EXE_ayi-lens"));
    let output = lens.args(["dump", &target.to_string()]).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn error(target: impl ToString) -> String {
    let (code, out, error) = dump(target);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// Asks until the task is there, and waits.
fn dump_of_the_task(target: impl ToString) -> String {
    loop {
        let (code, out, error) = dump(target.to_string());
        assert_eq!((code, error.as_str()), (Some(0), ""));
        if out.contains(", waits for a time, in ") {
            return out;
        }
    }
}

#[test]
fn a_program_is_found_by_its_number_and_by_its_address() {
    let program = Program::start("127.0.0.1:0");
    let said = dump_of_the_task(program.child.id());
    assert!(said.starts_with("runtime ") && said.contains(" \"orders\": 2 tasks\n"), "{said}");
    assert!(said.contains(r#" "a\u{202e}b", spawned at "#), "{said}");
    assert!(dump_of_the_task(program.address).contains(" \"orders\": "));
    assert!(dump_of_the_task(format!(":{}", program.address.port())).contains(" \"orders\": "));
}

#[test]
fn a_program_that_serves_at_all_addresses_is_found() {
    let program = Program::start("0.0.0.0:0");
    assert!(dump_of_the_task(program.child.id()).contains(" \"orders\": "));
}

#[test]
fn what_has_no_live_view_is_told_how_to_get_one() {
    // No process has so high a number.
    let number = 1 << 22;
    assert_eq!(error(number), format!("ayi-lens: there is no process {number}\n"));

    let mut sleeps = Command::new("sleep").arg("60").env_remove("AYI_LIVE").spawn().unwrap();
    let told = error(sleeps.id());
    assert!(told.contains("listens nowhere") && told.contains("run it with AYI_LIVE=127.0.0.1:0"), "{told}");
    sleeps.kill().unwrap();
    sleeps.wait().unwrap();

    // This process serves HTTP, and something that has closed the connection at once.
    let (http, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::]:0"));
    let address = http.local_addr().unwrap();
    thread::spawn(move || serve_http(&http));
    let other = other.or_else(|_| TcpListener::bind("0.0.0.0:0")).unwrap();
    let second = other.local_addr().unwrap();
    thread::spawn(move || other.incoming().for_each(drop));
    let told = error(std::process::id());
    assert!(told.contains("has no live view that answers. It listens at "), "{told}");
    assert!(told.contains(&format!("{address}: it answers, but is no live view")), "{told}");
    assert!(told.contains(&format!("{second}: ")) && told.contains("feature `live`"), "{told}");
    let told = error(address);
    assert!(told.contains(&format!("{address} has given no dump. {address}: it answers, but")), "{told}");
}

#[test]
fn an_address_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(error(address).contains("Connection refused"));
    assert!(error("127.0.0.1:x").contains("cannot find the address 127.0.0.1:x"));
}

/// A listener that is inherited is that of two processes, and only one of them answers.
#[test]
fn a_view_of_another_process_is_not_taken() {
    let program = Program::start("127.0.0.1:0");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let view = program.address;
    // This process passes requests on to the view.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut request = [0; 1024];
            let mut stream = stream.unwrap();
            let length = stream.read(&mut request).unwrap();
            let mut to = std::net::TcpStream::connect(view).unwrap();
            to.write_all(&request[..length]).unwrap();
            let _ = std::io::copy(&mut to, &mut stream);
        }
    });
    let told = error(std::process::id());
    let expected = format!("{address}: it is the live view of process {}", program.child.id());
    assert!(told.contains(&expected), "{told}");
    assert!(dump_of_the_task(address).contains(" \"orders\": "));
}

#[test]
fn a_server_that_is_silent_is_not_waited_for_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = error(listener.local_addr().unwrap());
    assert!(told.contains("no answer within 5s"), "{told}");
}
