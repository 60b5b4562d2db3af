//! Children that are dropped: who is killed, and that nobody stays a zombie.

mod support;

use ayi::process::{Child, Command};
use ayi::runtime::{Handle, Runtime};
use ayi::time::{Duration, timeout};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::process::Stdio;
use std::thread;
use std::time::Instant;
use support::{block_until, in_a_child, poll_once, run, run_again_with, turn, watched};

/// A child that lives until its standard input is closed. What comes beside it is at its end when the child has ended.
fn cat(kill_on_drop: bool) -> (Child, OwnedFd) {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(kill_on_drop);
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take().unwrap().into_owned_fd().unwrap();
    (child, stdout)
}

/// Whether the process is there, be it as a zombie. (Nobody else has this number so soon: they are given out in turn.)
fn exists(pid: u32) -> bool {
    std::fs::metadata(format!("/proc/{pid}")).is_ok()
}

/// Lets the runtime work until the process is gone. Nothing tells about that, so this looks again and again.
async fn until_reaped(pid: u32) {
    while exists(pid) {
        ayi::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn all_of_it_without_pidfds() {
    run_again_with("AYI_NO_PIDFD", "1");
}

#[test]
fn killed_on_drop_and_no_zombie() {
    run(async || {
        let mut sleeping = Command::new("sleep");
        let child = sleeping.arg("1000").kill_on_drop(true).spawn().unwrap();
        let pid = child.id().unwrap();
        assert!(exists(pid));
        drop(child);
        until_reaped(pid).await;
        // While it is awaited, too.
        let mut child = sleeping.spawn().unwrap();
        let pid = child.id().unwrap();
        assert!(timeout(Duration::from_nanos(1), child.wait()).await.is_err());
        drop(child);
        until_reaped(pid).await;
    });
}

#[test]
fn killed_with_the_future_of_status_and_output() {
    run(async || {
        // Each tells its number, and then stays.
        let dir = std::env::temp_dir();
        let number_of = async |path: &std::path::Path| loop {
            if let Ok(text) = std::fs::read_to_string(path) {
                if let Some(pid) = text.strip_suffix('\n') {
                    return pid.parse::<u32>().unwrap();
                }
            }
            ayi::time::sleep(Duration::from_millis(1)).await;
        };
        for way in ["status", "output"] {
            let path = dir.join(format!("ayi-{}-{way}", std::process::id()));
            let mut command = Command::new("sh");
            let script = format!("echo $$ > {}; exec sleep 1000", path.display());
            command.args(["-c", &script]).kill_on_drop(true);
            let (mut status, mut output) = (None, None);
            match way {
                "status" => status = Some(Box::pin(command.status())),
                _ => output = Some(Box::pin(command.output())),
            }
            let pid = number_of(&path).await;
            assert!(status.as_mut().is_none_or(|future| poll_once(future.as_mut()).is_pending()));
            assert!(output.as_mut().is_none_or(|future| poll_once(future.as_mut()).is_pending()));
            drop((status, output));
            until_reaped(pid).await;
            std::fs::remove_file(path).unwrap();
        }
    });
}

#[test]
fn a_dropped_child_runs_on_and_is_reaped_in_the_end() {
    run(async || {
        let (mut child, _stdout) = cat(false);
        let stdin = child.stdin.take();
        let pid = child.id().unwrap();
        // It has waited already, or not.
        assert!(poll_once(pin!(child.wait())).is_pending());
        drop(child);
        let (mut other, _stdout) = cat(false);
        let other_stdin = other.stdin.take();
        let other_pid = other.id().unwrap();
        drop(other);
        turn().await;
        assert!(exists(pid) && exists(other_pid));
        drop((stdin, other_stdin));
        until_reaped(pid).await;
        until_reaped(other_pid).await;
    });
}

#[test]
fn many_dropped_children_leave_nothing_behind() {
    if !in_a_child("many_dropped_children_leave_nothing_behind") {
        return;
    }
    run(async || {
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        Command::new("true").status().await.unwrap();
        let before = descriptors();
        for n in 0..200 {
            drop(Command::new("true").kill_on_drop(n % 2 == 0).spawn().unwrap());
        }
        // SAFETY: waitid(2) writes nothing where it is given no place, and with WNOWAIT reaps nobody.
        let has_children = || unsafe {
            let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            libc::waitid(libc::P_ALL, 0, std::ptr::null_mut(), options) == 0
        };
        while has_children() {
            ayi::time::sleep(Duration::from_millis(1)).await;
        }
        // The tasks which have reaped them are gone as well, and so are the pidfds.
        while Handle::current().metrics().num_alive_tasks() > 0 {
            ayi::task::yield_now().await;
        }
        assert_eq!(descriptors(), before);
    });
}

/// What ended long ago, and was dropped where no runtime is, is reaped at the next occasion.
#[test]
fn dropped_outside_of_a_runtime_it_is_reaped_at_the_next_occasion() {
    watched(|| {
        let mut occasions: Vec<Box<dyn FnMut()>> = vec![
            Box::new(|| {
                // The start.
                std::mem::forget(Command::new("true").spawn().unwrap());
            }),
            Box::new(|| {
                let (mut child, _stdout) = cat(false);
                drop(child.stdin.take());
                run(async || child.wait().await).unwrap();
            }),
        ];
        for occasion in &mut occasions {
            let (mut child, stdout) = cat(false);
            let pid = child.id().unwrap();
            let stdin = child.stdin.take();
            drop(child);
            assert!(exists(pid));
            drop(stdin);
            block_until(stdout.as_fd(), libc::POLLHUP);
            // Its streams are closed, and its end will come in a moment.
            let start = Instant::now();
            while exists(pid) {
                assert!(start.elapsed() < Duration::from_secs(30));
                occasion();
            }
        }
    });
}

#[test]
fn killed_outside_of_a_runtime() {
    watched(|| {
        let (child, stdout) = cat(true);
        let pid = child.id().unwrap();
        drop(child);
        block_until(stdout.as_fd(), libc::POLLHUP);
        while exists(pid) {
            drop(Command::new("true").spawn().unwrap());
        }
    });
}

#[test]
fn the_runtime_ends_while_children_run() {
    watched(|| {
        let runtime = Runtime::new().unwrap();
        let (killed, killed_stdout) = cat(true);
        let (mut dropped, dropped_stdout) = cat(false);
        let (mut left, left_stdout) = cat(false);
        let pids = [killed.id(), dropped.id(), left.id()].map(Option::unwrap);
        let stdins = (dropped.stdin.take(), left.stdin.take());
        runtime.block_on(async move {
            // These tasks are waiting when the runtime ends; for the third child waits the task that reaps it.
            let (mut killed, mut dropped) = (killed, dropped);
            let stdin = killed.stdin.take();
            ayi::spawn(async move { (killed.wait().await, stdin) });
            ayi::spawn(async move { dropped.wait().await });
            drop(left);
            ayi::task::yield_now().await;
        });
        drop(runtime);
        block_until(killed_stdout.as_fd(), libc::POLLHUP);
        assert!(exists(pids[1]) && exists(pids[2]));
        drop(stdins);
        block_until(dropped_stdout.as_fd(), libc::POLLHUP);
        block_until(left_stdout.as_fd(), libc::POLLHUP);
        // Nobody waits for them any more, but the next who starts one.
        while pids.into_iter().any(exists) {
            drop(Command::new("true").spawn().unwrap());
        }
    });
}

/// In a process of its own, so that no other test reaps it.
#[test]
fn dropped_in_another_runtime_than_it_has_waited_in() {
    if !in_a_child("dropped_in_another_runtime_than_it_has_waited_in") {
        return;
    }
    run(async || {
        let (mut child, _stdout) = cat(false);
        let stdin = child.stdin.take();
        assert!(poll_once(pin!(child.wait())).is_pending());
        let there = move || {
            run(async || {
                let pid = child.id().unwrap();
                drop(child);
                turn().await;
                assert!(exists(pid));
                drop(stdin);
                until_reaped(pid).await;
            });
        };
        thread::spawn(there).join().unwrap();
    });
}

#[test]
fn dropped_on_another_thread() {
    run(async || {
        // It is tied to this runtime, and dropped where there is none.
        let (mut child, _stdout) = cat(true);
        let pid = child.id().unwrap();
        let stdin = child.stdin.take();
        assert!(poll_once(pin!(child.wait())).is_pending());
        thread::spawn(move || drop(child)).join().unwrap();
        while exists(pid) {
            Command::new("true").status().await.unwrap();
        }
        drop(stdin);

        // In one that is only entered, the task goes to its owner's thread: this one.
        let (child, _stdout) = cat(true);
        let pid = child.id().unwrap();
        let handle = Handle::current();
        let there = thread::spawn(move || {
            let _inside = handle.enter();
            drop(child);
        });
        there.join().unwrap();
        until_reaped(pid).await;
    });
}

#[test]
fn a_task_that_is_aborted_kills_its_child() {
    run(async || {
        let (mut child, _stdout) = cat(true);
        let pid = child.id().unwrap();
        let stdin = child.stdin.take();
        let task = ayi::spawn(async move { child.wait().await });
        ayi::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        until_reaped(pid).await;
        drop(stdin);
    });
}
