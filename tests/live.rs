//! The live view: what a program serves of itself while it runs, to whom, and that it is not disturbed by that.
//!
//! The tests are apart from `tests/it` because they need a feature that others are tested without.

mod support;

use ayi::runtime::{Builder, Record, Runtime};
use ayi::sync::{mpsc, oneshot};
use ayi::task::{self, JoinHandle};
use ayi::time::sleep;
use ayi_lens::analysis::Analysis;
use ayi_lens::recording::{Recording, What, read};
use ayi_lens::writer;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::{child, is_child, watched};

/// Gives the first runtime a ring of 2,048 events.
const SMALL: &str = "AYI_TEST_SMALL";

/// How many of the tasks that keep their threads are to go on.
static FREED: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// What the tests look at, in a process of its own: a runtime that does what lines of stdin say, until stdin ends.
#[test]
fn the_program() {
    if !is_child() {
        return;
    }
    let mut builder = Builder::new_current_thread();
    if std::env::var_os(SMALL).is_some() {
        builder.record(Record::new().memory(0));
    }
    let runtime = match builder.name("first").build() {
        Ok(runtime) => runtime,
        Err(error) => return eprintln!("error: {error}"),
    };
    let (sender, mut lines) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in std::io::stdin().lines() {
            match line.unwrap() {
                // The runtime cannot be told while a task keeps its thread.
                line if line == "free" => {
                    *FREED.0.lock().unwrap() += 1;
                    FREED.1.notify_all();
                }
                line => sender.send(line).unwrap(),
            }
        }
    });
    let mut others = Vec::new();
    runtime.block_on(async {
        while let Some(line) = lines.recv().await {
            match line.split_once(' ') {
                Some(("spawn", name)) => {
                    task::Builder::new().name(name).spawn(std::future::pending::<()>()).unwrap();
                }
                Some(("other", name)) => thread::scope(|scope| {
                    scope.spawn(|| other(name)).join().unwrap();
                }),
                Some(("sleep", name)) => drop(named(name, sleep(Duration::from_secs(3600)))),
                Some(("keep", name)) => drop(named(name, keep_the_thread())),
                Some(("hold", _)) => keep_the_thread().await,
                Some(("pair", names)) => pair(names.split_once(' ').unwrap()),
                Some(("idle", name)) => {
                    let idle = Builder::new_current_thread().name(name).build().unwrap();
                    idle.handle().spawn(std::future::pending::<()>());
                    others.push(idle);
                }
                Some(("workers", name)) => others.push(two_workers(name)),
                Some(("busy", polls)) => {
                    for _ in 0..polls.parse::<u64>().unwrap() {
                        task::yield_now().await;
                    }
                }
                _ => panic!("what is {line}?"),
            }
        }
    });
}

#[track_caller]
fn named(name: &str, future: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    task::Builder::new().name(name).spawn(future).unwrap()
}

/// Blocks in a poll until stdin says "free".
async fn keep_the_thread() {
    let mut freed = FREED.1.wait_while(FREED.0.lock().unwrap(), |freed| *freed == 0).unwrap();
    *freed -= 1;
}

/// Two tasks that wait for each other's end.
fn pair((left, right): (&str, &str)) {
    let (to_left, of_right) = oneshot::channel::<JoinHandle<()>>();
    let (to_right, of_left) = oneshot::channel::<JoinHandle<()>>();
    let left = named(left, async { of_right.await.unwrap().await.unwrap() });
    let right = named(right, async { of_left.await.unwrap().await.unwrap() });
    to_left.send(right).unwrap();
    to_right.send(left).unwrap();
}

/// A runtime with two workers. A task keeps the thread of one of them, and others wait on both.
fn two_workers(name: &str) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(2).name(name).build().unwrap();
    for _ in 0..2 {
        runtime.handle().spawn(sleep(Duration::from_secs(3600)));
    }
    runtime.handle().spawn(keep_the_thread());
    runtime
}

/// Another runtime of the program, which ends at once.
fn other(name: &str) {
    Builder::new_current_thread()
        .name(name)
        .build()
        .unwrap()
        .block_on(async { task::spawn(async {}).await.unwrap() });
}

struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    address: SocketAddr,
    /// What it says on stderr before it serves.
    welcome: String,
}

impl Program {
    fn start(live: &str) -> Program {
        Program::start_by(child(module_path!(), "the_program"), live)
    }

    fn start_by(mut command: Command, live: &str) -> Program {
        command.env("AYI_LIVE", live).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, mut errors) = (child.stdin.take(), BufReader::new(child.stderr.take().unwrap()));
        let mut welcome = String::new();
        errors.read_line(&mut welcome).unwrap();
        let address = welcome.split_once("http://").and_then(|(_, rest)| rest.split_once('/'));
        let address = address.unwrap_or_else(|| panic!("it says {welcome:?}")).0.parse().unwrap();
        thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        Program { child, stdin, address, welcome }
    }

    fn tell(&self, line: &str) {
        writeln!(self.stdin.as_ref().unwrap(), "{line}").unwrap();
    }

    /// Lets it end, and returns how long that took.
    fn end(mut self) -> Duration {
        let begin = Instant::now();
        self.stdin.take();
        assert!(self.child.wait().unwrap().success());
        begin.elapsed()
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.address.port())).unwrap()
    }

    /// Sends a request as it is, and returns the head and the body of the answer.
    fn ask(&self, request: &str) -> (String, Vec<u8>) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("the answer has a head");
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).unwrap(), body)
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.ask(&get(path))
    }

    fn dump(&self) -> String {
        String::from_utf8(self.get("/dump").1).unwrap()
    }

    /// Asks for dumps until there is one as it should be.
    fn dump_until(&self, is_right: impl Fn(&str) -> bool) -> String {
        loop {
            let dump = self.dump();
            if is_right(&dump) {
                return dump;
            }
        }
    }

    fn status(&self, request: &str) -> u16 {
        let (head, _) = self.ask(request);
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Whether it serves what is at `path`. A connection that is closed is no failure.
    fn serves(&self, path: &str) -> bool {
        let (mut stream, mut answer) = (self.connect(), Vec::new());
        let asked = stream.write_all(get(path).as_bytes());
        asked.and_then(|()| stream.read_to_end(&mut answer)).is_ok() && answer.starts_with(b"HTTP/1.1 200 ")
    }

    fn follow(&self) -> Events {
        let mut stream = self.connect();
        stream.write_all(get("/events").as_bytes()).unwrap();
        Events { lines: BufReader::new(stream), sections: Vec::new() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // If a test has failed.
        let _ = self.child.kill();
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn parse(bytes: &[u8]) -> Recording {
    let recording = read(&mut Cursor::new(bytes));
    assert!(recording.problems.is_empty(), "{:?}", recording.problems);
    recording
}

/// A client that follows the run.
struct Events {
    lines: BufReader<TcpStream>,
    sections: Vec<Vec<u8>>,
}

impl Events {
    /// Returns the next section, or `None` if the stream has ended.
    fn next(&mut self) -> Option<Recording> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if let Some(letters) = line.strip_prefix("data: ") {
                self.sections.push(from_base64(letters.trim_end()));
                return Some(parse(&[writer::header(), self.sections.last().unwrap().clone()].concat()));
            }
        }
    }

    /// Everything that has come.
    fn all(&self) -> Recording {
        parse(&[writer::header(), self.sections.concat()].concat())
    }

    fn until(&mut self, is_there: impl Fn(&Recording) -> bool) -> Recording {
        loop {
            self.next().expect("the stream has ended");
            let all = self.all();
            if is_there(&all) {
                return all;
            }
        }
    }
}

fn from_base64(letters: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let four = |letters: &[u8]| {
        let bits = letters.iter().fold(0, |bits, letter| bits << 6 | u32::from(value(*letter)));
        let bits = bits << (6 * (4 - letters.len()));
        bits.to_be_bytes()[1..letters.len()].to_vec()
    };
    letters.trim_end_matches('=').as_bytes().chunks(4).flat_map(four).collect()
}

fn has_task(recording: &Recording, name: &str) -> bool {
    recording.runtimes.iter().any(|runtime| Analysis::of(runtime).tasks.iter().any(|task| task.name == name))
}

fn ended(recording: &Recording, name: &str) -> bool {
    let runtimes = recording.runtimes.iter().filter(|runtime| runtime.section.name == name);
    runtimes.flat_map(|it| &it.section.events).any(|event| matches!(event.what(), What::End { phase: 2, .. }))
}

#[test]
fn the_page_is_served_and_says_so() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        assert!(program.welcome.contains("Everybody on this machine can see it"), "{}", program.welcome);
        let (head, page) = program.get("/?a=b");
        for field in [
            "HTTP/1.1 200 OK\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
            "X-Content-Type-Options: nosniff\r\n",
            "Cache-Control: no-store\r\n",
            "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self';",
        ] {
            assert!(head.contains(field), "{field}: {head}");
        }
        let page = String::from_utf8(page).unwrap();
        assert!(
            page.starts_with("<!doctype html>")
                && page.contains(r#"id="recording" type="text/plain" data-live"#)
        );
        program.end();
        let port_alone = Program::start(":0");
        assert!(port_alone.address.ip().is_loopback());
        let open = Program::start("0.0.0.0:0");
        assert!(open.welcome.contains("ANYBODY ON THE NETWORK"), "{}", open.welcome);
        assert_eq!(open.status(&get("/")), 200);
    });
}

#[test]
fn a_recording_is_taken_at_any_time() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        program.tell("spawn here at last");
        while !has_task(&parse(&program.get("/recording").1), "here at last") {}
        let (head, body) = program.get("/recording");
        assert!(head.contains("Content-Disposition: attachment;"), "{head}");
        let recording = parse(&body);
        let names: Vec<_> = recording.runtimes.iter().map(|runtime| runtime.section.name.as_str()).collect();
        assert_eq!(names, ["first"]);
    });
}

#[test]
fn a_client_that_follows_gets_each_event_once() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        let mut events = program.follow();
        let mut next = HashMap::new();
        for round in 0..5 {
            let name = format!("task of round {round}");
            program.tell(&format!("spawn {name}"));
            program.tell("busy 1000");
            let mut is_there = false;
            while !is_there {
                let section = &events.next().unwrap().runtimes[0].section;
                let expected = next.insert(section.runtime, section.first + section.events.len() as u64);
                assert_eq!(section.first, expected.unwrap_or(0), "no event is missing, and none comes twice");
                assert!(section.tasks.is_empty(), "earlier sections have told of them");
                is_there = has_task(&events.all(), &name);
            }
        }
        assert!(events.sections.len() >= 5);
        let all = events.all();
        assert!(all.runtimes[0].gaps.is_empty() && has_task(&all, "task of round 0"));
    });
}

#[test]
fn a_runtime_that_begins_later_is_seen_from_its_beginning_to_its_end() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        let mut events = program.follow();
        events.next().unwrap();
        // Each takes the ring of the one before.
        for name in ["second", "third"] {
            program.tell(&format!("other {name}"));
            let all = events.until(|all| ended(all, name));
            let it = all.runtimes.iter().find(|runtime| runtime.section.name == name).unwrap();
            assert_eq!((it.section.first, it.section.reason), (0, 0));
            assert!(!ended(&all, "first"));
        }
        // What has ended is not among what is there.
        program.tell("spawn after them");
        events.until(|all| has_task(all, "after them"));
        assert_eq!(parse(&program.get("/recording").1).runtimes.len(), 1);
        program.end();
        // The end of the program is the end of its runtime, and of the stream.
        while events.next().is_some() {}
        assert!(ended(&events.all(), "first"));
    });
}

#[test]
fn what_is_overwritten_before_it_could_be_sent_is_a_gap() {
    watched(|| {
        let mut command = child(module_path!(), "the_program");
        command.env(SMALL, "1");
        let program = Program::start_by(command, "127.0.0.1:0");
        let mut events = program.follow();
        // What comes after nothing has no gap before it.
        events.until(|all| !all.runtimes[0].section.events.is_empty());
        program.tell("spawn before the gap");
        // More than a small ring holds, between two sections.
        program.tell("busy 100000");
        program.tell("spawn behind the gap");
        let all = events.until(|all| has_task(all, "behind the gap"));
        assert!(!all.runtimes[0].gaps.is_empty());
        assert!(has_task(&all, "before the gap"), "the section behind the gap knows its name");
    });
}

#[test]
fn the_dump_says_who_waits_for_what() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        program.tell("sleep later");
        program.tell("pair left right");
        program.tell("other second");
        program.tell("idle resting");
        let dump = program.dump_until(|dump| dump.contains("deadlock: ") && dump.contains("resting"));
        let (first, resting) = dump.split_once("\n\n").unwrap();
        let lines: Vec<&str> = first.lines().collect();
        let [title, later, left, right, deadlock] = lines[..] else { panic!("{dump}") };
        assert_eq!(title.rsplit_once(" \"first\"").unwrap().1, ": 3 tasks", "{dump}");
        for (line, name, end) in
            [(later, "later", ", waits for a time, in "), (left, "left", ""), (right, "right", "")]
        {
            assert!(line.contains(&format!(" {name:?}, spawned at tests/live.rs:")), "{dump}");
            assert!(line.contains(end), "{dump}");
        }
        assert!(
            left.contains(", waits for the end of task ") && right.contains(", waits for the end of task ")
        );
        assert!(deadlock.starts_with("deadlock: each waits for the next: tasks "), "{dump}");
        let nobody = " \"resting\": no thread is in it, so nothing goes on until the next `block_on`\n";
        assert!(resting.starts_with("runtime ") && resting.ends_with(nobody), "{dump}");
        assert!(!dump.contains("second"), "it has ended: {dump}");
        let (head, _) = program.get("/dump");
        assert!(head.contains(&format!("\r\nAyi-Process: {}\r\n", program.child.id())), "{head}");
        assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    });
}

#[test]
fn the_dump_names_the_task_that_keeps_the_thread() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        program.tell("sleep later");
        program.tell("keep stats");
        let dump = program.dump_until(|dump| dump.contains("has not answered for 1s: task "));
        let (title, why) = dump.split_once(" has not answered for 1s: ").unwrap();
        assert!(title.starts_with("runtime ") && title.ends_with(" \"first\""), "{dump}");
        let (task, place) = why.split_once(", spawned at tests/live.rs:").unwrap();
        assert!(task.starts_with("task ") && task.ends_with(" \"stats\""), "{dump}");
        assert!(place.contains(", has had the thread for "), "{dump}");
        // Others are served meanwhile.
        assert_eq!(program.status(&get("/")), 200);
        program.tell("free");
        let dump = program.dump_until(|dump| !dump.contains("has not answered"));
        assert!(dump.contains("\"later\"") && !dump.contains("stats"), "{dump}");
        program.tell("hold on");
        let root = " \"first\" has not answered for 1s: the future of the `block_on` at tests/live.rs:";
        program.dump_until(|dump| dump.contains(root));
        program.tell("free");
    });
}

#[test]
fn a_worker_that_is_stuck_does_not_hide_the_other_one() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        program.tell("workers pool");
        // On a machine that is busy the other one may take too long as well, once.
        let both = |dump: &str| dump.contains(" \"pool\", 2 workers: ") && dump.contains("has not answered");
        let dump = program.dump_until(both);
        let stuck = dump.lines().last().unwrap();
        let (title, why) = stuck.split_once(" has not answered for 1s: task ").unwrap();
        assert!(title.ends_with(" \"pool\", worker 0") || title.ends_with(" \"pool\", worker 1"), "{dump}");
        assert!(why.contains(", has had the thread for "), "{dump}");
        program.tell("free");
        program.dump_until(|dump| dump.matches("waits for a time, in ").count() == 2);
    });
}

/// Runs the program with a wrong address, and returns what `build` says.
fn error_of(live: &str) -> String {
    let output = child(module_path!(), "the_program").env("AYI_LIVE", live).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    errors.trim_start_matches("error: ").trim().to_owned()
}

#[test]
fn a_wrong_address_is_told_when_the_runtime_is_built() {
    watched(|| {
        let error = error_of("somewhere");
        assert!(error.starts_with("AYI_LIVE=\"somewhere\" is not an address"), "{error}");
        let program = Program::start("127.0.0.1:0");
        let error = error_of(&program.address.to_string());
        let expected = format!(
            "cannot serve the live view at {}, as AYI_LIVE says: Address already in use",
            program.address
        );
        assert!(error.starts_with(&expected), "{error}");
    });
}

#[test]
fn only_what_is_right_is_answered() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        let with_host = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for host in [&program.address.to_string(), "localhost:6060", "[::1]", "192.168.1.7:80"] {
            assert_eq!(program.status(&with_host(host)), 200, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:6060", ""] {
            assert_eq!(program.status(&with_host(host)), 403, "{host}");
        }
        assert_eq!(program.status("GET / HTTP/1.1\r\n\r\n"), 403);
        let post = "POST /recording HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(program.status(post), 405);
        assert_eq!(program.status(&get("/unknown")), 404);
        assert_eq!(program.get("/unknown").1, b"There are /, /dump, /events and /recording.\n");
        assert_eq!(program.status(&get("/../etc/passwd")), 404);
        assert_eq!(program.status("hello\r\n\r\n"), 400);
    });
}

#[test]
fn a_head_that_is_huge_or_slow_is_refused() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        let huge = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(20_000));
        assert_eq!(program.status(&huge), 431);
        // Byte by byte, for ever: each comes in time, but the whole does not.
        let mut slow = program.connect();
        let mut writes = slow.try_clone().unwrap();
        let drips = thread::spawn(move || {
            while writes.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        let mut answer = String::new();
        // The writer may have found the connection closed before all of the answer was read.
        let _ = slow.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        drop(slow);
        drips.join().unwrap();
    });
}

#[test]
fn the_ninth_client_is_told_to_wait() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        let mut clients: Vec<_> = (0..8).map(|_| program.follow()).collect();
        clients.iter_mut().for_each(|client| drop(client.next().unwrap()));
        assert_eq!(program.status(&get("/")), 503);
        clients.pop();
        // It is noticed when something is sent to it. So many ask meanwhile that some of them are not even told.
        while !program.serves("/") {}
    });
}

#[test]
fn a_client_that_never_reads_does_not_disturb_the_program() {
    watched(|| {
        let program = Program::start("127.0.0.1:0");
        let deaf: Vec<_> = (0..3).map(|_| program.follow()).collect();
        let mut silent = program.connect();
        silent.write_all(b"GET").unwrap();
        // Far more than a socket's buffer takes.
        program.tell("busy 500000");
        program.tell("spawn after it");
        while !has_task(&parse(&program.get("/recording").1), "after it") {}
        let took = program.end();
        // So long it would take if it waited for a client.
        assert!(took < Duration::from_secs(5), "it took {took:?} to end");
        drop(deaf);
    });
}

#[test]
fn without_the_variable_nothing_is_recorded() {
    if std::env::var_os("AYI_LIVE").is_none() && std::env::var_os("AYI_RECORD").is_none() {
        assert!(Runtime::new().unwrap().handle().snapshot().is_none());
    }
}
