//! Signals: one situation a test.
//!
//! The tests are apart from `tests/it` because a signal is for the whole process, and some of them fork. Each takes a
//! real-time signal of its own. Those that need a common one, or count what the process has open, run in a process of
//! their own.

mod servers;
mod support;

use ayi::runtime::Runtime;
use ayi::signal::unix::{Signal, SignalKind, signal};
use ayi::signal::{ctrl_c, termination};
use servers::{PATIENCE, path_of};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, ErrorKind};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use support::{block_on, in_a_child, poll_once, run, turn, watched};

/// Returns a real-time signal that nothing else uses.
fn own(n: i32) -> SignalKind {
    SignalKind::from_raw(libc::SIGRTMIN() + n)
}

/// Sends a signal to this thread. The handler has run when this returns.
fn raise(kind: SignalKind) {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::raise(kind.as_raw_value()) }, 0);
}

/// Sends a signal to a process, which delivers it to any of its threads, at any time.
fn kill(pid: u32, kind: SignalKind) {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::kill(pid as libc::pid_t, kind.as_raw_value()) }, 0);
}

fn is_waiting(signal: &mut Signal) -> bool {
    poll_once(pin!(signal.recv())).is_pending()
}

#[test]
fn each_kind_is_received() {
    if !in_a_child(module_path!(), "each_kind_is_received") {
        return;
    }
    let kinds = [
        (SignalKind::alarm(), libc::SIGALRM),
        (SignalKind::child(), libc::SIGCHLD),
        (SignalKind::hangup(), libc::SIGHUP),
        (SignalKind::interrupt(), libc::SIGINT),
        (SignalKind::io(), libc::SIGIO),
        (SignalKind::pipe(), libc::SIGPIPE),
        (SignalKind::quit(), libc::SIGQUIT),
        (SignalKind::terminate(), libc::SIGTERM),
        (SignalKind::user_defined1(), libc::SIGUSR1),
        (SignalKind::user_defined2(), libc::SIGUSR2),
        (SignalKind::window_change(), libc::SIGWINCH),
    ];
    run(async || {
        for (kind, number) in kinds {
            assert_eq!(kind, SignalKind::from(number));
            assert_eq!(libc::c_int::from(kind), number);
            let mut signal = signal(kind).unwrap();
            assert!(is_waiting(&mut signal));
            raise(kind);
            assert_eq!(signal.recv().await, Some(()));
            assert!(is_waiting(&mut signal));
        }
        assert_eq!(HashSet::from(kinds.map(|(kind, _)| kind)).len(), kinds.len());
    });
}

#[test]
fn every_listener_hears_of_a_signal_and_of_no_other() {
    run(async || {
        let mut listeners: Vec<_> = (0..3).map(|_| signal(own(0)).unwrap()).collect();
        let mut other = signal(own(1)).unwrap();
        assert!(is_waiting(&mut listeners[0]));
        raise(own(0));
        for listener in &mut listeners {
            listener.recv().await;
        }
        assert!(is_waiting(&mut other));
        // A listener that goes takes nothing away from the others.
        drop(listeners.remove(1));
        raise(own(0));
        for listener in &mut listeners {
            listener.recv().await;
        }
    });
}

#[test]
fn every_runtime_hears_of_a_signal() {
    watched(|| {
        let (listening, received) = (Arc::new(Barrier::new(4)), Arc::new(Barrier::new(4)));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (listening, received) = (listening.clone(), received.clone());
                let listen = async move || {
                    let mut signal = signal(own(2)).unwrap();
                    for _ in 0..20 {
                        assert!(is_waiting(&mut signal));
                        listening.wait();
                        signal.recv().await;
                        received.wait();
                    }
                };
                thread::spawn(move || Runtime::new().unwrap().block_on(listen()))
            })
            .collect();
        for _ in 0..20 {
            listening.wait();
            kill(std::process::id(), own(2));
            received.wait();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn what_comes_before_the_first_recv_is_received() {
    // The same outside a runtime.
    let mut signal = signal(own(3)).unwrap();
    raise(own(3));
    run(async || {
        signal.recv().await;
        assert!(is_waiting(&mut signal));
    });
}

#[test]
fn signals_that_nobody_has_received_yet_are_received_as_one() {
    run(async || {
        let mut signal = signal(own(4)).unwrap();
        (0..3).for_each(|_| raise(own(4)));
        signal.recv().await;
        assert!(is_waiting(&mut signal));
        // The same while it waits.
        (0..3).for_each(|_| raise(own(4)));
        signal.recv().await;
        assert!(is_waiting(&mut signal));
    });
}

#[test]
fn a_cancelled_recv_loses_nothing() {
    run(async || {
        let mut signal = signal(own(5)).unwrap();
        for _ in 0..3 {
            // The signal comes when nobody waits any longer,
            assert!(is_waiting(&mut signal));
            raise(own(5));
            signal.recv().await;
            // or to a future that is dropped before it is polled again.
            let mut cancelled = Box::pin(signal.recv());
            assert!(poll_once(cancelled.as_mut()).is_pending());
            raise(own(5));
            support::turn().await;
            drop(cancelled);
            signal.recv().await;
        }
    });
}

#[test]
fn none_is_lost_while_the_thread_sleeps() {
    run(async || {
        let mut signal = signal(own(6)).unwrap();
        let (received, wait_for_it) = mpsc::channel();
        let sender = thread::spawn(move || {
            for _ in 0..500 {
                kill(std::process::id(), own(6));
                wait_for_it.recv().unwrap();
            }
        });
        for _ in 0..500 {
            signal.recv().await;
            received.send(()).unwrap();
        }
        sender.join().unwrap();
        assert!(is_waiting(&mut signal));
    });
}

#[test]
fn a_listener_may_wait_in_another_runtime_than_before() {
    watched(|| {
        let mut signal = signal(own(7)).unwrap();
        let first = Runtime::new().unwrap();
        first.block_on(async { assert!(is_waiting(&mut signal)) });
        // Elsewhere, while the first one lives,
        let mut signal = thread::spawn(|| {
            Runtime::new().unwrap().block_on(async {
                assert!(is_waiting(&mut signal));
                raise(own(7));
                signal.recv().await;
                assert!(is_waiting(&mut signal));
            });
            signal
        })
        .join()
        .unwrap();
        // in the first one again, and after its end.
        first.block_on(async {
            assert!(is_waiting(&mut signal));
            raise(own(7));
            signal.recv().await;
        });
        drop(first);
        Runtime::new().unwrap().block_on(async {
            assert!(is_waiting(&mut signal));
            raise(own(7));
            signal.recv().await;
        });
    });
}

#[test]
#[should_panic(expected = "there is no ayi runtime on this thread")]
fn waiting_outside_a_runtime_panics() {
    let mut signal = signal(own(8)).unwrap();
    let _ = is_waiting(&mut signal);
}

/// Runs `worker` in a process that fork(2) makes of this one, and waits for its end. Returns true if it has not
/// panicked.
fn in_a_fork(worker: impl FnOnce() + std::panic::UnwindSafe) -> bool {
    // SAFETY: what the child does, including its allocations, is what glibc allows after a fork, because the other
    // threads of this process hold no locks: they wait.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: these take numbers. There is no watchdog in this process.
        unsafe {
            libc::alarm(30);
            libc::_exit(i32::from(std::panic::catch_unwind(worker).is_err()));
        }
    }
    let mut status = 0;
    // SAFETY: the status outlives the call.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    status == 0
}

#[test]
fn a_signal_of_a_child_before_its_exec_is_not_the_parents() {
    run(async || {
        let mut signal = signal(own(12)).unwrap();
        assert!(is_waiting(&mut signal));
        let mut command = Command::new("true");
        // SAFETY: kill(2) and getpid(2) may be called there.
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut command, || {
                libc::kill(libc::getpid(), own(12).as_raw_value());
                Ok(())
            });
        }
        assert!(command.status().unwrap().success());
        turn().await;
        assert!(is_waiting(&mut signal));
        // It is still there for the parent's own signal.
        raise(own(12));
        signal.recv().await;
    });
}

#[test]
fn a_signal_of_a_child_that_has_the_parents_memory_is_not_the_parents() {
    extern "C" fn child(number: *mut libc::c_void) -> libc::c_int {
        // SAFETY: these take numbers. `raise` would read the thread's number in the parent's memory.
        unsafe { libc::kill(libc::getpid(), number as libc::c_int) };
        0
    }
    run(async || {
        let mut signal = signal(own(13)).unwrap();
        assert!(is_waiting(&mut signal));
        let mut stack = vec![0_u128; 4096];
        let number = own(13).as_raw_value() as usize as *mut libc::c_void;
        // SAFETY: like vfork(2): this thread stands still until the child, which has a stack of its own, has ended.
        let pid = unsafe {
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            libc::clone(child, stack.as_mut_ptr_range().end.cast(), flags, number)
        };
        let mut status = 0;
        // SAFETY: the status outlives the call.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert_eq!(status, 0);
        turn().await;
        assert!(is_waiting(&mut signal));
    });
}

#[test]
fn a_forked_worker_hears_its_own_signals_and_its_parent_hears_none_of_them() {
    if !in_a_child(module_path!(), "a_forked_worker_hears_its_own_signals_and_its_parent_hears_none_of_them")
    {
        return;
    }
    watched(|| {
        let runtime = Runtime::new().unwrap();
        let mut inherited = signal(own(0)).unwrap();
        let mut idle = signal(own(0)).unwrap();
        runtime.block_on(async { assert!(is_waiting(&mut inherited)) });
        let (inherited_there, idle_there) = (&mut inherited, &mut idle);
        let is_well = in_a_fork(std::panic::AssertUnwindSafe(move || {
            // Before the worker has a runtime, and with it.
            raise(own(0));
            Runtime::new().unwrap().block_on(async {
                inherited_there.recv().await;
                idle_there.recv().await;
                let mut new = signal(own(0)).unwrap();
                for listener in [&mut *inherited_there, &mut *idle_there, &mut new] {
                    assert!(is_waiting(listener));
                }
                raise(own(0));
                for listener in [inherited_there, idle_there, &mut new] {
                    listener.recv().await;
                }
                let mut pressed = pin!(ctrl_c());
                assert!(poll_once(pressed.as_mut()).is_pending());
                raise(SignalKind::interrupt());
                pressed.await.unwrap();
            });
        }));
        assert!(is_well);
        runtime.block_on(async {
            turn().await;
            assert!(is_waiting(&mut inherited));
            assert!(is_waiting(&mut idle));
            raise(own(0));
            inherited.recv().await;
            idle.recv().await;
        });
    });
}

#[test]
fn a_forked_worker_takes_no_signal_of_its_parents() {
    if !in_a_child(module_path!(), "a_forked_worker_takes_no_signal_of_its_parents") {
        return;
    }
    watched(|| {
        let runtime = Runtime::new().unwrap();
        let mut signal = signal(own(0)).unwrap();
        raise(own(0));
        let there = &mut signal;
        let is_well = in_a_fork(std::panic::AssertUnwindSafe(move || {
            Runtime::new().unwrap().block_on(async { assert!(is_waiting(there)) });
            // SAFETY: it is no longer used: this process ends.
            drop(unsafe { std::ptr::read(there) });
        }));
        assert!(is_well);
        runtime.block_on(signal.recv());
        // The worker has dropped its listener: the parent's continues.
        runtime.block_on(async {
            assert!(is_waiting(&mut signal));
            raise(own(0));
            signal.recv().await;
        });
    });
}

#[test]
fn what_nobody_can_listen_to_is_an_error() {
    for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGILL, libc::SIGFPE] {
        let error = signal(SignalKind::from_raw(number)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot listen to signal {number}: SIGKILL and ")), "{text}");
    }
    for number in [i32::MIN, -1, 0, 32, 33, 65, 1_000_000, i32::MAX] {
        let error = signal(SignalKind::from_raw(number)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot listen to signal {number}: there is no such ")), "{text}");
    }
    // Signals that can be listened to still can be.
    run(async || {
        let mut signal = signal(own(9)).unwrap();
        raise(own(9));
        signal.recv().await;
    });
}

#[test]
fn the_default_action_does_not_come_back() {
    if !in_a_child(module_path!(), "the_default_action_does_not_come_back") {
        return;
    }
    block_on(async || {
        drop(signal(SignalKind::terminate()).unwrap());
        raise(SignalKind::terminate());
        turn().await;
        // Nothing of it is left for a listener that comes later.
        let mut late = signal(SignalKind::terminate()).unwrap();
        assert!(is_waiting(&mut late));
    });
}

#[test]
fn a_signal_between_two_listeners_of_one_turn_is_not_lost() {
    run(async || {
        let kinds = [own(14), own(15)];
        let [mut first, mut second] = kinds.map(|kind| signal(kind).unwrap());
        assert!(is_waiting(&mut first) && is_waiting(&mut second));
        raise(kinds[0]);
        drop((first, second));
        raise(kinds[1]);
        // What came before the drop and what came after it, by as many listeners as there are now.
        let mut next: Vec<_> = kinds.iter().cycle().take(4).map(|&kind| signal(kind).unwrap()).collect();
        for signal in &mut next {
            signal.recv().await;
            assert!(is_waiting(signal), "it has come once");
        }
    });
}

#[test]
fn what_a_listener_has_received_is_not_told_to_the_next() {
    run(async || {
        let mut first = signal(own(16)).unwrap();
        raise(own(16));
        first.recv().await;
        drop(first);
        assert!(is_waiting(&mut signal(own(16)).unwrap()));
        // Nor what another thread's listener has left, nor what comes when there is no runtime.
        thread::spawn(|| drop(signal(own(16)).unwrap())).join().unwrap();
        raise(own(16));
        turn().await;
        assert!(is_waiting(&mut signal(own(16)).unwrap()));
    });
    drop(signal(own(16)).unwrap());
    raise(own(16));
    run(async || assert!(is_waiting(&mut signal(own(16)).unwrap())));
}

#[test]
fn select_in_a_loop_loses_no_ctrl_c() {
    if !in_a_child(module_path!(), "select_in_a_loop_loses_no_ctrl_c") {
        return;
    }
    run(async || {
        let mut pressed = 0;
        for _ in 0..100 {
            ayi::select! {
                biased;
                result = ctrl_c() => {
                    result.unwrap();
                    pressed += 1;
                }
                _ = std::future::ready(()) => raise(SignalKind::interrupt()),
            }
        }
        assert_eq!(pressed, 50);
    });
}

#[test]
fn a_listener_that_goes_closes_its_descriptor() {
    if !in_a_child(module_path!(), "a_listener_that_goes_closes_its_descriptor") {
        return;
    }
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    run(async || {
        drop(signal(own(10)).unwrap());
        let before = open();
        for _ in 0..100 {
            let mut signal = signal(own(10)).unwrap();
            assert!(is_waiting(&mut signal));
            raise(own(10));
            signal.recv().await;
        }
        // The last one hangs on for the rest of its turn, as the first had.
        assert_eq!(open(), before);
    });
}

#[test]
fn listeners_come_and_go_while_signals_arrive() {
    watched(|| {
        let _keeps_the_handler = signal(own(11)).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let is_over = is_over.clone();
                // Relaxed: it orders nothing else.
                thread::spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        raise(own(11));
                    }
                })
            })
            .collect();
        Runtime::new().unwrap().block_on(async {
            for _ in 0..50 {
                let mut listeners: Vec<_> = (0..3).map(|_| signal(own(11)).unwrap()).collect();
                for listener in &mut listeners {
                    listener.recv().await;
                }
            }
        });
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn ctrl_c_is_awaited() {
    if !in_a_child(module_path!(), "ctrl_c_is_awaited") {
        return;
    }
    run(async || {
        for _ in 0..2 {
            let mut pressed = pin!(ctrl_c());
            assert!(poll_once(pressed.as_mut()).is_pending());
            raise(SignalKind::interrupt());
            pressed.await.unwrap();
        }
        // Nobody listens, and still it does not end the process.
        raise(SignalKind::interrupt());
    });
    // Without a runtime it returns an error.
    let error = match poll_once(pin!(ctrl_c())) {
        std::task::Poll::Ready(result) => result.unwrap_err(),
        std::task::Poll::Pending => panic!("nobody would wake it"),
    };
    assert!(error.to_string().contains("there is no ayi runtime on this thread"), "{error}");
}

#[test]
fn listeners_may_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Signal>();
    check::<SignalKind>();
    fn check_send<T: Send>(_: T) {}
    check_send(ctrl_c());
}

/// Starts the example, and returns a reader of its lines.
fn example() -> (Child, impl FnMut() -> String) {
    let mut child = Command::new(path_of("signals")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || lines.by_ref().try_for_each(|line| sender.send(line.unwrap())));
    (child, move || received.recv_timeout(PATIENCE).expect("the example writes a line"))
}

#[test]
fn the_example_is_told_to_reload_and_to_end() {
    for last in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut child, mut line) = example();
        assert_eq!(line(), format!("process {} is running", child.id()));
        for _ in 0..3 {
            kill(child.id(), SignalKind::hangup());
            assert_eq!(line(), "reading the configuration again");
        }
        kill(child.id(), last);
        assert_eq!(line(), "goodbye");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn what_asks_a_program_to_end_is_heard_each_time_and_by_every_listener() {
    if !in_a_child(module_path!(), "what_asks_a_program_to_end_is_heard_each_time_and_by_every_listener") {
        return;
    }
    run(async || {
        let (mut one, mut other) = (termination().unwrap(), termination().unwrap());
        for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::terminate()] {
            assert!(poll_once(pin!(one.recv())).is_pending());
            raise(kind);
            assert_eq!(one.recv().await, kind);
            assert_eq!(other.recv().await, kind);
        }
    });
}
