//! Polls that take longer than a limit are reported. Each test reads the standard error of a process of its own.

use crate::support::{child, is_child, watched};
use ayi::runtime::{Builder, Runtime};
use ayi::task;
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_millis(20);

fn watching() -> Runtime {
    Builder::new_current_thread().report_slow_polls(LIMIT).build().unwrap()
}

/// Takes longer than the limit.
fn block() {
    thread::sleep(2 * LIMIT);
}

/// Runs the test `name` in a process of its own, and returns the lines that the runtime wrote there. Returns `None` in
/// that process.
fn reports(name: &str, variable: Option<&str>) -> Option<Vec<String>> {
    if is_child() {
        return None;
    }
    let mut child = child(module_path!(), name);
    match variable {
        Some(value) => child.env("AYI_SLOW_POLLS", value),
        None => child.env_remove("AYI_SLOW_POLLS"),
    };
    let output = child.output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    Some(errors.lines().filter(|line| line.starts_with("ayi: ")).map(String::from).collect())
}

#[test]
fn tasks_and_the_root_future_that_block() {
    let Some(reports) = reports("tasks_and_the_root_future_that_block", None) else {
        return watched(|| {
            watching().block_on(async {
                block();
                task::spawn(async {}).await.unwrap();
                task::Builder::new().name("kettle").spawn(async { block() }).unwrap().await.unwrap();
                let handle = ayi::runtime::Handle::current();
                thread::spawn(move || handle.spawn(async { block() })).join().unwrap().await.unwrap();
            });
        });
    };
    assert_eq!(reports.len(), 3, "{reports:?}");
    let (root, named, from_afar) = (&reports[0], &reports[1], &reports[2]);
    assert!(root.starts_with(concat!("ayi: the future of block_on at ", file!(), ":")), "{root}");
    assert!(root.contains(" did not give way for ") && root.ends_with("ms (limit 20ms)"), "{root}");
    assert!(named.starts_with("ayi: task "), "{named}");
    assert!(named.contains(concat!(" \"kettle\", spawned at ", file!(), ":")), "{named}");
    assert!(
        !from_afar.contains("kettle") && from_afar.contains(concat!(", spawned at ", file!(), ":")),
        "{from_afar}"
    );
}

/// The poll is reported, and the task ends as always.
#[test]
fn slow_polls_that_end_in_a_panic_or_an_abort() {
    let Some(reports) = reports("slow_polls_that_end_in_a_panic_or_an_abort", None) else {
        return watched(|| {
            watching().block_on(async {
                let panics = task::spawn(async {
                    block();
                    std::panic::resume_unwind(Box::new(7));
                });
                assert!(panics.await.unwrap_err().is_panic());
                let aborted = task::spawn(async {
                    block();
                    std::future::pending::<()>().await
                });
                task::yield_now().await;
                aborted.abort();
                assert!(aborted.await.unwrap_err().is_cancelled());
            });
        });
    };
    assert_eq!(reports.len(), 2, "{reports:?}");
}

#[test]
fn more_slow_polls_than_anybody_reads() {
    let Some(reports) = reports("more_slow_polls_than_anybody_reads", Some("0ms")) else {
        return watched(|| {
            Runtime::new().unwrap().block_on(async {
                for _ in 0..100 {
                    task::yield_now().await;
                }
                thread::sleep(Duration::from_millis(1_100));
                task::yield_now().await;
            });
        });
    };
    assert!((11..=20).contains(&reports.len()), "{reports:?}");
    assert!(
        reports.iter().any(|line| line.contains("more slow polls before that were not reported")),
        "{reports:?}"
    );
}

#[test]
fn the_environment_sets_the_limit() {
    let Some(reports) = reports("the_environment_sets_the_limit", Some("20ms")) else {
        return watched(|| Runtime::new().unwrap().block_on(async { block() }));
    };
    assert_eq!(reports.len(), 1, "{reports:?}");
}

#[test]
fn the_environment_lifts_the_limit() {
    let Some(reports) = reports("the_environment_lifts_the_limit", Some("off")) else {
        return watched(|| watching().block_on(async { block() }));
    };
    assert_eq!(reports, [""; 0]);
}

#[test]
fn nonsense_in_the_environment_is_told_once() {
    let Some(reports) = reports("nonsense_in_the_environment_is_told_once", Some("10 bananas")) else {
        return watched(|| {
            Runtime::new().unwrap().block_on(async { block() });
            watching().block_on(async { block() });
        });
    };
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].starts_with("ayi: AYI_SLOW_POLLS=\"10 bananas\" is ignored: "), "{reports:?}");
    assert!(reports[1].contains("did not give way"), "{reports:?}");
}

#[test]
fn nobody_asks() {
    let Some(reports) = reports("nobody_asks", None) else {
        return watched(|| Runtime::new().unwrap().block_on(async { block() }));
    };
    assert_eq!(reports, [""; 0]);
}

/// The next runtime takes over the memory of one that has reported much. It may still report as much as any.
#[test]
fn a_runtime_that_has_reported_much_takes_nothing_from_the_next() {
    let name = "a_runtime_that_has_reported_much_takes_nothing_from_the_next";
    let Some(reports) = reports(name, Some("0ms")) else {
        return watched(|| {
            Runtime::new().unwrap().block_on(async {
                for _ in 0..100 {
                    task::yield_now().await;
                }
            });
            eprintln!("ayi: the next");
            Runtime::new().unwrap().block_on(async {});
        });
    };
    assert!(reports.len() >= 3 && !reports.last().unwrap().contains("the next"), "{reports:?}");
}
