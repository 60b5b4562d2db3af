//! A runtime on each of several cores: one situation a test. `cores_faults` has what goes wrong.

use super::share::on_the_first_of;
use crate::support::{self, connected, has_ipv6, watched};
use ayi::net::{TcpListener, TcpSocket, TcpStream};
use ayi::runtime::{Builder, Core, CoresBuilder, Handle, shutdown_token};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;
use std::rc::Rc;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

fn cores(count: usize) -> CoresBuilder {
    Builder::new_current_thread().cores(count)
}

/// Runs `main` on the first of `count` cores, while the others wait until it has returned. If it hangs, the process
/// ends.
#[track_caller]
fn on_first_of<T: Send>(count: usize, main: impl AsyncFn(Core) -> T + Sync) -> T {
    on_the_first_of(cores(count), main)
}

/// Returns the core on which a task runs.
async fn here() -> usize {
    Core::current().index()
}

// Threads, runtimes, outputs.

#[test]
fn each_core_has_its_own_thread_and_runtime_and_the_outputs_are_in_order() {
    let main = async |core: Core| {
        let runtime = Handle::current();
        assert_eq!(runtime.id(), core.handle(core.index()).id());
        assert_eq!((core.count(), core.cpu()), (4, None));
        assert_eq!(Core::current().index(), core.index());
        let name = thread::current().name().map(String::from);
        (core.index(), name.unwrap(), thread::current().id(), runtime.id())
    };
    let outputs = watched(|| cores(4).thread_name("web").run(main)).unwrap();
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!((output.0, output.1.as_str()), (index, format!("web-{index}").as_str()));
    }
    let threads: HashSet<ThreadId> = outputs.iter().map(|output| output.2).collect();
    let runtimes: HashSet<_> = outputs.iter().map(|output| output.3).collect();
    assert_eq!((threads.len(), runtimes.len()), (4, 4));
    assert!(!threads.contains(&thread::current().id()));
}

#[test]
fn main_may_borrow_from_whoever_starts_the_cores() {
    let seen = Mutex::new(Vec::new());
    watched(|| cores(3).run(async |core| seen.lock().unwrap().push(core.index()))).unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn tasks_of_a_core_need_not_be_send() {
    let main = async |_| {
        let cups = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let cups = cups.clone();
                ayi::spawn(async move { cups.set(cups.get() + 1) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        cups.get()
    };
    assert_eq!(watched(|| cores(2).run(main)).unwrap(), [10, 10]);
}

#[test]
fn there_may_be_more_cores_than_the_machine_has() {
    let many = 4 * thread::available_parallelism().unwrap().get();
    assert_eq!(
        watched(|| cores(many).run(async |core| core.index())).unwrap(),
        (0..many).collect::<Vec<_>>()
    );
}

#[test]
fn all_are_as_many_as_the_thread_may_use() {
    watched(|| {
        let count = || Builder::new_current_thread().all_cores().run(async |core| core.count()).unwrap();
        let all = thread::available_parallelism().unwrap().get();
        assert_eq!(count(), vec![all; all]);
        stay_on(&[allowed()[0]]);
        assert_eq!(count(), [1]);
    });
}

#[test]
fn settings_of_the_builder_are_those_of_each_runtime() {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true).name("orders");
    let main = async |_| {
        ayi::time::sleep(ayi::time::Duration::from_secs(3600)).await;
        Handle::current().name().map(String::from).unwrap()
    };
    assert_eq!(watched(|| builder.cores(2).run(main)).unwrap(), ["orders", "orders"]);
}

#[test]
fn the_same_settings_run_any_number_of_times() {
    let cores = cores(2);
    for _ in 0..20 {
        assert_eq!(watched(|| cores.run(async |core| core.index())).unwrap(), [0, 1]);
    }
}

// Affinity.

fn allowed() -> Vec<usize> {
    // SAFETY: all zeros is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is as large as is said.
    assert_eq!(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) }, 0);
    // SAFETY: the numbers are below what the set has room for.
    (0..1024).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect()
}

fn stay_on(cpus: &[usize]) {
    // SAFETY: all zeros is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the numbers come from such a set.
    cpus.iter().for_each(|cpu| unsafe { libc::CPU_SET(*cpu, &mut set) });
    // SAFETY: `set` is as large as is said.
    assert_eq!(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) }, 0);
}

#[test]
fn a_pinned_core_stays_on_its_cpu_and_the_callers_thread_where_it_was() {
    let before = allowed();
    let pinned = watched(|| {
        Builder::new_current_thread().all_cores().pin(true).run(async |core| (core.cpu(), allowed()))
    });
    for (cpu, (told, allowed)) in before.iter().zip(pinned.unwrap()) {
        assert_eq!((told, allowed), (Some(*cpu), vec![*cpu]));
    }
    assert_eq!(allowed(), before);
}

#[test]
fn a_core_is_pinned_to_a_cpu_that_the_process_may_use() {
    let last = *allowed().last().unwrap();
    stay_on(&[last]);
    assert_eq!(watched(|| cores(1).pin(true).run(async |core| core.cpu())).unwrap(), [Some(last)]);
}

// From one core to another.

#[test]
fn a_task_is_made_on_the_other_core_and_its_output_comes_back() {
    on_first_of(2, async |core| {
        let there = core.spawn_on(1, || {
            // It is made there, so it may contain values that are not `Send`.
            let not_send = Rc::new(Core::current().index());
            async move { format!("from core {not_send}") }
        });
        assert_eq!(there.await.unwrap(), "from core 1");
        assert_eq!(core.spawn_on(0, here).await.unwrap(), 0);
        assert_eq!(core.handle(1).spawn(here()).await.unwrap(), 1);
        assert_eq!(core.handle(1).spawn_with(here).await.unwrap(), 1);
    });
}

#[test]
fn a_task_on_another_core_can_be_aborted() {
    on_first_of(2, async |core| {
        let there = core.spawn_on(1, std::future::pending::<()>);
        there.abort();
        assert!(there.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_panic_there_is_the_tasks_own() {
    on_first_of(2, async |core| {
        let in_future = core.spawn_on(1, || async { panic!("no tea") });
        assert!(in_future.await.unwrap_err().is_panic());
        let in_make = core.spawn_on(1, || -> std::future::Ready<()> { panic!("no water") });
        assert!(in_make.await.unwrap_err().is_panic());
        let here = core.spawn_on(0, || -> std::future::Ready<()> { panic!("no cup") });
        assert!(here.await.unwrap_err().is_panic());
        assert_eq!(core.spawn_on(1, self::here).await.unwrap(), 1);
    });
}

#[test]
fn channels_work_across_cores() {
    on_first_of(2, async |core| {
        let (to, from) = async_channel::bounded(4);
        let sum = core.spawn_on(1, || async move {
            let mut sum = 0;
            while let Ok(n) = from.recv().await {
                sum += n;
            }
            sum
        });
        for n in 0..1000 {
            to.send(n).await.unwrap();
        }
        drop(to);
        assert_eq!(sum.await.unwrap(), 499_500);

        let (to, from) = flume::bounded(4);
        let echo = core.spawn_on(1, || async move { from.recv_async().await.unwrap() });
        to.send_async("flume").await.unwrap();
        assert_eq!(echo.await.unwrap(), "flume");
    });
}

#[test]
fn tokios_channels_and_locks_work_across_cores() {
    use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
    on_first_of(2, async |core| {
        let (ask, mut asked) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(4);
        let server = core.spawn_on(1, || async move {
            while let Some((n, answer)) = asked.recv().await {
                answer.send(n * n).unwrap();
            }
        });
        for n in 0..100 {
            let (answer, answered) = oneshot::channel();
            ask.send((n, answer)).await.unwrap();
            assert_eq!(answered.await.unwrap(), n * n);
        }
        drop(ask);
        server.await.unwrap();

        let count = std::sync::Arc::new((Mutex::new(0), Notify::new()));
        let (state, mut seen) = watch::channel(0);
        let tasks = [0, 1, 0, 1].map(|index| {
            let count = count.clone();
            core.spawn_on(index, move || async move {
                count.1.notified().await;
                *count.0.lock().await += 1;
            })
        });
        let watcher =
            core.spawn_on(1, || async move { seen.wait_for(|n| *n == 3).await.map(|n| *n).unwrap() });
        for n in 1..=3 {
            state.send(n).unwrap();
        }
        assert_eq!(watcher.await.unwrap(), 3);
        for _ in 0..4 {
            count.1.notify_one();
            ayi::task::yield_now().await;
        }
        // A permit is kept for a client that has not come yet, but for one only.
        while *count.0.lock().await < 4 {
            count.1.notify_one();
            ayi::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_thread_local_belongs_to_one_core() {
    thread_local! {
        static SERVED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }
    on_first_of(3, async |core| {
        for index in [1, 2, 1] {
            core.spawn_on(index, move || async move { SERVED.with_borrow_mut(|served| served.push(index)) })
                .await
                .unwrap();
        }
        let served = |index| core.spawn_on(index, || async { SERVED.take() });
        assert!(served(0).await.unwrap().is_empty());
        assert_eq!(served(1).await.unwrap(), [1, 1]);
        assert_eq!(served(2).await.unwrap(), [2]);
    });
}

// Balance. Where a task began is what its core has counted: it may go on elsewhere.

/// How many tasks have begun on each core.
fn begun<const CORES: usize>(core: &Core) -> [u64; CORES] {
    std::array::from_fn(|index| core.handle(index).metrics().spawned_tasks_count())
}

/// Waits until so many have begun on each core since `before`. A task that only has been on a core may count there for a
/// moment after its end.
async fn have_begun<const CORES: usize>(core: &Core, before: [u64; CORES], wanted: [u64; CORES]) {
    let count = |now: [u64; CORES]| std::array::from_fn(|index| now[index] - before[index]);
    while count(begun(core)) != wanted {
        ayi::task::yield_now().await;
    }
}

#[test]
fn tasks_are_dealt_out_evenly_and_count_until_they_are_finished() {
    on_first_of(3, async |core| {
        let before = begun(&core);
        let stop = ayi::runtime::CancellationToken::new();
        let place = || {
            let stop = stop.clone();
            core.spawn_balanced(async move { stop.cancelled().await })
        };
        let tasks: Vec<_> = (0..300).map(|_| place()).collect();
        stop.cancel();
        for task in tasks {
            task.await.unwrap();
        }
        have_begun(&core, before, [100; 3]).await;
        // All are finished, so it begins again with this core, which costs least.
        for _ in 0..5 {
            core.spawn_balanced(async {}).await.unwrap();
        }
        have_begun(&core, before, [105, 100, 100]).await;
        // A task that is aborted, or panics, no longer counts.
        let pending = core.spawn_balanced(std::future::pending::<()>());
        pending.abort();
        assert!(pending.await.is_err());
        assert!(core.spawn_balanced(async { panic!("on purpose") }).await.is_err());
        core.spawn_balanced(async {}).await.unwrap();
        have_begun(&core, before, [108, 100, 100]).await;
    });
}

#[test]
fn one_core_accepts_and_the_connections_are_served_on_all() {
    on_first_of(2, async |core| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..10).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let before = begun(&core);
        for _ in &clients {
            // It has not waited yet, so it belongs to no core.
            let (stream, _) = listener.accept().await.unwrap();
            drop(core.spawn_balanced(async move {
                let mut byte = [0];
                while stream.read(&mut byte).await.unwrap() > 0 {
                    stream.write(&byte).await.unwrap();
                }
            }));
        }
        let served = ayi::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            for mut client in &clients {
                client.write_all(b"?").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
        });
        served.await.unwrap();
        // With the task of `spawn_blocking`, which is here.
        have_begun(&core, before, [6, 5]).await;
    });
}

#[test]
fn a_stream_that_has_waited_works_on_another_core_and_is_moved_by_way_of_std() {
    on_first_of(2, async |core| {
        let (stream, mut peer) = connected();
        let mut byte = [0];
        {
            let mut waits = std::pin::pin!(stream.read(&mut byte));
            assert!(support::poll_once(waits.as_mut()).is_pending());
            io::Write::write_all(&mut peer, b"1").unwrap();
            assert_eq!(waits.await.unwrap(), 1);
        }

        // It is tied to this core, and each wait on another one is a message to this.
        let (told, news) = std::sync::mpsc::channel();
        let there = core.spawn_on(1, || async move {
            let mut byte = [0];
            {
                let mut waits = std::pin::pin!(stream.read(&mut byte));
                assert!(support::poll_once(waits.as_mut()).is_pending());
                told.send(()).unwrap();
                assert_eq!(waits.await.unwrap(), 1);
            }
            (stream, byte)
        });
        news.recv().unwrap();
        io::Write::write_all(&mut peer, b"3").unwrap();
        let (stream, byte) = there.await.unwrap();
        assert_eq!(byte, *b"3");

        let std = stream.into_std().unwrap();
        let there = core.spawn_on(1, || async move {
            let stream = TcpStream::from_std(std).unwrap();
            let mut byte = [0];
            (stream.read(&mut byte).await.unwrap(), byte)
        });
        io::Write::write_all(&mut peer, b"2").unwrap();
        assert_eq!(there.await.unwrap(), (1, *b"2"));
    });
}

#[test]
fn every_core_has_a_listener_on_the_same_port() {
    fn listen(address: std::net::SocketAddr) -> io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        socket.listen(64)
    }
    /// Counts the cores that answer. Each connection halves the odds that one core got none.
    async fn two_cores_seen(address: std::net::SocketAddr) -> HashSet<u8> {
        let mut seen = HashSet::new();
        while seen.len() < 2 {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut core = [9];
            stream.read(&mut core).await.unwrap();
            seen.insert(core[0]);
        }
        seen
    }
    let addresses: [std::net::SocketAddr; 2] = ["127.0.0.1:0", "[::1]:0"].map(|text| text.parse().unwrap());
    for address in addresses.into_iter().take(if has_ipv6() { 2 } else { 1 }) {
        // This keeps the port. It does not listen, so it gets no connection.
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        let main = async |core: Core| {
            let listener = listen(address)?;
            let greet = async {
                while let Ok((stream, _)) = listener.accept().await {
                    stream.write(&[core.index() as u8]).await.unwrap();
                }
            };
            if core.index() > 0 {
                shutdown_token().run_until_cancelled(greet).await;
                return io::Result::Ok(HashSet::new());
            }
            let _guard = core.shutdown_token().drop_guard();
            ayi::select! {
                seen = two_cores_seen(address) => Ok(seen),
                () = greet => unreachable!("there is always another client"),
            }
        };
        let seen = watched(|| cores(2).try_run(main)).unwrap();
        assert_eq!(seen[0], HashSet::from([0, 1]));
    }
}

// Tokens.

#[test]
fn the_token_of_all_cancels_that_of_each_and_not_the_other_way_round() {
    let main = async |core: Core| {
        let (own, all) = (shutdown_token(), core.shutdown_token());
        if core.index() == 1 {
            own.cancel();
            assert!(!all.is_cancelled());
            core.spawn_on(0, || async { assert!(!shutdown_token().is_cancelled()) }).await.unwrap();
            all.cancel();
        }
        own.cancelled().await;
        all.cancelled().await;
        core.index()
    };
    assert_eq!(watched(|| cores(2).run(main)).unwrap(), [0, 1]);
}

#[test]
fn a_core_ends_with_its_main_and_its_tasks_with_it() {
    on_first_of(2, async |core| {
        let first = core.clone();
        // The main function of core 1 waits. This is another runtime, to see the same from outside.
        let alive = std::sync::Arc::new(());
        let its = alive.clone();
        let task = core.spawn_on(1, move || async move {
            let _its = its;
            std::future::pending::<()>().await;
        });
        first.shutdown_token().cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(std::sync::Arc::strong_count(&alive), 1);
    });
}
