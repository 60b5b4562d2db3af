//! Recordings of runs.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::seeds::{Test, outcome};
use ayi::sim::{Faults, Sim};
use ayi::time::{Duration, sleep, timeout};
use ayi_lens::analysis::Analysis;
use ayi_lens::recording::{self, How, Recording, What};
use std::io::{self, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

ayi::sim::kernel!();

/// 2026-01-01T00:00:00Z, in nanoseconds since 1970.
const NEW_YEAR: u64 = 1_767_225_600_000_000_000;
const SECOND: u64 = 1_000_000_000;

async fn server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let answer = async move {
            sleep(Duration::from_millis(5)).await;
            let _ = stream.write_all(b"tea").await;
        };
        drop(ayi::task::Builder::new().name("waiter").spawn(answer)?);
    }
}

async fn ask() -> io::Result<String> {
    let mut text = String::new();
    TcpStream::connect("server:80").await?.read_to_string(&mut text).await?;
    Ok(text)
}

/// Three hosts: the server is killed after a while, and started again.
fn run(seed: u64, is_recorded: bool) -> Sim {
    let sim = Sim::new(seed);
    if is_recorded {
        sim.record();
    }
    sim.host("server", server);
    for name in ["guest", "visitor"] {
        sim.client(name, || async {
            sleep(Duration::from_secs(10)).await;
            for _ in 0..5 {
                while !matches!(timeout(Duration::from_secs(1), ask()).await, Ok(Ok(text)) if text == "tea") {
                    sleep(Duration::from_millis(20)).await;
                }
                let blocking = ayi::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1)));
                blocking.await.unwrap();
                sleep(Duration::from_secs(1)).await;
            }
        });
    }
    sim.after(Duration::from_secs(12), |sim| sim.kill("server"));
    sim.after(Duration::from_secs(13), |sim| sim.restart("server"));
    // A recording may be taken while the run goes on.
    sim.after(Duration::from_secs(11), move |sim| {
        let bytes = if is_recorded { sim.recording() } else { Vec::new() };
        assert_eq!(bytes.len() > 1_000, is_recorded);
    });
    sim.run().unwrap();
    sim
}

fn read(sim: &Sim) -> Recording {
    let recording = recording::read(&mut Cursor::new(sim.recording()));
    assert_eq!(recording.problems.len(), 0, "{:?}", recording.problems);
    recording
}

fn names(recording: &Recording) -> Vec<&str> {
    recording.runtimes.iter().map(|runtime| runtime.section.name.as_str()).collect()
}

#[test]
fn a_recording_does_not_change_the_run() {
    let told = |is_recorded| {
        std::thread::spawn(move || {
            let sim = run(3, is_recorded);
            (sim.hash(), sim.events(), sim.elapsed())
        })
        .join()
        .unwrap()
    };
    told(false);
    let unrecorded = told(false);
    assert_eq!(told(true), unrecorded);
    // Its rings are used again.
    assert_eq!(told(true), unrecorded);
    assert_eq!(told(false), unrecorded);
}

#[test]
fn there_is_a_lane_for_each_life_of_each_host() {
    let sim = run(1, true);
    let recording = read(&sim);
    assert_eq!(names(&recording), ["server", "server, life 2", "guest", "visitor", "faults"]);
    let [first, second, guest, ..] = &recording.runtimes[..] else { panic!() };
    assert_eq!(first.section.what, "It was killed.");
    assert_eq!(second.section.what, "It was there at the end.");
    assert_eq!(guest.section.what, "Its program came to its end.");
    let times = |runtime: &recording::Runtime| {
        let events = &runtime.section.events;
        (events.first().unwrap().time(), events.last().unwrap().time())
    };
    assert!(times(first).0 < 10_000, "{:?}", times(first));
    assert!(times(first).1 <= 12 * SECOND && times(first).1 > 11 * SECOND, "{:?}", times(first));
    assert!((13 * SECOND..13 * SECOND + SECOND / 100).contains(&times(second).0), "{:?}", times(second));
    assert!(times(second).1 > 14 * SECOND);
    for runtime in &recording.runtimes {
        assert_eq!((runtime.section.base, runtime.section.first), (NEW_YEAR, 0));
        assert!(
            times(runtime).1 <= runtime.section.now && runtime.section.now <= sim.elapsed().as_nanos() as u64
        );
    }
}

#[test]
fn what_tasks_and_timers_do_is_there_in_simulated_time() {
    let recording = read(&run(1, true));
    let guest = Analysis::of(&recording.runtimes[2]);
    let main = guest.tasks.iter().find(|task| task.name == "main").unwrap();
    assert!(main.begin.unwrap() < 10_000, "{:?}", main.begin);
    assert!(matches!(main.end, Some((end, How::Ready)) if end > 15 * SECOND), "{:?}", main.end);
    assert!(main.polls > 20 && main.wakes > 20 && main.place.contains("machine.rs"), "{main:?}");
    // The first sleep: ten seconds for the timer, and for the loop.
    let timer = guest.timers.iter().find(|timer| timer.deadline > 9 * SECOND).unwrap();
    assert!((10 * SECOND..10 * SECOND + SECOND / 50).contains(&timer.fired), "{timer:?}");
    let longest = guest.looks.iter().filter(|look| look.may_sleep).map(|look| look.took).max().unwrap();
    assert!((10 * SECOND - SECOND / 100..10 * SECOND + SECOND / 50).contains(&longest), "{longest}");
    // Five calls of the blocking pool took a millisecond each. The others have resolved names.
    let slow = guest.calls.iter().filter(|call| (1_000_000..1_100_000).contains(&call.took));
    assert_eq!(slow.count(), 5, "{:?}", guest.calls);

    let server = Analysis::of(&recording.runtimes[0]);
    let waiters: Vec<_> = server.tasks.iter().filter(|task| task.name == "waiter").collect();
    assert!(waiters.len() >= 2 && waiters[0].place.contains("record.rs"), "{waiters:?}");
    assert!(server.descriptors.iter().any(|it| it.kind == 2 && it.peer == "0.0.0.0:80"));
    assert!(guest.descriptors.iter().any(|it| it.kind == 1 && it.peer == "server:80"));
}

/// Each run of a program is a `block_on` of the simulator's. That is not what the program does.
#[test]
fn what_the_simulator_does_is_not_there() {
    let recording = read(&run(1, true));
    for runtime in &recording.runtimes[..4] {
        let analysis = Analysis::of(runtime);
        assert!(analysis.tasks.iter().all(|task| task.name != "block_on"), "{:?}", runtime.section.name);
        assert!(analysis.descriptors.iter().all(|it| it.kind < 13), "{:?}", analysis.descriptors);
    }
}

#[test]
fn what_was_done_to_hosts_and_to_the_network_is_there() {
    let sim = Sim::new(2);
    sim.record();
    for name in ["a", "b", "c"] {
        sim.host(name, || async { std::future::pending::<()>().await });
    }
    let at = |seconds: u64, act: fn(&Sim)| sim.after(Duration::from_secs(seconds), act);
    at(1, |sim| ["b", "c"].iter().for_each(|other| sim.partition("a", other)));
    at(2, |sim| ["b", "c"].iter().for_each(|other| sim.heal("a", other)));
    at(3, |sim| sim.partition_one_way("b", "c"));
    at(4, |sim| sim.pause("b"));
    at(5, |sim| sim.resume("b"));
    at(6, |sim| sim.crash("c"));
    at(7, |sim| sim.restart("c"));
    at(7, |sim| sim.slow_down("a", 2.5));
    at(8, |_| ());
    sim.check({
        let sim = sim.clone();
        move || if sim.elapsed() < Duration::from_secs(8) { Ok(()) } else { Err("no tea".to_owned()) }
    });
    sim.run_for(Duration::from_secs(9)).unwrap_err();
    let recording = read(&sim);
    assert_eq!(names(&recording), ["a", "b", "c", "c, life 2", "faults"]);
    assert_eq!(recording.runtimes[4].section.flags, 4);
    let faults = Analysis::of(&recording.runtimes[4]);
    let told: Vec<_> = faults
        .tasks
        .iter()
        .map(|it| (it.begin.unwrap() / SECOND, it.end.map(|(end, _)| end / SECOND), it.name.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, Some(2), "a cannot reach b, c"),
            (3, None, "nothing goes from b to c"),
            (4, Some(5), "b stops"),
            (6, Some(7), "c crashes"),
            (7, None, "a is 2.5 times slower"),
            (8, Some(8), "the run fails: no tea"),
        ]
    );
}

#[test]
fn a_run_that_is_not_recorded_has_an_empty_recording() {
    assert_eq!(read(&run(1, false)).runtimes.len(), 0);
}

#[test]
fn the_page_has_the_names_of_the_hosts() {
    let sim = run(1, true);
    let path = std::env::temp_dir().join(format!("ayi-sim-record-{}.html", std::process::id()));
    sim.write_page(&path).unwrap();
    assert_eq!(names_in(&path), ["server", "server, life 2", "guest", "visitor", "faults"]);
    std::fs::remove_file(path).unwrap();
    let error = sim.write_page("/proc/nothing/here.html").unwrap_err();
    assert!(error.to_string().starts_with("cannot write the page of the run to /proc/nothing/here.html: "));
}

/// Reads the recording in a page, which is base64 there.
fn names_in(page: &Path) -> Vec<String> {
    let page = std::fs::read_to_string(page).unwrap();
    let (_, after) = page.split_once(r#"<script id="recording" type="text/plain">"#).unwrap();
    let (letters, _) = after.split_once("</script>").unwrap();
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in letters.bytes().filter(|letter| *letter != b'=') {
        (bits, count) = (bits << 6 | u32::from(value(letter)), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    let recording = recording::read(&mut Cursor::new(bytes));
    names(&recording).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_test_that_fails_leaves_a_page() {
    let body = |sim: &Sim| {
        sim.host("server", server);
        sim.faults(Faults::new(["server"]).kills().pauses());
        sim.client("guest", || async {
            for _ in 0..100 {
                ask().await?;
                sleep(Duration::from_millis(200)).await;
            }
            io::Result::Ok(())
        });
        outcome(sim.run())
    };
    let test = Test { name: "record::tea::is_served", seeds: 20, body };
    let panic = catch_unwind(AssertUnwindSafe(|| test.run())).expect_err("it is meant to fail");
    let told = panic.downcast_ref::<String>().unwrap();
    let page = told.lines().find_map(|line| line.strip_prefix("what all hosts did: ")).expect(told);
    let page = PathBuf::from(page);
    let name = page.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("tea-is_served-") && name.ends_with(".html"), "{name}");
    assert!(page.parent().unwrap().ends_with("sim"), "{told}");
    assert!(told.lines().last().unwrap().starts_with("repeat it: AYI_SIM_SEED="), "{told}");
    let names = names_in(&page);
    assert_eq!(names.last().unwrap(), "faults");
    assert!(names.contains(&"server".to_owned()) && names.contains(&"guest".to_owned()), "{names:?}");
    std::fs::remove_file(page).unwrap();
}

/// The times of a host whose clock is too fast are those of the simulation.
#[test]
fn clocks_that_are_wrong_do_not_matter() {
    let sim = Sim::new(4);
    sim.record();
    sim.client("fast", || sleep(Duration::from_secs(10)));
    sim.set_clock("fast", 3_600.0, 100_000);
    sim.run().unwrap();
    let recording = read(&sim);
    let events = &recording.runtimes[0].section.events;
    let slept = events.iter().filter_map(|event| match event.what() {
        What::Looked { took, may_sleep: true, .. } => Some(took),
        _ => None,
    });
    let longest = slept.max().unwrap() as f64 / 1e9;
    assert!((9.05..9.15).contains(&longest), "{longest}");
}

/// The page says so if a clock has gone back.
#[test]
fn the_time_does_not_go_back() {
    for runtime in read(&run(1, true)).runtimes {
        let is_call = |what| matches!(what, What::CallRan { .. });
        let (mut latest, mut calls) = (0, 0);
        for event in &runtime.section.events {
            assert!(event.time() >= latest || is_call(event.what()), "{event:?} comes after {latest}");
            latest = latest.max(event.time());
            calls += u32::from(is_call(event.what()));
        }
        assert!(calls > 0 || runtime.section.name != "guest");
    }
}
