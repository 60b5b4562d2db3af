//! What the analysis says of runs that are made by hand.

mod support;

use ayi_lens::analysis::{Analysis, Call, Look, Timer, Turn, Wakes};
use ayi_lens::recording::{Cause, How, LiveTask, Outcome, Section, Wait, What};
use support::{analyse, cause, ended, events, pending, read_sections, ready, small, spawned, woken};

#[test]
fn tasks_of_a_small_run() {
    let analysis = analyse(&small());
    let [first, echo, sleeper] = &analysis.tasks[..] else { panic!("{:?}", analysis.tasks) };
    assert_eq!((first.id, first.name.as_str(), first.place.as_str()), (1, "block_on", "src/main.rs:10:5"));
    assert_eq!((first.begin, first.end), (Some(1_000), Some((29_500, How::Ready))));
    assert_eq!(first.by, Some(cause::OUTSIDE));
    assert_eq!((first.polls, first.busy, first.wakes), (3, 4_500, 3));
    // From 1,000 to 2,000, from 18,000 to 27,400 and from 28,600 to 29,000.
    assert_eq!(first.queued, 1_000 + 9_400 + 400);

    assert_eq!(echo.name, "echo, with a name of more than sixteen bytes");
    assert_eq!((echo.by, echo.begin, echo.end), (Some(cause::task(1)), Some(3_000), None));
    assert_eq!((echo.polls, echo.busy, echo.queued), (3, 11_100, 2_500 + 200 + 1_500));
    assert_eq!(analysis.polls[echo.slowest.unwrap() as usize].begin, 17_200);
    assert_eq!(echo.state, Some(0));
    // What it waited for in its first poll is over.
    assert_eq!(echo.waits, [Wait { on: 6, which: 0xabc }]);

    assert_eq!(sleeper.title(), "task 3 src/main.rs:30:1");
    assert_eq!((sleeper.polls, sleeper.busy, sleeper.queued), (2, 400, 3_100 + 1_200));
    assert!(sleeper.waits.is_empty());
}

#[test]
fn polls_have_their_own_wake() {
    let analysis = analyse(&small());
    let polls: Vec<_> = analysis
        .polls
        .iter()
        .map(|poll| (poll.task, poll.begin, poll.took, poll.cause, poll.waited))
        .collect();
    let expected = [
        (0, 2_000, 3_000, Some(cause::begins(0)), Some(1_000)),
        (1, 5_500, 1_000, Some(cause::begins(1)), Some(2_500)),
        (2, 6_600, 300, Some(cause::begins(1)), Some(3_100)),
        (1, 17_200, 10_000, Some(cause::descriptor(7)), Some(200)),
        (0, 27_400, 1_000, Some(cause::task(2)), Some(9_400)),
        (2, 28_500, 100, Some(cause::timer(5)), Some(1_200)),
        (1, 28_700, 100, Some(cause::task(2)), Some(1_500)),
        (0, 29_000, 500, Some(cause::joined(3)), Some(400)),
    ];
    assert_eq!(polls, expected);
    assert_eq!(analysis.polls.last().unwrap().outcome, Outcome::Ready);
}

#[test]
fn a_long_poll_holds_up_others_but_not_itself() {
    let analysis = analyse(&small());
    let longest = analysis.longest_polls(2);
    assert_eq!(longest, [3, 0]);
    let poll = &analysis.polls[3];
    // Task 1 waited from 18,000 to 27,200. The timer was due at 20,000. Its own wake does not count.
    assert_eq!((poll.held_up, poll.timers), (9_200, 1));
    // Task 2 from 3,000, task 3 from 3,500, until 5,000.
    assert_eq!(analysis.polls[0].held_up, 2_000 + 1_500);
    // Task 2 from 19,000, task 3 from 27,300.
    assert_eq!(analysis.polls[4].held_up, 1_000 + 1_000);
}

#[test]
fn who_wakes_whom() {
    let analysis = analyse(&small());
    let wakes = |cause, task| Wakes { cause, task, count: 1 };
    // The most frequent first, then by the cause's number, and the begin last.
    let of_echo = [wakes(cause::task(2), 1), wakes(cause::descriptor(7), 1), wakes(cause::begins(1), 1)];
    assert_eq!(analysis.wakers(1), of_echo);
    assert_eq!(analysis.wakers(0).len() + analysis.wakers(2).len(), 5);
    let described: Vec<String> =
        analysis.wakers(2).iter().map(|wakes| analysis.describe(wakes.cause)).collect();
    assert_eq!(described, ["a timer", "spawned by task 1 block_on"]);
    assert_eq!(analysis.describe(cause::descriptor(7)), "TCP stream 9 127.0.0.1:5000");
}

#[test]
fn descriptors_timers_and_the_loop() {
    let analysis = analyse(&small());
    let [socket] = &analysis.descriptors[..] else { panic!("{:?}", analysis.descriptors) };
    assert_eq!((socket.fd, socket.kind, socket.peer.as_str()), (Some(9), 1, "127.0.0.1:5000"));
    assert_eq!((socket.registered, socket.given_up, socket.waiting), (Some(4_000), None, 1));
    assert_eq!((socket.reports, socket.tries, socket.empty, socket.failed), (1, 2, 1, 0));
    assert_eq!(analysis.timers, [Timer { key: 5, deadline: 20_000, fired: 27_300, task: Some(2) }]);
    assert_eq!(analysis.timers[0].late(), 7_300);
    assert_eq!(analysis.looks, [Look { end: 17_000, took: 10_000, events: 1, may_sleep: true }]);
    assert_eq!(analysis.turns, [Turn { end: 17_100, took: 10_100, polls: 3 }]);
    assert_eq!(analysis.calls, [Call { id: 1, queued: Some(28_850), begin: 28_900, took: 100 }]);
    let totals = analysis.totals;
    assert_eq!((totals.begin, totals.end, totals.span()), (0, 30_000, 30_000));
    assert_eq!((totals.slept, totals.busy), (10_000, 16_000));
    assert_eq!((totals.backwards, totals.ending), (0, Some(29_600)));
}

#[test]
fn a_wake_that_no_poll_follows_waits_until_the_end() {
    let list = [
        (10, spawned(1, 0, cause::OUTSIDE), ""),
        (10, woken(1, cause::begins(0)), ""),
        (90, pending(2, 50), ""),
    ];
    let analysis = analyse(&Section { now: 100, events: events(list), ..Section::default() });
    assert_eq!(analysis.tasks[0].pending, Some((10, cause::begins(0))));
    assert_eq!(analysis.polls[0].held_up, 50);
}

#[test]
fn what_was_overwritten_is_not_needed() {
    let list = [
        (500, What::Text { bytes: *b"a half of a name" }, ""),
        (510, pending(9, 20), ""),
        (520, woken(9, cause::task(8)), ""),
        (530, ended(8, How::Cancelled), ""),
        (540, What::GivenUp { key: 3, fd: 4 }, ""),
    ];
    let live = LiveTask { id: 9, name: Some(0), place: Some(77), since: 100, state: 1 };
    let texts = vec!["its name".into()];
    let section = Section {
        first: 1_000,
        now: 600,
        texts,
        tasks: vec![live],
        events: events(list),
        ..Section::default()
    };
    let analysis = analyse(&section);
    let [nine, eight] = &analysis.tasks[..] else { panic!("{:?}", analysis.tasks) };
    assert_eq!((nine.name.as_str(), nine.place.as_str(), nine.begin), ("its name", "", Some(100)));
    assert_eq!((nine.polls, nine.queued, analysis.polls[0].cause), (1, 0, None));
    assert_eq!((eight.name.as_str(), eight.begin, eight.end), ("", None, Some((530, How::Cancelled))));
    assert_eq!(analysis.totals.begin, 500);
    assert_eq!(analysis.descriptors[0].given_up, Some(540));
    let recording = read_sections(&[section]);
    assert!(ayi_lens::text::text(&recording, 5).contains("1,000 overwritten before"));
}

#[test]
fn a_task_that_wakes_itself_waits_from_the_end_of_its_poll() {
    // The clock is not read for such a wake: it has the time of the poll's begin. What woke the first poll is overwritten.
    let list = [
        (10, woken(1, cause::task(1)), ""),
        (40, pending(1, 30), ""),
        (45, woken(1, cause::task(1)), ""),
        (65, pending(1, 20), ""),
        (70, ready(1, 3), ""),
    ];
    let analysis = analyse(&Section { events: events(list), ..Section::default() });
    let polls: Vec<_> = analysis.polls.iter().map(|poll| (poll.begin, poll.cause, poll.waited)).collect();
    let by_itself = Some(cause::task(1));
    assert_eq!(polls, [(10, None, None), (45, by_itself, Some(5)), (67, by_itself, Some(2))]);
}

#[test]
fn an_id_that_begins_again_is_another_task() {
    let list = [
        (1, spawned(1, 0, cause::OUTSIDE), "one"),
        (2, ended(1, How::Moved), ""),
        (3, What::Arrived { task: 1, place: None, worker: 4 }, "two"),
        (5, ready(1, 1), ""),
        (6, What::Registered { key: 2, fd: 3, kind: 7 }, ""),
        (6, What::GivenUp { key: 2, fd: 3 }, ""),
        (7, What::Registered { key: 2, fd: 4, kind: 8 }, ""),
    ];
    let analysis = analyse(&Section { events: events(list), ..Section::default() });
    let tasks: Vec<_> =
        analysis.tasks.iter().map(|task| (task.name.as_str(), task.polls, task.from)).collect();
    assert_eq!(tasks, [("one", 0, None), ("two", 1, Some(4))]);
    assert_eq!(analysis.task(1).unwrap().name, "two");
    assert_eq!(analysis.descriptors.len(), 2);
    assert_eq!(analysis.descriptor(2).unwrap().fd, Some(4));
}

#[test]
fn sections_of_one_runtime_are_put_together() {
    let whole = small();
    let part = |from: usize, to: usize, now: u64| Section {
        first: from as u64,
        events: whole.events[from..to].to_vec(),
        now,
        ..small()
    };
    let length = whole.events.len();
    // Out of order, and overlapping.
    let recording = read_sections(&[part(20, length, 30_000), part(0, 12, 10_000), part(8, 25, 20_000)]);
    let [runtime] = &recording.runtimes[..] else { panic!("{} runtimes", recording.runtimes.len()) };
    assert_eq!(runtime.section, whole);
    assert!(runtime.gaps.is_empty());
    assert_eq!(runtime.writings.len(), 3);

    let recording = read_sections(&[part(0, 10, 10_000), part(15, length, 30_000)]);
    let [gap] = recording.runtimes[0].gaps[..] else { panic!("{:?}", recording.runtimes[0].gaps) };
    assert_eq!((gap.before, gap.missing), (10, 5));
    assert_eq!(recording.runtimes[0].section.events.len(), length - 5);
}

#[test]
fn a_gap_forgets_what_was_woken_before() {
    let part = |first, list: Vec<(u64, What, &'static str)>| Section {
        first,
        events: events(list),
        ..Section::default()
    };
    let woken = part(0, vec![(10, woken(1, Cause(4)), "")]);
    let polled = part(9, vec![(90, pending(1, 10), "")]);
    let recording = read_sections(&[woken, polled]);
    let analysis = Analysis::of(&recording.runtimes[0]);
    assert_eq!((analysis.polls[0].cause, analysis.polls[0].waited), (None, None));
}

#[test]
fn sections_that_number_their_texts_differently_are_translated() {
    let section = |first, texts: &[&str], place| Section {
        first,
        texts: texts.iter().map(|text| text.to_string()).collect(),
        tasks: vec![LiveTask { id: 50 + first, place: Some(place), ..LiveTask::default() }],
        events: events([(first, spawned(first, place, cause::OUTSIDE), "")]),
        now: first,
        ..Section::default()
    };
    let recording =
        read_sections(&[section(0, &["a", "b"], 1), section(1, &["b", "c"], 0), section(2, &["c", "a"], 0)]);
    let analysis = Analysis::of(&recording.runtimes[0]);
    let places: Vec<&str> = analysis.tasks.iter().map(|task| task.place.as_str()).collect();
    assert_eq!(places, ["b", "b", "c", "c"]);
}

#[test]
fn runtimes_of_several_processes_and_workers_stay_apart() {
    let sections = [(1, 1, 0), (1, 2, 0), (2, 1, 0), (1, 1, 1)].map(|(process, runtime, worker)| Section {
        process,
        runtime,
        worker,
        ..small()
    });
    assert_eq!(read_sections(&sections).runtimes.len(), 4);
}

#[test]
fn time_that_jumps_back_is_counted() {
    let list = [
        (100, spawned(1, 0, cause::OUTSIDE), ""),
        (100, woken(1, cause::begins(0)), ""),
        (50, pending(1, 80), ""),
        (60, woken(1, Cause(4)), ""),
        (20, ended(1, How::Ready), ""),
        (10, What::TimerFired { key: 0, deadline: 1 << 55 }, ""),
        (10, What::Looked { took: u64::MAX, events: 0, may_sleep: true }, ""),
    ];
    let analysis = analyse(&Section { now: 5, begins: 1 << 60, events: events(list), ..Section::default() });
    assert_eq!(analysis.totals.backwards, 5);
    assert_eq!((analysis.polls[0].begin, analysis.polls[0].waited), (0, None));
    assert_eq!(analysis.timers[0].late(), 0);
}

#[test]
fn a_hundred_thousand_tasks() {
    let mut list = Vec::new();
    for task in 0..100_000_u64 {
        let time = task * 10;
        list.push((time, spawned(task, 0, cause::task(task / 2)), "one of many"));
        list.push((time, woken(task, cause::begins(task / 2)), ""));
        list.push((time + 5, pending(task, 3), ""));
        list.push((time + 5, woken(task, Cause(4)), ""));
    }
    let analysis = analyse(&Section { now: 1_000_000, events: events(list), ..Section::default() });
    assert_eq!((analysis.tasks.len(), analysis.polls.len()), (100_000, 100_000));
    let [first, .., last] = &analysis.polls[..] else { panic!() };
    assert_eq!((first.held_up, last.held_up), (0, 3 * 99_999));
    assert!(analysis.tasks.iter().all(|task| task.name == "one of many" && task.queued == 2));
}

#[test]
fn system_calls_are_counted_by_name() {
    let called =
        |call, given, took, result| (What::Called { thread: 7, call, given, took, result }, 1_000 + took);
    let list = [
        called(23, Some(6), 400, 1),
        called(45, Some(5), 20, 64),
        called(23, Some(7), 100, 1),
        called(45, Some(5), 10, -11),
        called(45, None, 3_000, -104),
        called(999, None, 1, 0),
    ];
    let events = events(list.map(|(what, time)| (time, what, "")));
    let section = Section { events, begins: 1_000_000, ..Section::default() };
    let analysis = analyse(&section);
    let calls: Vec<_> = analysis
        .system_calls
        .iter()
        .map(|calls| (calls.title(), calls.count, calls.took, calls.given, calls.empty, calls.failed))
        .collect();
    let expected = [("select", 2, 500, 13, 0, 0), ("recv", 3, 3_030, 0, 1, 1), ("call 999", 1, 1, 0, 0, 0)];
    assert_eq!(calls, expected.map(|(name, a, b, c, d, e)| (name.to_owned(), a, b, c, d, e)));
    assert_eq!((analysis.totals.begin, analysis.totals.unknown), (1_000, 0));
    let text = ayi_lens::text::text(&read_sections(&[section]), 2);
    let table = text.split("System calls (2 of 3)\n").nth(1).expect(&text);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["count", "time", "longest", "handed", "over", "empty", "failed", "call"]);
    assert_eq!(lines[1], ["3", "3.03", "µs", "3.00", "µs", "0", "1", "1", "recv"]);
    assert_eq!(lines[2], ["2", "500", "ns", "400", "ns", "13", "0", "0", "select"]);
}

#[test]
fn a_recording_without_system_calls_has_no_table_of_them() {
    let text = ayi_lens::text::text(&read_sections(&[small()]), 5);
    assert!(!text.contains("System calls"), "{text}");
}

/// What has the thread after the first `count` events of a list.
fn running(list: &[(u64, What, &'static str)], count: usize, first: u64) -> Option<(u64, u64)> {
    let section = Section { events: events(list[..count].to_vec()), first, ..small() };
    let recording = read_sections(&[section]);
    let analysis = Analysis::of(&recording.runtimes[0]);
    analysis.running(&recording.runtimes[0]).map(|(task, since)| (task.id, since))
}

#[test]
fn who_has_the_thread_is_who_stands_first_in_the_queue() {
    let list = [
        (10, spawned(1, 0, cause::OUTSIDE), ""),
        (10, woken(1, cause::begins(0)), ""),
        (20, What::Entered { thread: 7 }, ""),
        (30, spawned(2, 1, cause::task(1)), ""),
        (30, woken(2, cause::begins(1)), ""),
        // It wakes itself, in its poll.
        (40, woken(1, cause::task(1)), ""),
        (50, pending(1, 30), ""),
        (60, pending(2, 10), ""),
        (70, ready(1, 10), ""),
        (70, ended(1, How::Ready), ""),
        (90, What::Looked { took: 10, events: 0, may_sleep: true }, ""),
        (90, woken(2, cause::timer(1)), ""),
        (95, What::Turned { took: 20, polls: 3 }, ""),
        (99, What::Left { thread: 7 }, ""),
    ];
    let running = |count| running(&list, count, 0);
    assert_eq!(running(2), None, "no thread is in the runtime");
    assert_eq!(running(3), Some((1, 20)));
    assert_eq!(running(6), Some((1, 20)));
    assert_eq!(running(7), Some((2, 50)));
    assert_eq!(running(8), Some((1, 60)));
    assert_eq!(running(10), None, "the loop sleeps");
    assert_eq!(running(13), Some((2, 95)));
    assert_eq!(running(14), None, "the thread has left");
}

#[test]
fn who_has_the_thread_if_much_is_overwritten() {
    let list = [
        (10, woken(7, cause::OUTSIDE), ""),
        (10, woken(8, cause::OUTSIDE), ""),
        (10, woken(9, cause::OUTSIDE), ""),
        // Its wake is gone.
        (20, pending(6, 5), ""),
        // The poll of 7 is not told: it has gone to another worker.
        (30, pending(8, 10), ""),
        (40, ended(9, How::Cancelled), ""),
    ];
    assert_eq!(running(&list, 4, 100), Some((7, 20)));
    assert_eq!(running(&list, 5, 100), Some((9, 30)));
    assert_eq!(running(&list, 6, 100), None);
}
