//! What goes wrong with cores: one situation a test.

use crate::support::{self, child, connected, in_a_child, is_child, path_of_test, turn, watched};
use ayi::net::TcpListener;
use ayi::runtime::{Builder, Core, CorePanic, CoresBuilder, Handle, UnhandledPanic, shutdown_token};
use ayi::time::Duration;
use std::cell::Cell;
use std::future::pending;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

fn cores(count: usize) -> CoresBuilder {
    Builder::new_current_thread().cores(count)
}

/// Returns the message with which it panics.
#[track_caller]
fn panic_of<T>(run: impl FnOnce() -> T) -> String {
    let panic = watched(|| catch_unwind(AssertUnwindSafe(run))).err().expect("it panics");
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until no threads of cores and of their pools are left, which are called `ayi-…`. For a moment after it has
/// been joined, a thread is still in the kernel's list.
fn wait_for_the_end_of_threads() {
    watched(|| {
        while threads() > 0 {
            thread::yield_now();
        }
    });
}

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name =
        |task: io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).filter(|name| name.starts_with("ayi-")).count()
}

/// A value that counts when it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

// What cannot be.

#[test]
#[should_panic(expected = "cores(0): main could never run, give it at least 1")]
fn no_core_at_all_is_a_mistake() {
    cores(0);
}

#[test]
#[should_panic(expected = "thread_name: a null byte")]
fn a_threads_name_has_no_null_byte() {
    cores(1).thread_name("a\0b");
}

#[test]
fn cores_that_are_to_be_pinned_need_a_cpu_each() {
    let began = AtomicUsize::new(0);
    let main = async |_| began.fetch_add(1, Ordering::SeqCst);
    let error = watched(|| cores(5000).pin(true).run(main)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.starts_with("5000 cores cannot be pinned to ") && text.contains("take fewer"), "{text}");
    assert_eq!(began.load(Ordering::SeqCst), 0);
}

#[test]
fn cores_are_not_started_where_others_would_have_to_wait() {
    let start = || ayi::runtime::Runtime::new().unwrap().block_on(async { cores(1).run(async |_| ()) });
    assert!(panic_of(start).starts_with("block_on inside block_on"));
}

#[test]
fn a_core_that_there_is_not_cannot_be_reached() {
    let main = async |core: Core| drop(core.spawn_on(2, async || ()));
    assert_eq!(panic_of(|| cores(2).run(main)), "there is no core 2: there are 2, and the first is 0");
}

#[test]
#[should_panic(expected = "this thread is none of the cores")]
fn a_thread_that_is_none_has_no_core() {
    Core::current();
}

// What the system refuses.

#[test]
fn no_main_runs_where_one_core_gets_no_runtime_and_all_is_given_back() {
    if !in_a_child(module_path!(), "no_main_runs_where_one_core_gets_no_runtime_and_all_is_given_back") {
        return;
    }
    // Each runtime needs two. An eventfd goes to the next runtime instead of being closed, so the first round is not
    // counted.
    let began = AtomicUsize::new(0);
    let main = async |_| began.fetch_add(1, Ordering::SeqCst);
    watched(|| cores(8).run(main)).unwrap();
    let files = open_files();
    began.store(0, Ordering::SeqCst);
    let limit = libc::rlimit { rlim_cur: files as u64 + 3, rlim_max: 4096 };
    // SAFETY: setrlimit(2) reads one `rlimit`.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    for _ in 0..10 {
        let error = watched(|| cores(8).run(main)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        let error = watched(|| cores(8).try_run(async |core| io::Result::Ok(main(core).await))).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    }
    assert!(
        panic_of(|| cores(8).main(async |_| ())).starts_with("cannot start an ayi runtime on each core: ")
    );
    wait_for_the_end_of_threads();
    assert_eq!((open_files(), began.load(Ordering::SeqCst)), (files, 0));
}

#[test]
fn nothing_is_left_when_the_cores_have_ended() {
    if !in_a_child(module_path!(), "nothing_is_left_when_the_cores_have_ended") {
        return;
    }
    let main = async |core: Core| {
        ayi::task::spawn_blocking(|| ()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        ayi::spawn(async move { listener.accept().await.map(drop) });
        drop(core.spawn_on((core.index() + 1) % 4, pending::<()>));
        ayi::task::yield_now().await;
    };
    watched(|| cores(4).run(main)).unwrap();
    let files = open_files();
    for _ in 0..20 {
        watched(|| cores(4).run(main)).unwrap();
    }
    wait_for_the_end_of_threads();
    assert_eq!(open_files(), files);
}

// One core fails.

#[test]
fn a_listener_that_cannot_bind_on_one_core_stops_the_others() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let told = AtomicUsize::new(0);
    let main = async |core: Core| {
        let address: SocketAddr = match core.index() {
            2 => taken.local_addr()?,
            _ => "127.0.0.1:0".parse().unwrap(),
        };
        let listener = TcpListener::bind(address).await?;
        let serve = async { while listener.accept().await.is_ok() {} };
        shutdown_token().run_until_cancelled(serve).await;
        told.fetch_add(1, Ordering::SeqCst);
        io::Result::Ok(())
    };
    let error = watched(|| cores(3).try_run(main)).unwrap_err();
    assert_eq!((error.kind(), told.load(Ordering::SeqCst)), (ErrorKind::AddrInUse, 2));
}

#[test]
fn of_several_errors_the_first_cores_is_given() {
    let main = async |core: Core| Err::<(), _>(io::Error::other(core.index().to_string()));
    assert_eq!(watched(|| cores(3).try_run(main)).unwrap_err().to_string(), "0");
}

#[test]
fn without_an_error_there_are_all_outputs() {
    let main = async |core: Core| io::Result::Ok(core.index());
    assert_eq!(watched(|| cores(3).try_run(main)).unwrap(), [0, 1, 2]);
}

#[test]
fn a_panic_stops_the_others_and_goes_on_in_the_caller() {
    let told = AtomicUsize::new(0);
    let main = async |core: Core| {
        if core.index() == 1 {
            panic!("no tea on core 1");
        }
        shutdown_token().cancelled().await;
        told.fetch_add(1, Ordering::SeqCst);
    };
    assert_eq!(panic_of(|| cores(3).run(main)), "no tea on core 1");
    assert_eq!(told.load(Ordering::SeqCst), 2);
}

#[test]
fn who_ignores_that_another_has_failed_is_dropped_when_time_is_up() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let main = async |core: Core| {
        let _counts = Counts(dropped.clone());
        if core.index() == 0 {
            return Err(io::Error::other("no water"));
        }
        let _task = ayi::spawn({
            let counts = Counts(dropped.clone());
            async move {
                let _counts = counts;
                pending::<()>().await;
            }
        });
        pending().await
    };
    let result: io::Result<Vec<()>> =
        watched(|| cores(2).stop_timeout(Duration::from_millis(5)).try_run(main));
    assert_eq!(result.unwrap_err().to_string(), "no water");
    // Both main functions and the task.
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
}

#[test]
fn a_task_whose_panic_ends_its_runtime_ends_all() {
    let mut builder = Builder::new_current_thread();
    builder.unhandled_panic(UnhandledPanic::ShutdownRuntime);
    let main = async |core: Core| {
        if core.index() == 0 {
            drop(ayi::spawn(async { panic!("on purpose") }));
        }
        shutdown_token().cancelled().await;
        if core.index() == 0 {
            pending().await
        }
    };
    let text = panic_of(|| builder.cores(2).run(main));
    assert!(text.starts_with("a task panicked that nobody joins"), "{text}");
}

#[test]
fn mains_may_fail_in_three_ways() {
    let code = async |core: Core| if core.index() == 1 { ExitCode::from(7) } else { ExitCode::SUCCESS };
    assert_eq!(watched(|| cores(2).main(code)), ExitCode::from(7));
    let result = async |core: Core| if core.index() == 1 { Err(7) } else { Ok(()) };
    assert_eq!(watched(|| cores(2).main(result)), Err(7));
    watched(|| cores(2).main(async |_| ()));
}

/// Runs the test `name` in a process of its own, and reads its stderr until that contains `text`.
fn says(name: &str, text: &str) {
    watched(|| {
        let mut child = child(module_path!(), name);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut before = Vec::new();
        let is_said = lines.by_ref().any(|line| {
            let is_it = line.contains(text);
            before.push(line);
            is_it
        });
        assert!(is_said, "{name} has not said {text:?}, but {before:#?}");
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

/// The other core never looks at the token, and would not be dropped for an hour.
#[test]
fn a_core_that_fails_is_told_of_at_once_with_its_error() {
    if is_child() {
        let main = async |core: Core| -> io::Result<()> {
            if core.index() == 1 {
                return Err(io::Error::from_raw_os_error(libc::EADDRINUSE));
            }
            pending().await
        };
        return drop(cores(2).stop_timeout(Duration::from_secs(3600)).try_run(main));
    }
    let text = "ayi: core 1 has failed: Os { code: 98, kind: AddrInUse, message: \"Address already in use\" }. For \
                cores to listen on one address, each calls TcpSocket::set_reuseport before bind; the other cores are \
                told to end, and have 3600s for that";
    says("a_core_that_fails_is_told_of_at_once_with_its_error", text);
}

#[test]
fn a_main_of_the_macro_that_fails_is_told_of_at_once() {
    #[ayi::main(cores = 2)]
    async fn server(core: Core) -> ExitCode {
        if core.index() == 0 {
            return ExitCode::from(7);
        }
        pending().await
    }
    if is_child() {
        server();
    }
    says("a_main_of_the_macro_that_fails_is_told_of_at_once", "ayi: core 0 has failed: ExitCode(");
}

#[test]
fn a_core_that_panics_is_told_of_at_once() {
    if is_child() {
        let main = async |core: Core| {
            if core.index() == 1 {
                panic!("no tea on core 1");
            }
            pending::<()>().await;
        };
        return drop(cores(2).stop_timeout(Duration::from_secs(3600)).run(main));
    }
    says(
        "a_core_that_panics_is_told_of_at_once",
        "ayi: core 1 has panicked; the other cores are told to end, and have 3600s for that",
    );
}

#[test]
fn a_core_that_does_not_end_when_another_has_failed_is_told_of() {
    if is_child() {
        let main = async |core: Core| match core.index() {
            0 => Err(io::Error::other("no water")),
            1 => Ok(()),
            _ => loop {
                thread::park();
            },
        };
        return drop(cores(3).stop_timeout(Duration::from_millis(1)).try_run(main));
    }
    says(
        "a_core_that_does_not_end_when_another_has_failed_is_told_of",
        "ayi: of the cores that are told to end, [2] have not",
    );
}

/// The blocking call of the core that fails returns when the other core has been told to end.
#[test]
fn a_blocking_call_of_the_core_that_fails_does_not_keep_it_secret() {
    for panics in [false, true] {
        let (end, ends) = mpsc::channel::<()>();
        let (end, ends) = (Mutex::new(Some(end)), Mutex::new(Some(ends)));
        let main = async |core: Core| {
            if core.index() == 0 {
                shutdown_token().cancelled().await;
                drop(end.lock().unwrap().take());
                return Ok(());
            }
            let (ends, (begin, begun)) = (ends.lock().unwrap().take().unwrap(), mpsc::channel());
            drop(ayi::task::spawn_blocking(move || {
                begin.send(()).unwrap();
                ends.recv().unwrap_err();
            }));
            begun.recv().unwrap();
            assert!(!panics, "on purpose");
            Err(io::Error::other("no water"))
        };
        let result = watched(|| catch_unwind(AssertUnwindSafe(|| cores(2).try_run(main))));
        match result {
            Ok(result) => assert_eq!(result.unwrap_err().to_string(), "no water"),
            Err(_) => assert!(panics),
        }
    }
}

/// Its blocking call continues, and so does the process.
#[test]
fn a_blocking_call_of_a_core_that_panics_does_not_keep_it_from_being_started_anew() {
    let (starts, (end, ends)) = (AtomicUsize::new(0), mpsc::channel::<()>());
    let (end, ends) = (Mutex::new(Some(end)), Mutex::new(Some(ends)));
    let main = async |_: Core| {
        if starts.fetch_add(1, Ordering::SeqCst) == 1 {
            return drop(end.lock().unwrap().take());
        }
        let (ends, (begin, begun)) = (ends.lock().unwrap().take().unwrap(), mpsc::channel());
        drop(ayi::task::spawn_blocking(move || {
            begin.send(()).unwrap();
            ends.recv().unwrap_err();
        }));
        begun.recv().unwrap();
        panic!("the first time");
    };
    let mut cores = cores(1);
    cores.on_panic(CorePanic::Restart).stop_timeout(Duration::from_millis(1));
    watched(|| cores.run(main)).unwrap();
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

// One core is started anew.

thread_local! {
    static RUNS: Cell<usize> = const { Cell::new(0) };
}

#[test]
fn a_core_that_panics_is_started_anew_while_the_others_go_on() {
    let (starts, dropped) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let main = async |core: Core| {
        let runs = RUNS.replace(1);
        assert_eq!(runs, 0, "a new core has new thread-locals");
        if core.index() == 0 {
            let first = core.handle(1).id();
            let lost = core.spawn_on(1, pending::<()>);
            assert!(lost.await.is_err_and(|error| error.is_cancelled()));
            // Its next runtime replaces the last one, when it exists.
            while core.handle(1).id() == first {
                ayi::task::yield_now().await;
            }
            let there = core.spawn_on(1, || async { Core::current().index() });
            assert_eq!(there.await.unwrap(), 1);
            core.shutdown_token().cancel();
            return;
        }
        let _counts = Counts(dropped.clone());
        if starts.fetch_add(1, Ordering::SeqCst) == 0 {
            // This waits until a task exists that would miss it.
            while Handle::current().metrics().num_alive_tasks() == 0 {
                ayi::task::yield_now().await;
            }
            panic!("the first time");
        }
        shutdown_token().cancelled().await;
    };
    watched(|| cores(2).on_panic(CorePanic::Restart).run(main)).unwrap();
    assert_eq!((starts.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst)), (2, 2));
}

#[test]
fn a_core_that_always_panics_is_given_up() {
    let starts = AtomicUsize::new(0);
    let main = async |core: Core| {
        if core.index() == 1 {
            panic!("number {}", starts.fetch_add(1, Ordering::SeqCst) + 1);
        }
        shutdown_token().cancelled().await;
    };
    let text = panic_of(|| cores(2).on_panic(CorePanic::Restart).run(main));
    assert_eq!((text.as_str(), starts.load(Ordering::SeqCst)), ("number 6", 6));
}

#[test]
fn a_core_that_panics_while_all_are_ending_is_not_started_anew() {
    let starts = AtomicUsize::new(0);
    let main = async |core: Core| {
        starts.fetch_add(1, Ordering::SeqCst);
        core.shutdown_token().cancel();
        if core.index() == 1 {
            panic!("at the end");
        }
    };
    assert_eq!(panic_of(|| cores(2).on_panic(CorePanic::Restart).run(main)), "at the end");
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

// What is used on the wrong core, or too late.

#[test]
fn a_core_that_is_gone_takes_nothing_and_what_was_meant_for_it_is_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let main = async |core: Core| {
        if core.index() == 1 {
            return;
        }
        let last = core.spawn_on(1, pending::<()>);
        assert!(last.await.is_err(), "its main has returned");
        let counts = Counts(dropped.clone());
        let late = core.spawn_on(1, move || async move { drop(counts) });
        assert!(late.await.unwrap_err().is_cancelled());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        // It is dealt nothing either.
        for _ in 0..10 {
            drop(core.spawn_balanced(pending::<()>()));
        }
        let here = core.spawn_balanced(async { Core::current().index() });
        assert_eq!(here.await.unwrap(), 0);
    };
    watched(|| cores(2).run(main)).unwrap();
}

#[test]
fn what_a_core_knows_of_the_others_may_outlive_them_all() {
    let core = watched(|| cores(2).run(async |core| core)).unwrap().swap_remove(0);
    assert_eq!((core.index(), core.count()), (0, 2));
    assert!(Core::try_current().is_none());
    let late = [core.spawn_on(1, || async {}), core.spawn_balanced(async {})];
    let runtime = ayi::runtime::Runtime::new().unwrap();
    for task in late {
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    }
}

#[test]
fn a_stream_that_is_dropped_on_another_core_is_closed_and_forgotten() {
    let main = async |core: Core| {
        if core.index() == 1 {
            return shutdown_token().cancelled().await;
        }
        let _guard = core.shutdown_token().drop_guard();
        let (stream, mut peer) = connected();
        let mut byte = [0];
        assert!(support::poll_once(std::pin::pin!(stream.read(&mut byte))).is_pending());
        let metrics = Handle::current().metrics();
        assert_eq!(metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count(), 1);
        core.spawn_on(1, move || async move { drop(stream) }).await.unwrap();
        // The end of the stream: it is closed.
        assert_eq!(io::Read::read(&mut peer, &mut byte).unwrap(), 0);
        while metrics.io_driver_fd_deregistered_count() < metrics.io_driver_fd_registered_count() {
            turn().await;
        }
    };
    watched(|| cores(2).run(main)).unwrap();
}

#[test]
fn a_cgroups_quota_is_respected() {
    if is_child() {
        let count = Builder::new_current_thread().all_cores().run(async |core| core.count()).unwrap();
        assert_eq!(count, [1], "half of a CPU is one core");
        return;
    }
    let Some(group) = Group::new() else {
        return crate::support::skipped("this process may not make a cgroup");
    };
    let test = std::env::current_exe().unwrap();
    let name = path_of_test(module_path!(), "a_cgroups_quota_is_respected");
    let script = format!("echo $$ > {}/cgroup.procs && exec {} --exact {name}", group.0, test.display());
    let output = Command::new("sh").args(["-c", &script]).env("AYI_TEST_CHILD", "1").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A cgroup that may use half of a CPU.
struct Group(String);

impl Group {
    fn new() -> Option<Group> {
        let id = std::process::id();
        let (v1, v2) = (format!("/sys/fs/cgroup/cpu/ayi-{id}"), format!("/sys/fs/cgroup/ayi-{id}"));
        let made = |path: &String, file: &str, quota: &str| {
            // This also fails if there is no such hierarchy.
            std::fs::create_dir(path).is_ok() && {
                let is_set = std::fs::write(format!("{path}/{file}"), quota).is_ok();
                if !is_set {
                    let _ = std::fs::remove_dir(path);
                }
                is_set
            }
        };
        let is_v1 = made(&v1, "cpu.cfs_quota_us", "50000");
        (is_v1 || made(&v2, "cpu.max", "50000 100000")).then_some(Group(if is_v1 { v1 } else { v2 }))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_thread_that_has_nothing_to_do_with_cores_may_start_some_beside_others() {
    let run = || cores(2).run(async |core| core.index()).unwrap();
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(move || watched(run))).collect();
    threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), [0, 1]));
}
