//! The recorder: what programs do is in the recording, event by event. It is read by `ayi-lens`.
//!
//! The tests are apart from `tests/it` because they need a feature that others are tested without.

mod servers;
mod support;

use ayi::io::AsyncWriteExt;
use ayi::net::UnixStream;
use ayi::runtime::{Builder, Handle, Record, Runtime, Snapshot};
use ayi::sync::oneshot;
use ayi::task;
use ayi::time::{Duration, sleep};
use ayi_lens::recording::{By, How, Recording, What, kind_name, read};
use servers::path_of;
use std::collections::HashMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::{fs, panic, thread};
use support::{child, is_child, is_recorded, watched};

fn recorded() -> Runtime {
    Builder::new_current_thread().record(Record::new()).build().unwrap()
}

fn parse(bytes: &[u8]) -> Recording {
    let recording = read(&mut Cursor::new(bytes));
    assert!(recording.problems.is_empty(), "{:?}", recording.problems);
    recording
}

/// Runs a program in a recorded runtime, and returns what was recorded until its last line.
fn record(program: impl AsyncFnOnce()) -> Recording {
    watched(|| {
        let snapshot = recorded().block_on(async {
            program().await;
            Handle::current().snapshot().unwrap()
        });
        parse(snapshot.as_bytes())
    })
}

/// The events of the first runtime in words, without what the loop does besides. Tasks have their names, or their number
/// in the order of their spawns; descriptors and timers are numbered as well.
fn story(recording: &Recording) -> Vec<String> {
    let runtime = &recording.runtimes[0];
    let (mut names, mut keys) = (HashMap::<u64, String>::new(), Vec::new());
    let mut story = Vec::new();
    let mut events = runtime.section.events.iter().peekable();
    while let Some(event) = events.next() {
        let name =
            |id: &u64, names: &HashMap<u64, String>| names.get(id).cloned().unwrap_or(format!("?{id}"));
        let mut number = |key: u64| match keys.iter().position(|known| *known == key) {
            Some(number) => number,
            None => {
                keys.push(key);
                keys.len() - 1
            }
        };
        let mut text = Vec::new();
        while let Some(What::Text { bytes }) = events.peek().map(|event| event.what()) {
            text.extend(bytes);
            events.next();
        }
        let text = String::from_utf8(text).unwrap().trim_end_matches('\0').to_owned();
        story.push(match event.what() {
            What::Spawned { task, .. } => {
                let name = if text.is_empty() { format!("{}", names.len()) } else { text };
                names.insert(task, name.clone());
                format!("{name} begins")
            }
            What::Woken { task, why } => {
                let why = match why.by() {
                    By::Task(id) => name(&id, &names),
                    By::Joined(id) => format!("end of {}", name(&id, &names)),
                    // A cause has the lower 56 bits of a key.
                    By::Descriptor(key) => {
                        let known = keys.iter().position(|known| known & ((1 << 56) - 1) == key);
                        format!("descriptor {}", known.unwrap())
                    }
                    By::Timer(_) => "timer".into(),
                    by => format!("{by:?}"),
                };
                format!("{} woken: {why}", name(&task, &names))
            }
            What::Polled { task, outcome, .. } => format!("{} polled: {outcome:?}", name(&task, &names)),
            What::Ended { task, how, .. } => format!("{} ends: {how:?}", name(&task, &names)),
            What::Waits { task, wait } => {
                let what = match wait.on {
                    1 => format!("descriptor {}", number(wait.which)),
                    3 => name(&wait.which, &names),
                    6 => "a channel or a lock".into(),
                    on => format!("{on}"),
                };
                format!("{} waits for {what}", name(&task, &names))
            }
            What::Registered { key, kind, .. } => format!("descriptor {}: {}", number(key), kind_name(kind)),
            What::Reported { key, bits } => format!("descriptor {} reported: {bits:#x}", number(key)),
            What::Tried { key: 0, operation, result } => format!("tried {operation}: {result}"),
            What::Tried { key, operation, result } => {
                format!("tried {operation} on descriptor {}: {result}", number(key))
            }
            What::GivenUp { key, .. } => format!("descriptor {} given up", number(key)),
            What::TimerSet { .. } => "timer set".into(),
            What::TimerFired { .. } => "timer fired".into(),
            What::TimerDropped { .. } => "timer dropped".into(),
            What::Budget { task } => format!("{} has used up its budget", name(&task, &names)),
            What::CallQueued { call } => format!("{} queued", name(&call, &names)),
            What::CallRan { call, .. } => format!("{} ran", name(&call, &names)),
            What::Looked { .. } | What::Turned { .. } | What::Messages { .. } | What::Entered { .. } => {
                continue;
            }
            other => format!("{other:?}"),
        });
    }
    story
}

/// Which of the lines are there, in this order.
#[track_caller]
fn tells(recording: &Recording, lines: &[&str]) {
    let story = story(recording);
    let mut left = story.iter();
    for line in lines {
        assert!(left.any(|told| told == line), "{line:?} is missing, or too early, in {story:#?}");
    }
}

#[test]
fn each_event_of_a_byte_that_comes_in() {
    let recording = record(async || {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let reader = task::Builder::new().name("reader").spawn(async move {
            let mut buf = [0; 8];
            theirs.read(&mut buf).await.unwrap()
        });
        let reader = reader.unwrap();
        task::yield_now().await;
        ours.write_all(b"x").await.unwrap();
        assert_eq!(reader.await.unwrap(), 1);
    });
    let expected = [
        "block_on begins",
        "block_on woken: Begin(0)",
        "reader begins",
        "reader woken: Begin(0)",
        "block_on woken: Outside",
        "block_on polled: Pending",
        "descriptor 0: Unix stream",
        "tried 1 on descriptor 0: 2",
        "reader waits for descriptor 0",
        "reader polled: Pending",
        "tried 2: 0",
        "block_on waits for reader",
        "block_on polled: Pending",
        // It could be written to from the beginning, and now there is something to read.
        "descriptor 0 reported: 0x5",
        "reader woken: descriptor 0",
        // A short read of a Unix stream does not say that nothing is left.
        "tried 1 on descriptor 0: 0",
        "descriptor 0 given up",
        "reader polled: Ready",
        "reader ends: Ready",
        "block_on woken: end of reader",
    ];
    assert_eq!(story(&recording), expected);
    let reader = &recording.runtimes[0];
    let place = reader.section.events.iter().find_map(|event| match event.what() {
        What::Spawned { place: Some(place), .. } => reader.text(Some(place)),
        _ => None,
    });
    assert!(place.unwrap().starts_with("tests/record.rs:"), "{place:?}");
}

#[test]
fn why_tasks_are_woken() {
    let recording = record(async || {
        let named = |name: &'static str| task::Builder::new().name(name);
        let (sender, receiver) = oneshot::channel();
        let waits = named("waits").spawn(async move { receiver.await.unwrap() }).unwrap();
        let sends = named("sends").spawn(async move { sender.send(()).unwrap() }).unwrap();
        waits.await.unwrap();
        sends.await.unwrap();
        let sleeps = named("sleeps").spawn(sleep(Duration::from_millis(1))).unwrap();
        sleeps.await.unwrap();
        let (sender, receiver) = oneshot::channel();
        let afar = named("afar").spawn(async move { receiver.await.unwrap() }).unwrap();
        task::yield_now().await;
        thread::spawn(move || sender.send(()).unwrap()).join().unwrap();
        afar.await.unwrap();
        let busy = async {
            for _ in 0..200 {
                task::consume_budget().await;
            }
        };
        named("busy").spawn(busy).unwrap().await.unwrap();
        let parent = async move { named("child").spawn(async {}).unwrap().await.unwrap() };
        named("parent").spawn(parent).unwrap().await.unwrap();
    });
    tells(&recording, &["waits waits for a channel or a lock", "waits polled: Pending"]);
    tells(&recording, &["waits polled: Pending", "waits woken: sends", "sends ends: Ready"]);
    tells(&recording, &["timer set", "sleeps polled: Pending", "timer fired", "sleeps woken: timer"]);
    tells(&recording, &["afar polled: Pending", "afar woken: Message", "afar polled: Ready"]);
    tells(&recording, &["busy polled: Pending", "busy has used up its budget", "busy woken: Budget"]);
    tells(&recording, &["child begins", "parent waits for child", "parent woken: end of child"]);
    let parent = recording.runtimes[0].section.events.iter().filter_map(|event| match event.what() {
        What::Woken { task, why } => match why.by() {
            By::Begin(spawner) if spawner != 0 => Some((task, spawner)),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(parent.count(), 1, "the child's");
}

#[test]
fn how_tasks_end() {
    let recording = record(async || {
        let named = |name: &'static str| task::Builder::new().name(name);
        let aborted = named("aborted").spawn(std::future::pending::<()>()).unwrap();
        task::yield_now().await;
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        let panics = named("panics").spawn(async { panic::resume_unwind(Box::new(())) }).unwrap();
        assert!(panics.await.unwrap_err().is_panic());
        named("call").spawn_blocking(|| ()).unwrap().await.unwrap();
    });
    tells(&recording, &["aborted polled: Pending", "aborted ends: Cancelled"]);
    tells(&recording, &["panics polled: Panicked", "panics ends: Panicked"]);
    tells(&recording, &["call begins", "call queued", "call ran", "call polled: Ready"]);
}

#[test]
fn what_is_overwritten_is_known_nevertheless() {
    if is_recorded() {
        return;
    }
    let runtime = Builder::new_current_thread().record(Record::new().memory(0)).build().unwrap();
    let snapshot = watched(|| {
        runtime.block_on(async {
            let (stream, _other) = UnixStream::pair().unwrap();
            let waits = async move { stream.readable().await.unwrap() };
            let _waits = task::Builder::new().name("waits for all of it").spawn(waits).unwrap();
            for _ in 0..10_000 {
                task::yield_now().await;
            }
            Handle::current().snapshot().unwrap()
        })
    });
    let recording = parse(snapshot.as_bytes());
    let analysis = ayi_lens::analysis::Analysis::of(&recording.runtimes[0]);
    let task = analysis.tasks.iter().find(|task| task.name == "waits for all of it").unwrap();
    assert!(task.place.starts_with("tests/record.rs:") && task.end.is_none(), "{task:?}");
    assert!(task.begin.is_some());
    assert!(analysis.tasks.iter().any(|task| task.name == "block_on"));
    let kinds: Vec<_> = analysis.descriptors.iter().map(|descriptor| kind_name(descriptor.kind)).collect();
    assert_eq!(kinds, ["Unix stream"]);
    let events = recording.runtimes[0].section.events.len();
    assert!((1024..=2048).contains(&events), "{events} events of two chunks");
}

#[test]
fn a_snapshot_is_taken_while_the_loop_is_stuck() {
    watched(|| {
        let (tell_handle, handle) = mpsc::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let stuck = thread::spawn(move || {
            recorded().block_on(async {
                let blocks = async move {
                    tell_handle.send(Handle::current()).unwrap();
                    wait.recv().unwrap();
                };
                task::Builder::new().name("blocks").spawn(blocks).unwrap().await.unwrap();
            });
        });
        let handle: Handle = handle.recv().unwrap();
        let snapshot = handle.snapshot().unwrap();
        go_on.send(()).unwrap();
        let recording = parse(snapshot.as_bytes());
        // It was woken, and its poll is not over.
        assert_eq!(story(&recording).last().unwrap(), "block_on polled: Pending");
        tells(&recording, &["blocks begins", "blocks woken: Begin(0)"]);
        stuck.join().unwrap();
        assert!(handle.snapshot().is_none(), "the runtime has ended");
    });
}

#[test]
fn a_runtime_that_is_not_recorded_has_no_snapshot() {
    if std::env::var_os("AYI_RECORD").is_none() {
        assert!(Runtime::new().unwrap().handle().snapshot().is_none());
    }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ayi-record-{}-{name}", std::process::id()))
}

fn take(path: &PathBuf) -> Recording {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    parse(&bytes)
}

#[test]
fn runtimes_write_to_one_file_when_they_end() {
    if is_recorded() {
        return;
    }
    let path = file("ends");
    let build = || Builder::new_current_thread().name("one of two").record(Record::new().file(&path)).build();
    let (first, second) = (build().unwrap(), build().unwrap());
    first.block_on(async { task::spawn(async {}).await.unwrap() });
    second.block_on(async {});
    drop((second, first));
    let recording = take(&path);
    assert_eq!(recording.runtimes.len(), 2);
    for runtime in &recording.runtimes {
        let ended =
            runtime.section.events.iter().filter(|event| matches!(event.what(), What::End { .. })).count();
        assert_eq!((runtime.section.name.as_str(), ended), ("one of two", 3));
    }
}

#[test]
fn a_panic_and_a_slow_poll_are_written_at_once_but_not_too_often() {
    if is_recorded() {
        return;
    }
    let path = file("panic");
    let mut builder = Builder::new_current_thread();
    builder.record(Record::new().file(&path)).report_slow_polls(Duration::from_millis(1));
    let runtime = builder.build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            let panics = task::spawn(async { panic::resume_unwind(Box::new(())) });
            assert!(panics.await.is_err());
        }
        task::spawn(async { thread::sleep(Duration::from_millis(2)) }).await.unwrap();
    });
    let recording = parse(&fs::read(&path).unwrap());
    let written: Vec<_> = recording.runtimes[0].writings.iter().map(|writing| writing.reason).collect();
    assert_eq!(written, [1], "one panic; the others came too soon after it");
    drop(runtime);
    let recording = take(&path);
    assert_eq!(recording.runtimes[0].writings.len(), 2);
    let panics = recording.runtimes[0].section.events.iter();
    let panics = panics.filter(|event| matches!(event.what(), What::Ended { how: How::Panicked, .. }));
    assert_eq!(panics.count(), 3, "each event once, though the sections overlap");

    let path = file("slow");
    let runtime = Builder::new_current_thread()
        .record(Record::new().file(&path))
        .report_slow_polls(Duration::from_millis(1))
        .build()
        .unwrap();
    runtime.block_on(async {
        task::spawn(async { thread::sleep(Duration::from_millis(2)) }).await.unwrap();
    });
    let recording = take(&path);
    assert_eq!(recording.runtimes[0].writings[0].reason, 4);
}

#[test]
fn a_file_that_cannot_be_written_is_told_when_the_runtime_is_built() {
    if is_recorded() {
        return;
    }
    let record = Record::new().file("/nowhere/at/all.ayi");
    let error = Builder::new_current_thread().record(record).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot record to /nowhere/at/all.ayi: No such file or directory (os error 2)"
    );
}

#[test]
fn a_snapshot_is_saved() {
    let path = file("saved");
    let runtime = recorded();
    let snapshot: Snapshot = runtime.handle().snapshot().unwrap();
    snapshot.save(&path).unwrap();
    assert_eq!(take(&path).runtimes.len(), 1);
    let error = snapshot.save("/nowhere/at/all.ayi").unwrap_err();
    assert!(error.to_string().starts_with("cannot write the snapshot to /nowhere/at/all.ayi: "), "{error}");
}

#[test]
fn the_environment_records_every_runtime() {
    if is_child() {
        Runtime::new().unwrap().block_on(async { task::spawn(async {}).await.unwrap() });
        return;
    }
    let path = file("of-%p");
    let mut child = child(module_path!(), "the_environment_records_every_runtime");
    let mut child = child.env("AYI_RECORD", &path).env("AYI_RECORD_MIB", "1").spawn().unwrap();
    let path = PathBuf::from(path.to_str().unwrap().replace("%p", &child.id().to_string()));
    assert!(child.wait().unwrap().success());
    tells(&take(&path), &["block_on begins", "1 begins", "1 ends: Ready", "block_on ends: Ready"]);
}

#[test]
fn tasks_that_go_to_another_worker_leave_and_arrive() {
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let runtime = Builder::new_multi_thread().worker_threads(2).record(Record::new()).build().unwrap();
    watched(|| {
        runtime.block_on(async {
            // Two that never wait: one of them has to go.
            let spin = || async {
                while !IS_OVER.load(Relaxed) {
                    let begin = std::time::Instant::now();
                    while begin.elapsed() < Duration::from_micros(200) {}
                    task::yield_now().await;
                }
            };
            let spawns = Handle::current()
                .spawn(async move { [Handle::current().spawn(spin()), Handle::current().spawn(spin())] });
            let tasks = spawns.await.unwrap();
            let has_moved = |recording: &Recording| {
                recording.runtimes.iter().any(|runtime| {
                    runtime.section.events.iter().any(|event| matches!(event.what(), What::Arrived { .. }))
                })
            };
            while !has_moved(&parse(Handle::current().snapshot().unwrap().as_bytes())) {
                sleep(Duration::from_millis(1)).await;
            }
            IS_OVER.store(true, Relaxed);
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    let recording = parse(runtime.handle().snapshot().unwrap().as_bytes());
    let mut moved = Vec::new();
    for runtime in &recording.runtimes {
        for event in &runtime.section.events {
            match event.what() {
                What::Ended { task, how: How::Moved, worker } => moved.push((task, worker)),
                What::Arrived { task, .. } => moved.push((task, runtime.section.runtime)),
                _ => {}
            }
        }
    }
    moved.sort();
    let (first, rest) = moved.split_first().unwrap();
    assert_eq!(first, &rest[0], "it has arrived where it went");
}

/// What the page "Seeing a run" tells of `examples/slow_request.rs` is so.
#[test]
fn the_slow_request_of_the_page_is_found() {
    if is_recorded() {
        return;
    }
    let path = file("slow-request");
    let output = Command::new(path_of("slow_request")).env("AYI_RECORD", &path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let recording = take(&path);
    let analysis = ayi_lens::analysis::Analysis::of(&recording.runtimes[0]);
    let polls = analysis.longest_polls(20).into_iter().map(|index| &analysis.polls[index as usize]);
    let (poll, task) = polls
        .map(|poll| (poll, &analysis.tasks[poll.task as usize]))
        .find(|(_, task)| task.name == "statistics")
        .expect("it is among the longest");
    assert!(poll.took >= 5_000_000 && poll.reports > 0, "{poll:?}");
    assert!(matches!(poll.cause.unwrap().by(), By::Timer(_)), "{poll:?}");
    let place = task.place.rsplit_once(':').unwrap().0;
    let page = fs::read_to_string("src/seeing_a_run.md").unwrap();
    assert!(page.contains(&format!("`{place}`")), "the page does not name {place}");
}
