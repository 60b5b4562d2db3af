//! Child processes that are awaited. `tests/examples/supervisor.rs` is about the example.

use crate::support::{Wakes, block_until, in_a_child, poll_once, poll_with, run, run_again_with, watched};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use ayi::runtime::{Runtime, is_rt_shutdown_err};
use ayi::task::JoinSet;
use ayi::time::{Duration, timeout};
use std::error::Error;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, Barrier};
use std::thread;

/// Makes a shell that runs `script`.
fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Makes a child that lives until its standard input is closed.
fn cat() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Returns what the descriptors of this process are, as `/proc` shows them.
fn descriptors() -> Vec<String> {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    // One is gone by now: that of the directory.
    links.filter_map(|link| Some(std::fs::read_link(link.path()).ok()?.to_str()?.to_owned())).collect()
}

fn pidfds() -> usize {
    descriptors().iter().filter(|target| target.contains("pidfd")).count()
}

/// Returns whether the test runs with children that have no pidfd.
fn without_pidfds() -> bool {
    std::env::var_os("AYI_NO_PIDFD").is_some()
}

#[test]
fn all_of_it_without_pidfds() {
    run_again_with(module_path!(), "AYI_NO_PIDFD", "1");
}

#[test]
fn a_child_has_a_pidfd_until_it_has_ended() {
    if !in_a_child(module_path!(), "a_child_has_a_pidfd_until_it_has_ended") {
        return;
    }
    run(async || {
        let mut child = cat().spawn().unwrap();
        assert_eq!(pidfds(), usize::from(!without_pidfds()));
        child.wait().await.unwrap();
        assert_eq!(pidfds(), 0);
    });
}

#[test]
fn exit_codes_and_signals() {
    run(async || {
        assert!(Command::new("true").status().await.unwrap().success());
        assert_eq!(sh("exit 7").status().await.unwrap().code(), Some(7));
        assert_eq!(sh("kill -TERM $$").status().await.unwrap().signal(), Some(libc::SIGTERM));
        let mut child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn after_the_end_the_status_stays_and_nothing_else_does() {
    run(async || {
        let mut child = sh("exit 7").spawn().unwrap();
        assert!(child.id().is_some());
        for _ in 0..3 {
            assert_eq!(child.wait().await.unwrap().code(), Some(7));
            assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
        }
        assert_eq!(child.id(), None);
        child.start_kill().unwrap();
        child.kill().await.unwrap();
        assert_eq!(child.wait_with_output().await.unwrap().status.code(), Some(7));
    });
}

#[test]
fn without_a_runtime_one_can_start_and_try_but_not_wait() {
    watched(|| {
        let mut child = cat().spawn().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        {
            let mut stdin = child.stdin.take();
            let std::task::Poll::Ready(Err(error)) = poll_once(pin!(child.wait())) else {
                panic!("it waits for nobody");
            };
            assert!(error.to_string().contains("there is no ayi runtime on this thread"), "{error}");
            stdin.take();
        }
        let stdout = child.stdout.take().unwrap();
        block_until(&stdout, libc::POLLHUP);
        // Its streams are closed, so it ends in a moment, when the kernel gets to it.
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => thread::yield_now(),
            }
        };
        assert!(status.success());
        // What was started outside can be awaited inside.
        let mut child = cat().spawn().unwrap();
        assert!(run(async || child.wait().await).unwrap().success());
    });
}

#[test]
fn a_megabyte_on_both_streams_at_once() {
    run(async || {
        let half = "head -c 500000 /dev/zero";
        let script = format!("({half}; {half}) & ({half} >&2; {half} >&2); wait");
        let output = sh(&script).output().await.unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
        // One after the other: a reader of only one of them would wait for ever.
        let script = "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero; exit 3";
        let output = sh(script).output().await.unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
    });
}

#[test]
fn output_is_read_after_the_end_too() {
    run(async || {
        // The shell ends at once; what it has left behind continues to write.
        let mut command = sh("exec 3<&0; (read line <&3; echo late) &");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        child.wait().await.unwrap();
        let mut output = pin!(child.wait_with_output());
        assert!(poll_once(output.as_mut()).is_pending());
        stdin.write_all(b"now\n").await.unwrap();
        assert_eq!(output.await.unwrap().stdout, b"late\n");
    });
}

#[test]
fn through_cat_and_back() {
    run(async || {
        let mut child = cat().spawn().unwrap();
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let expected = data.clone();
        let mut stdin = child.stdin.take().unwrap();
        let writer = ayi::spawn(async move {
            // What the traits promise is done, though it does nothing.
            stdin.write_all(&data).await?;
            stdin.flush().await?;
            stdin.shutdown().await
        });
        let output = child.wait_with_output().await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(output.status.success());
        assert!(output.stdout == expected);
    });
}

#[test]
fn a_conversation() {
    run(async || {
        let mut child = cat().spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut buf = [0; 3];
        for _ in 0..10 {
            assert!(poll_once(pin!(stdout.read(&mut buf))).is_pending());
            stdin.write_all(b"tea").await.unwrap();
            stdout.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"tea");
        }
        assert_eq!(child.try_wait().unwrap(), None);
        drop(stdin);
        assert_eq!(stdout.read(&mut buf).await.unwrap(), 0);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn the_childs_ends_of_the_pipes_are_blocking() {
    run(async || {
        // Field 3 of fdinfo, in octal; O_NONBLOCK is 0o4000 (proc_pid_fdinfo(5)).
        let script = "for fd in 0 1 2; do grep flags: /proc/self/fdinfo/$fd; done";
        let mut command = sh(script);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().unwrap();
        let ours = child.stdin.as_ref().unwrap().as_raw_fd();
        let ours = std::fs::read_to_string(format!("/proc/self/fdinfo/{ours}")).unwrap();
        let is_nonblocking = |line: &str| {
            let flags = line.strip_prefix("flags:").unwrap().trim();
            u32::from_str_radix(flags, 8).unwrap() & 0o4000 != 0
        };
        assert!(is_nonblocking(ours.lines().find(|line| line.starts_with("flags:")).unwrap()));
        let output = child.wait_with_output().await.unwrap();
        let theirs = String::from_utf8(output.stdout).unwrap();
        assert_eq!(theirs.lines().count(), 3);
        assert!(!theirs.lines().any(is_nonblocking), "{theirs}");
    });
}

#[test]
fn waiting_closes_stdin() {
    run(async || {
        let mut child = cat().spawn().unwrap();
        assert!(child.wait().await.unwrap().success());
        assert!(child.stdin.is_none());
        // An input that was taken out is not closed.
        let mut child = cat().spawn().unwrap();
        let stdin = child.stdin.take();
        assert!(poll_once(pin!(child.wait())).is_pending());
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn waiting_is_given_up_and_taken_up_again() {
    run(async || {
        let mut child = cat().spawn().unwrap();
        let stdin = child.stdin.take();
        for _ in 0..3 {
            assert!(poll_once(pin!(child.wait())).is_pending());
            assert!(timeout(Duration::from_nanos(1), child.wait()).await.is_err());
        }
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn several_tasks_wait_one_after_the_other() {
    run(async || {
        let mut child = cat().spawn().unwrap();
        let stdin = child.stdin.take();
        // One whose waker is never woken...
        let (wakes, waker) = Wakes::new();
        assert!(poll_with(pin!(child.wait()), &waker).is_pending());
        // ... and two that take over.
        let other = ayi::spawn(async move { (child.wait().await, child) });
        ayi::task::yield_now().await;
        drop(stdin);
        let (status, mut child) = other.await.unwrap();
        assert!(status.unwrap().success());
        assert_eq!(ayi::spawn(async move { child.wait().await }).await.unwrap().unwrap().code(), Some(0));
        assert_eq!(wakes.count(), 0);
    });
}

#[test]
fn while_a_child_runs_others_do_too() {
    run(async || {
        let mut child = cat().spawn().unwrap();
        let mut stdin = child.stdin.take();
        let (status, ()) = ayi::join!(child.wait(), async {
            for _ in 0..100 {
                ayi::task::yield_now().await;
            }
            stdin.take();
        });
        assert!(status.unwrap().success());
    });
}

#[test]
fn one_childs_output_is_anothers_input() {
    run(async || {
        let mut first = sh("echo green tea; echo cold >&2");
        let mut first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut second = Command::new("tr");
        second.args(["a-z", "A-Z"]).stdin(Stdio::try_from(first.stdout.take().unwrap()).unwrap());
        let third: Stdio = first.stderr.take().unwrap().try_into().unwrap();
        let third = Command::new("cat").stdin(third).output();
        let (second, third) = ayi::join!(second.output(), third);
        assert_eq!(second.unwrap().stdout, b"GREEN TEA\n");
        assert_eq!(third.unwrap().stdout, b"cold\n");
        assert!(first.wait().await.unwrap().success());
        // In the other direction, and through a pipe that has waited already.
        let mut last = cat().spawn().unwrap();
        let mut stdout = last.stdout.take().unwrap();
        assert!(poll_once(pin!(stdout.read(&mut [0]))).is_pending());
        let stdin: Stdio = last.stdin.take().unwrap().try_into().unwrap();
        assert!(sh("echo tea").stdout(stdin).status().await.unwrap().success());
        let wc = Command::new("wc").arg("-c").stdin(stdout.into_owned_fd().unwrap()).output();
        assert_eq!(wc.await.unwrap().stdout.trim_ascii(), b"4");
        assert!(last.wait().await.unwrap().success());
    });
}

#[test]
fn streams_of_stds_children() {
    run(async || {
        let mut std = std::process::Command::new("sh");
        std.args(["-c", "cat; echo cold >&2"]);
        let mut child =
            std.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = ChildStdin::from_std(child.stdin.take().unwrap()).unwrap();
        let mut stdout = ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        let mut stderr = ChildStderr::from_std(child.stderr.take().unwrap()).unwrap();
        assert_eq!(stdin.as_fd().as_raw_fd(), stdin.as_raw_fd());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert!(poll_once(pin!(stdout.read(&mut [0]))).is_pending());
        stdin.write_all(b"tea").await.unwrap();
        drop(stdin);
        stdout.read_to_end(&mut out).await.unwrap();
        stderr.read_to_end(&mut err).await.unwrap();
        assert_eq!((out, err), (b"tea".to_vec(), b"cold\n".to_vec()));
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn what_cannot_be_started_is_named() {
    run(async || {
        let error = Command::new("/no/such/kettle").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "cannot start \"/no/such/kettle\": No such file or directory (os error 2)"
        );
        let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).unwrap();
        assert_eq!(cause.raw_os_error(), Some(libc::ENOENT));
        let error = Command::new("true").current_dir("/no/such/kitchen").status().await.unwrap_err();
        assert!(error.to_string().starts_with("cannot start \"true\" in \"/no/such/kitchen\": "), "{error}");
        let error = Command::new("/etc/passwd").output().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn with_the_last_descriptor_gone_nothing_is_started() {
    if !in_a_child(module_path!(), "with_the_last_descriptor_gone_nothing_is_started") {
        return;
    }
    run(async || {
        let mark = std::env::temp_dir().join(format!("ayi-{}-started", std::process::id()));
        let touch = || {
            let mut command = Command::new("/usr/bin/touch");
            command.arg(&mark);
            command
        };
        // Everything it needs is there, except descriptors.
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
        // SAFETY: setrlimit(2) reads the structure, which outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        let mut files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        if !without_pidfds() {
            let error = touch().spawn().unwrap_err();
            let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).unwrap();
            assert_eq!(cause.raw_os_error(), Some(libc::EMFILE), "{error}");
            assert!(!mark.exists());
        }
        // One is enough.
        files.pop();
        assert!(touch().status().await.unwrap().success());
        assert!(mark.exists());
        std::fs::remove_file(&mark).unwrap();
    });
}

#[test]
fn somebody_else_has_reaped_it() {
    run(async || {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id().unwrap() as libc::pid_t;
        // SAFETY: waitpid(2) writes no status where it is given no place.
        assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
        assert_eq!(child.wait().await.unwrap_err().raw_os_error(), Some(libc::ECHILD));
        assert_eq!(child.try_wait().unwrap_err().raw_os_error(), Some(libc::ECHILD));
    });
}

#[test]
fn the_kernel_reaps_where_sigchld_is_ignored() {
    if !in_a_child(module_path!(), "the_kernel_reaps_where_sigchld_is_ignored") {
        return;
    }
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    run(async || {
        let mut child = cat().spawn().unwrap();
        let stdin = child.stdin.take();
        let mut wait = pin!(child.wait());
        assert!(poll_once(wait.as_mut()).is_pending());
        drop(stdin);
        // Nobody knows its status, but its end is noticed.
        assert_eq!(wait.await.unwrap_err().raw_os_error(), Some(libc::ECHILD));
    });
}

#[test]
fn a_child_that_does_not_listen() {
    run(async || {
        let mut command = sh("exec <&-; exec sleep 1000");
        let mut child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The last reader may be a child that another test is about to start: it has copies of all descriptors.
        block_until(&stdin, libc::POLLERR);
        assert_eq!(stdin.write_all(b"tea?").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        child.kill().await.unwrap();
    });
}

#[test]
fn settings_reach_the_child() {
    run(async || {
        let mut command = sh("echo $0 $TEA $CUPS [$SUGAR] $PWD");
        command.arg("kettle").current_dir("/").env_clear().env("SUGAR", "2").env_remove("SUGAR");
        command.envs([("TEA", "green"), ("CUPS", "2")]);
        assert_eq!(command.as_std().get_current_dir(), Some("/".as_ref()));
        assert!(format!("{command:?}").contains("kettle"));
        command.as_std_mut().env("SUGAR", "none");
        assert_eq!(command.output().await.unwrap().stdout, b"kettle green 2 [none] /\n");
        // The same command again.
        assert_eq!(command.output().await.unwrap().stdout, b"kettle green 2 [none] /\n");
        assert!(command.kill_on_drop(true).get_kill_on_drop());
        let mut command = Command::from(command.into_std());
        assert!(!command.get_kill_on_drop());
        assert!(command.stdout(Stdio::null()).status().await.unwrap().success());
    });
}

#[test]
fn a_child_of_another_user() {
    run(async || {
        // The user who runs the tests may become himself, and only root anybody else.
        // SAFETY: these take and return numbers.
        let (own_user, own_group) = unsafe { (libc::getuid(), libc::getgid()) };
        let (user, group) = if own_user == 0 { (65534, 65533) } else { (own_user, own_group) };
        let output = sh("id -u; id -g").uid(user).gid(group).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{user}\n{group}\n"));
        if own_user != 0 {
            assert_eq!(sh("id").uid(0).spawn().unwrap_err().kind(), ErrorKind::PermissionDenied);
        }
    });
}

#[test]
fn what_runs_before_the_program() {
    run(async || {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n; echo $0"]).arg0("kettle").process_group(0);
        // SAFETY: setrlimit(2) is a mere system call.
        unsafe {
            command.pre_exec(|| {
                let limit = libc::rlimit { rlim_cur: 33, rlim_max: 33 };
                match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        assert_eq!(command.output().await.unwrap().stdout, b"33\nkettle\n");
        // SAFETY: nothing is done.
        unsafe { command.pre_exec(|| Err(std::io::Error::from_raw_os_error(libc::EDOM))) };
        let error = command.spawn().unwrap_err();
        assert!(error.to_string().contains("os error 33"), "{error}");
    });
}

#[test]
fn children_inherit_no_descriptor_but_their_streams() {
    if !in_a_child(module_path!(), "children_inherit_no_descriptor_but_their_streams") {
        return;
    }
    let script = "for fd in /proc/$$/fd/*; do [ ${fd##*/} -gt 2 ] && echo ${fd##*/}; done; true";
    // What this process has inherited itself.
    let before = std::process::Command::new("sh").args(["-c", script]).output().unwrap().stdout;
    run(async || {
        // One of each that the runtime or its crates make.
        let listener = ayi::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connected, accepted) = ayi::join!(ayi::net::TcpStream::connect(address), listener.accept());
        let udp = ayi::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let unix = ayi::net::UnixStream::pair().unwrap();
        let pipe = ayi::net::unix::pipe::pipe().unwrap();
        let file = ayi::fs::File::open("/etc/passwd").await.unwrap();
        let signal = ayi::signal::ctrl_c();
        let mut signal = pin!(signal);
        assert!(poll_once(signal.as_mut()).is_pending());
        let mut other = cat().spawn().unwrap();
        let other_stdin = other.stdin.take();
        assert!(poll_once(pin!(other.wait())).is_pending());
        let output = sh(script).stdin(Stdio::null()).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&before));
        drop((connected, accepted, udp, unix, pipe, file, other_stdin));
        other.wait().await.unwrap();
    });
}

#[test]
fn what_children_inherit_is_the_users_timer_slack() {
    run(async || {
        // It is long enough that the thread sleeps.
        ayi::time::sleep(Duration::from_millis(1)).await;
        let mut command = Command::new("cat");
        let ours = command.arg("/proc/self/timerslack_ns").output().await.unwrap().stdout;
        let (mut std, mut of_pool) = (command.into_std(), std::process::Command::new("cat"));
        let stds = std.output().unwrap().stdout;
        of_pool.arg("/proc/self/timerslack_ns");
        let of_pool = ayi::task::spawn_blocking(move || of_pool.output()).await.unwrap().unwrap().stdout;
        for slack in [ours, stds, of_pool] {
            assert_eq!(String::from_utf8_lossy(&slack), "50000\n");
        }
    });
}

#[test]
fn many_short_children_leave_nothing_behind() {
    if !in_a_child(module_path!(), "many_short_children_leave_nothing_behind") {
        return;
    }
    run(async || {
        Command::new("true").output().await.unwrap();
        let before = descriptors();
        let mut children = JoinSet::<bool>::new();
        for started in 0..500 {
            if started >= 50 {
                assert!(children.join_next().await.unwrap().unwrap());
            }
            children.spawn(async { Command::new("true").output().await.unwrap().status.success() });
        }
        assert!(children.join_all().await.into_iter().all(|success| success));
        assert_eq!(descriptors(), before);
        // SAFETY: waitpid(2) writes no status where it is given no place.
        let left = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        assert_eq!((left, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ECHILD)));
    });
}

#[test]
fn several_runtimes_with_children_at_once() {
    watched(|| {
        let barrier = Arc::new(Barrier::new(4));
        let thread = |n: usize| {
            let barrier = barrier.clone();
            thread::spawn(move || {
                run(async || {
                    for round in 0..10 {
                        barrier.wait();
                        let code = (n * 10 + round) as i32;
                        assert_eq!(sh(&format!("exit {code}")).status().await.unwrap().code(), Some(code));
                    }
                });
            })
        };
        let threads: Vec<_> = (0..4).map(thread).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_child_waits_in_one_runtime_after_the_other() {
    watched(|| {
        let (first, second) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let mut child = cat().spawn().unwrap();
        let stdin = child.stdin.take();
        for runtime in [&first, &second, &first, &first] {
            runtime.block_on(async { assert!(poll_once(pin!(child.wait())).is_pending()) });
        }
        // On another thread, and back here.
        let there = move || {
            run(async || assert!(poll_once(pin!(child.wait())).is_pending()));
            child
        };
        let mut child = thread::spawn(there).join().unwrap();
        let ended = second.block_on(async {
            let mut ended = pin!(child.wait());
            assert!(poll_once(ended.as_mut()).is_pending());
            drop(stdin);
            ended.await
        });
        assert!(ended.unwrap().success());
        // Then it no longer waits for anything.
        assert!(first.block_on(child.wait()).unwrap().success());
    });
}

#[test]
fn a_child_that_was_awaited_in_a_runtime_which_has_ended_is_awaited_in_the_next() {
    watched(|| {
        let mut command = sh("read line; echo tea; echo cold >&2");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for _ in 0..2 {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async { assert!(poll_once(pin!(child.wait())).is_pending()) });
            drop(runtime);
            // Between two runtimes there is none, and the error says so.
            if let std::task::Poll::Ready(answer) = poll_once(pin!(child.wait())) {
                let error = answer.unwrap_err();
                // A pidfd has waited in the runtime that is gone. Without one, it would be a timer, which is made anew.
                let has_no_runtime = error.to_string().contains("there is no ayi runtime on this thread");
                assert!(
                    if without_pidfds() { has_no_runtime } else { is_rt_shutdown_err(&error) },
                    "{error}"
                );
            }
            assert_eq!(child.try_wait().unwrap(), None);
            assert!(child.id().is_some());
        }
        let output = run(async || {
            stdin.write_all(b"now\n").await.unwrap();
            child.wait_with_output().await
        });
        let output = output.unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout, output.stderr), (b"tea\n".to_vec(), b"cold\n".to_vec()));
    });
}

#[test]
fn a_wait_that_is_under_way_when_its_runtime_ends_says_so_and_the_next_one_succeeds() {
    if without_pidfds() {
        // A timer panics if its runtime has ended.
        return;
    }
    watched(|| {
        let runtime = Runtime::new().unwrap();
        let mut child = cat().spawn().unwrap();
        let stdin = child.stdin.take();
        {
            let mut wait = pin!(child.wait());
            let (wakes, waker) = Wakes::new();
            runtime.block_on(async { assert!(poll_with(wait.as_mut(), &waker).is_pending()) });
            drop(runtime);
            assert_eq!(wakes.count(), 1);
            let std::task::Poll::Ready(Err(error)) = poll_once(wait) else { panic!("it waits for nobody") };
            assert!(is_rt_shutdown_err(&error), "{error}");
        }
        drop(stdin);
        assert!(run(async || child.wait().await).unwrap().success());
    });
}

#[test]
fn after_somebody_else_has_reaped_a_child_its_number_is_nobodys() {
    run(async || {
        let reap = |child: &Child| {
            let pid = child.id().unwrap() as libc::pid_t;
            // SAFETY: waitpid(2) writes no status where it is given no place.
            assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
        };
        let mut child = Command::new("true").kill_on_drop(true).spawn().unwrap();
        reap(&child);
        // Its end was not noticed so far.
        assert_eq!(child.start_kill().unwrap_err().raw_os_error(), Some(libc::ESRCH));
        for _ in 0..2 {
            assert_eq!(child.wait().await.unwrap_err().raw_os_error(), Some(libc::ECHILD));
            assert_eq!(child.try_wait().unwrap_err().raw_os_error(), Some(libc::ECHILD));
            assert_eq!(child.id(), None);
            child.start_kill().unwrap();
        }
        assert_eq!(child.wait_with_output().await.unwrap_err().raw_os_error(), Some(libc::ECHILD));
    });
}

#[test]
fn what_cannot_be_started_leaves_nothing_behind() {
    if !in_a_child(module_path!(), "what_cannot_be_started_leaves_nothing_behind") {
        return;
    }
    run(async || {
        Command::new("true").output().await.unwrap();
        let before = descriptors();
        for _ in 0..100 {
            let mut command = Command::new("/no/such/kettle");
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            assert_eq!(command.spawn().unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(command.status().await.unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(command.output().await.unwrap_err().kind(), ErrorKind::NotFound);
        }
        assert_eq!(descriptors(), before);
        // SAFETY: waitpid(2) writes no status where it is given no place.
        let left = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        assert_eq!((left, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ECHILD)));
    });
}

#[test]
fn children_and_their_futures_can_be_sent() {
    fn is_send_and_sync<T: Send + Sync + Unpin>() {}
    fn is_send<T: Send + 'static>(_: impl FnOnce() -> T) {}
    is_send_and_sync::<Command>();
    is_send_and_sync::<Child>();
    is_send_and_sync::<ChildStdin>();
    is_send_and_sync::<ChildStdout>();
    is_send_and_sync::<ChildStderr>();
    // The futures do not keep what they borrow, such as the command.
    is_send(|| Command::new("true").status());
    is_send(|| Command::new("true").output());
    is_send(|| async {
        let mut child = Command::new("true").spawn()?;
        child.kill().await?;
        child.wait_with_output().await
    });
}

#[test]
fn the_streams_can_be_moved_out_one_by_one() {
    run(async || {
        let child = cat().spawn().unwrap();
        let (stdin, stdout) = (child.stdin, child.stdout);
        drop(stdin);
        assert_eq!(stdout.unwrap().read(&mut [0]).await.unwrap(), 0);
    });
}
