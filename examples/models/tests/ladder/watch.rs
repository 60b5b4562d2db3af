//! `watch`: a page with the system calls of rungs, and their tables.

use super::server::models;
use ayi_lens::analysis::Analysis;
use ayi_lens::recording::{self, Recording, Runtime, What};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Cursor;

/// What `watch` has printed and written.
struct Watch {
    printed: String,
    page: String,
    recording: Recording,
}

fn watch(names: &[&str]) -> Watch {
    let path = std::env::temp_dir().join(format!("models-{}-{}.html", names.join("-"), std::process::id()));
    let mut command = models();
    let output = command.arg("watch").args(names).arg("--page").arg(&path).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (printed, errors) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        printed.contains(&format!("The page: {}", fs::canonicalize(&path).unwrap().display())),
        "{printed}"
    );
    fs::remove_file(path).unwrap();
    let recording = recording::read(&mut Cursor::new(recorded(&page)));
    assert!(recording.problems.is_empty(), "{:?}", recording.problems);
    Watch { printed, page, recording }
}

/// Returns the recording that stands in a page, as base64.
fn recorded(page: &str) -> Vec<u8> {
    let element = page.split(r#"<script id="recording" type="text/plain""#).nth(1).unwrap();
    let text = element.split_once('>').unwrap().1.split_once("</script>").unwrap().0;
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut all) = (Vec::new(), 0_u32, 0);
    for six in text.bytes().filter_map(value) {
        (bits, all) = (bits << 6 | u32::from(six), all + 6);
        if all >= 8 {
            all -= 8;
            bytes.push((bits >> all) as u8);
        }
    }
    bytes
}

/// Returns the count of each call in the table of a rung, and the sentence below it: how many calls there were, how many
/// of them are not shown, and how many there were when nobody watched.
fn printed(watch: &Watch, name: &str) -> (HashMap<String, u64>, [u64; 3]) {
    let table =
        watch.printed.split("\n\n").skip_while(|part| !part.contains(&format!("  {name}, 6 clients"))).nth(1);
    let rows = table.expect(&watch.printed).lines().skip(2).map(|line| {
        let mut words = line.split_whitespace();
        (words.next().unwrap().to_owned(), words.next().unwrap().replace(',', "").parse().unwrap())
    });
    let after = watch.printed.split(&format!("  {name}, 6 clients")).nth(1).unwrap();
    let sentence = after.lines().find(|line| line.starts_with("System calls: ")).expect(&watch.printed);
    let number = |before: &str| {
        let digits = sentence.split(before).nth(1)?.replace(',', "");
        digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    let sums =
        [number("System calls: ").unwrap(), number("of which ").unwrap_or(0), number("Unwatched: ").unwrap()];
    (rows.collect(), sums)
}

fn runtime<'a>(watch: &'a Watch, name: &str) -> &'a Runtime {
    watch.recording.runtimes.iter().find(|runtime| runtime.section.name == name).unwrap()
}

#[test]
fn two_rungs_are_seen_side_by_side() {
    let watch = watch(&["select", "epoll_edge"]);
    assert!(watch.page.contains("<canvas id=\"timeline\""));
    let names: Vec<&str> =
        watch.recording.runtimes.iter().map(|runtime| runtime.section.name.as_str()).collect();
    assert_eq!(names, ["select", "epoll_edge"]);
    for name in names {
        let analysis = Analysis::of(runtime(&watch, name));
        let recorded: HashMap<String, u64> =
            analysis.system_calls.iter().map(|calls| (calls.title(), calls.count)).collect();
        let (table, [counted, others, unwatched]) = printed(&watch, name);
        assert_eq!(recorded, table, "{name}");
        // Each call that was counted is in the recording, or told to be missing.
        assert_eq!(recorded.values().sum::<u64>() + others, counted, "{name}");
        // What is ready together differs from time to time, and with it the number of waits.
        let (less, more) = (counted.min(unwatched), counted.max(unwatched));
        assert!(more * 2 < less * 3, "{name}: {counted} calls, {unwatched} unwatched");
        // Six clients, of which each asks five times, and the first once more; that question comes in two parts.
        assert_eq!((recorded["send"], recorded["close"]), (31, 6), "{name}");
        assert_eq!((analysis.totals.unknown, analysis.totals.backwards), (0, 0), "{name}");
        let streams = analysis.descriptors.iter().filter(|descriptor| descriptor.kind == 1);
        let peers: BTreeSet<&str> = streams.map(|descriptor| descriptor.peer.as_str()).collect();
        let expected: Vec<String> = (1..=6).map(|client| format!("{name} #{client}")).collect();
        assert_eq!(peers, expected.iter().map(String::as_str).collect(), "{name}");
    }
    // What the two are compared for: one hands its list over each time, the other one looks until nothing is there.
    let calls = |name, call: &str| {
        let calls = Analysis::of(runtime(&watch, name)).system_calls;
        calls.into_iter().find(|calls| calls.title() == call).unwrap()
    };
    let select = calls("select", "select");
    assert!(select.given >= 3 * select.count, "{select:?}");
    assert_eq!((calls("epoll_edge", "epoll_wait").given, calls("select", "recv").empty), (0, 0));
    assert!(calls("epoll_edge", "recv").empty >= 15);
}

#[test]
fn each_thread_has_its_calls() {
    let watch = watch(&["thread_per_connection"]);
    let runtime = runtime(&watch, "thread_per_connection");
    let mut threads: HashMap<u32, Vec<u16>> = HashMap::new();
    for event in &runtime.section.events {
        if let What::Called { thread, call, .. } = event.what() {
            threads.entry(thread).or_default().push(call);
        }
    }
    const ACCEPT: u16 = 288;
    let (acceptors, others): (Vec<_>, Vec<_>) = threads.values().partition(|calls| calls.contains(&ACCEPT));
    assert_eq!((acceptors.len(), others.len()), (1, 6));
    assert!(others.iter().all(|calls| calls.len() >= 10), "{threads:?}");
}

#[test]
fn a_page_of_a_watch_that_cannot_be_written_is_said_before() {
    let output = models().args(["watch", "poll", "--page", "/proc/no/watch.html"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("cannot write /proc/no/watch.html"), "{errors}");
}
