//! Children that are dropped: who is killed, and that none stays a zombie.

use crate::support::{block_until, in_a_child, poll_once, run, run_again_with, turn, watched};
use ayi::process::{Child, Command};
use ayi::runtime::{Handle, Runtime};
use ayi::time::{Duration, timeout};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

/// Makes a child that lives until its standard input is closed. The descriptor that comes with it is at its end when the
/// child has ended.
fn cat(kill_on_drop: bool) -> (Child, OwnedFd) {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(kill_on_drop);
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take().unwrap().into_owned_fd().unwrap();
    (child, stdout)
}

/// Returns whether the process is there, even as a zombie. No other process gets this number so soon: numbers are given
/// out in turn.
fn exists(pid: u32) -> bool {
    std::fs::metadata(format!("/proc/{pid}")).is_ok()
}

/// Lets the runtime work until the process is gone. Nothing reports that, so this checks again and again.
async fn until_reaped(pid: u32) {
    while exists(pid) {
        ayi::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn all_of_it_without_pidfds() {
    run_again_with(module_path!(), "AYI_NO_PIDFD", "1");
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
        // The same while it is awaited.
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
        // Each prints its number, and then stays.
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
    if !in_a_child(module_path!(), "many_dropped_children_leave_nothing_behind") {
        return;
    }
    run(async || {
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        Command::new("true").status().await.unwrap();
        let before = descriptors();
        for n in 0..200 {
            drop(Command::new("true").kill_on_drop(n % 2 == 0).spawn().unwrap());
        }
        // SAFETY: waitid(2) writes nothing if it is given no place, and with WNOWAIT reaps no child.
        let has_children = || unsafe {
            let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            libc::waitid(libc::P_ALL, 0, std::ptr::null_mut(), options) == 0
        };
        while has_children() {
            ayi::time::sleep(Duration::from_millis(1)).await;
        }
        // Their pidfds are gone as well.
        assert_eq!(descriptors(), before);
    });
}

/// A child that ended long ago, and was dropped without a runtime, is reaped at the next occasion.
#[test]
fn dropped_outside_of_a_runtime_it_is_reaped_at_the_next_occasion() {
    watched(|| {
        let mut occasions: Vec<Box<dyn FnMut()>> = vec![
            Box::new(|| {
                // The occasion is a start.
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
            // Its streams are closed, and it ends in a moment.
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
            // These tasks are waiting when the runtime ends; the task that reaps waits for the third child.
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
        // Nobody waits for them any longer; the next start of a child reaps them.
        while pids.into_iter().any(exists) {
            drop(Command::new("true").spawn().unwrap());
        }
    });
}

/// The test has a process of its own, so that no other test reaps the child.
#[test]
fn dropped_in_another_runtime_than_it_has_waited_in() {
    if !in_a_child(module_path!(), "dropped_in_another_runtime_than_it_has_waited_in") {
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

        // If the runtime is only entered, the task goes to its owner's thread: this one.
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

/// Waits until the process is gone, without a runtime that could wait.
fn block_until_reaped(pid: u32) {
    while exists(pid) {
        thread::yield_now();
    }
}

/// A child is dropped by `how`, and ends after that. Nothing is started, awaited or dropped after it.
fn orphan(how: impl FnOnce(Child)) -> u32 {
    let (mut child, stdout) = cat(false);
    let stdin = child.stdin.take();
    let pid = child.id().unwrap();
    how(child);
    assert!(exists(pid));
    drop(stdin);
    block_until(stdout.as_fd(), libc::POLLHUP);
    pid
}

/// Like `orphan`, but it is killed when it is dropped.
fn killed_orphan(how: impl FnOnce(Child)) -> u32 {
    let (child, stdout) = cat(true);
    let pid = child.id().unwrap();
    how(child);
    block_until(stdout.as_fd(), libc::POLLHUP);
    pid
}

/// The test has a process of its own, so that no other test starts a child and thereby reaps this one.
#[test]
fn whoever_was_dropped_without_a_runtime_is_reaped_by_the_next_that_runs() {
    if !in_a_child(module_path!(), "whoever_was_dropped_without_a_runtime_is_reaped_by_the_next_that_runs") {
        return;
    }
    watched(|| {
        // Before there is any runtime.
        let pids = [orphan(drop), killed_orphan(drop)];
        run(async || {
            for pid in pids {
                until_reaped(pid).await;
            }
        });
        // Alongside a runtime that is not in block_on, and that has waited for the child before.
        let runtime = Runtime::new().unwrap();
        let waits = |mut child: Child| {
            // `wait` closes it, and then the child may have ended before it is looked at.
            let _stdin = child.stdin.take();
            runtime.block_on(async { assert!(poll_once(pin!(child.wait())).is_pending()) });
        };
        let pids = [orphan(drop), killed_orphan(drop), killed_orphan(waits)];
        runtime.block_on(async {
            for pid in pids {
                until_reaped(pid).await;
            }
        });
        // That runtime has ended before.
        let inside = |child| {
            let _inside = runtime.enter();
            drop(child);
        };
        let pids = [orphan(inside), killed_orphan(inside)];
        drop(runtime);
        run(async || {
            for pid in pids {
                until_reaped(pid).await;
            }
        });
    });
}

#[test]
fn whoever_is_dropped_without_a_runtime_is_reaped_by_one_that_sleeps() {
    if !in_a_child(module_path!(), "whoever_is_dropped_without_a_runtime_is_reaped_by_one_that_sleeps") {
        return;
    }
    watched(|| {
        // It runs before there is any child, and does nothing.
        let (sender, receiver) = std::sync::mpsc::channel();
        let sleeper = thread::spawn(move || {
            run(async || {
                let (end, mut ended) = ayi::io::duplex(1);
                sender.send(end).unwrap();
                ayi::io::AsyncReadExt::read(&mut ended, &mut [0]).await.unwrap();
            });
        });
        let end = receiver.recv().unwrap();
        block_until_reaped(orphan(drop));
        block_until_reaped(killed_orphan(drop));
        // In a runtime that has ended then, in one that is left and never runs again, and in one that lives on another
        // thread and does not run.
        block_until_reaped(orphan(|child| run(async || drop(child))));
        let left = Runtime::new().unwrap();
        block_until_reaped(orphan(|child| left.block_on(async { drop(child) })));
        let handle = left.handle().clone();
        let afar = |child| {
            thread::spawn(move || {
                let _inside = handle.enter();
                drop(child);
            })
        };
        block_until_reaped(orphan(|child| afar(child).join().unwrap()));
        drop(end);
        sleeper.join().unwrap();
    });
}

#[test]
fn a_runtime_that_is_left_gives_its_orphans_to_the_next() {
    if !in_a_child(module_path!(), "a_runtime_that_is_left_gives_its_orphans_to_the_next") {
        return;
    }
    watched(|| {
        let (left, next) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let (mut child, stdout) = cat(false);
        let (pid, stdin) = (child.id().unwrap(), child.stdin.take());
        left.block_on(async { drop(child) });
        // Each has it for a while, one of them twice.
        for runtime in [&next, &left] {
            runtime.block_on(turn());
        }
        drop(stdin);
        block_until(stdout.as_fd(), libc::POLLHUP);
        // It is not the runtime that had it last.
        next.block_on(until_reaped(pid));
    });
}

#[test]
fn a_dropped_child_is_no_task_of_the_users() {
    let spawned = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counts = spawned.clone();
    let count = move |_: &ayi::runtime::TaskMeta<'_>| {
        counts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    };
    let runtime = ayi::runtime::Builder::new_current_thread().on_task_spawn(count).build().unwrap();
    watched(|| {
        runtime.block_on(async {
            let (mut child, _stdout) = cat(false);
            let (pid, stdin) = (child.id().unwrap(), child.stdin.take());
            assert!(poll_once(pin!(child.wait())).is_pending());
            drop(child);
            turn().await;
            assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
            assert_eq!(Handle::current().metrics().spawned_tasks_count(), 0);
            assert_eq!(spawned.load(std::sync::atomic::Ordering::SeqCst), 0);
            // The child runs on, and nobody waits for it.
            let report = ayi::runtime::shutdown(Duration::from_secs(1000)).await;
            assert!(report.is_clean(), "{report}");
            assert!(exists(pid));
            drop(stdin);
            until_reaped(pid).await;
        });
    });
}

/// A forked worker has the memory of its parent, and so its `Child`. The process is the parent's.
#[test]
fn a_forked_worker_that_drops_a_child_leaves_it_to_its_parent() {
    if !in_a_child(module_path!(), "a_forked_worker_that_drops_a_child_leaves_it_to_its_parent") {
        return;
    }
    watched(|| {
        let runtime = Runtime::new().unwrap();
        let (mut child, _stdout) = cat(true);
        let stdin = child.stdin.take();
        let mut wait = Box::pin(async { child.wait().await });
        runtime.block_on(async { assert!(poll_once(wait.as_mut()).is_pending()) });
        drop(wait);
        // SAFETY: the child does what glibc allows after a fork: the other threads hold no locks, because they wait.
        let worker = unsafe { libc::fork() };
        if worker == 0 {
            let answer = Runtime::new().unwrap().block_on(child.wait());
            // Whatever it answers, it does not know the status.
            let is_well = answer.is_err();
            drop(child);
            // SAFETY: takes a number.
            unsafe { libc::_exit(i32::from(!is_well)) };
        }
        let mut status = 0;
        // SAFETY: the status outlives the call.
        assert_eq!(unsafe { libc::waitpid(worker, &mut status, 0) }, worker);
        assert_eq!(status, 0);
        assert_eq!(child.try_wait().unwrap(), None);
        let ended = runtime.block_on(async {
            let mut wait = pin!(child.wait());
            assert!(poll_once(wait.as_mut()).is_pending());
            drop(stdin);
            wait.await
        });
        assert!(ended.unwrap().success());
    });
}
