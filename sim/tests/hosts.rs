//! Hosts that crash, stop, are slow, and have clocks of their own.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::Sim;
use ayi::time::{Duration, Instant, sleep, timeout};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::SystemTime;

ayi::sim::kernel!();

/// Sends a number that grows with each start of the server, to each client, and keeps the connection.
fn counting_server(starts: Rc<Cell<u8>>) -> impl Future<Output = io::Result<()>> {
    starts.set(starts.get() + 1);
    async move {
        let listener = TcpListener::bind("0.0.0.0:1").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(&[starts.get()]).await?;
            ayi::spawn(async move { stream.read_u8().await });
        }
    }
}

fn with_counting_server(sim: &Sim) -> Rc<Cell<u8>> {
    let starts = Rc::new(Cell::new(0));
    let shared = starts.clone();
    sim.host("server", move || counting_server(shared.clone()));
    starts
}

#[test]
fn a_crash_is_silent_and_the_next_start_answers_with_a_reset() {
    let sim = Sim::new(1);
    let starts = with_counting_server(&sim);
    let handle = sim.clone();
    sim.client("client", move || {
        let sim = handle.clone();
        async move {
            let mut stream = TcpStream::connect("server:1").await?;
            assert_eq!(stream.read_u8().await?, 1);
            sim.crash("server");
            assert!(
                timeout(Duration::from_secs(60), stream.read_u8()).await.is_err(),
                "nobody tells of a crash"
            );
            sim.restart("server");
            sleep(Duration::from_secs(1)).await;
            stream.write_all(b"?").await?;
            assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            let mut stream = TcpStream::connect("server:1").await?;
            assert_eq!(stream.read_u8().await?, 2);
            io::Result::Ok(())
        }
    });
    sim.run().unwrap();
    assert_eq!(starts.get(), 2);
}

#[test]
fn a_process_that_is_killed_closes_what_it_had_open() {
    let sim = Sim::new(2);
    with_counting_server(&sim);
    let handle = sim.clone();
    sim.client("client", move || {
        let sim = handle.clone();
        async move {
            let mut stream = TcpStream::connect("server:1").await?;
            assert_eq!(stream.read_u8().await?, 1);
            sim.kill("server");
            assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
            let refused = TcpStream::connect("server:1").await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            io::Result::Ok(())
        }
    });
    sim.run().unwrap();
}

/// What a program's destructors do when its machine has no power reaches nobody.
#[test]
fn destructors_of_a_crashed_program_have_no_effect_outside() {
    struct SaysGoodbye(Rc<TcpStream>, Rc<RefCell<Option<io::Result<usize>>>>);
    impl Drop for SaysGoodbye {
        fn drop(&mut self) {
            *self.1.borrow_mut() = Some(self.0.try_write(b"goodbye"));
        }
    }
    let sim = Sim::new(3);
    let said = Rc::new(RefCell::new(None));
    let shared = said.clone();
    sim.host("server", move || {
        let said = shared.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:1").await?;
            let (stream, _) = listener.accept().await?;
            let _goodbye = SaysGoodbye(Rc::new(stream), said);
            std::future::pending::<()>().await;
            io::Result::Ok(())
        }
    });
    let handle = sim.clone();
    sim.client("client", move || {
        let sim = handle.clone();
        async move {
            let mut stream = TcpStream::connect("server:1").await?;
            sleep(Duration::from_secs(1)).await;
            sim.crash("server");
            assert!(timeout(Duration::from_secs(5), stream.read_u8()).await.is_err());
            io::Result::Ok(())
        }
    });
    sim.run().unwrap();
    assert!(said.take().unwrap().is_err());
}

#[test]
fn a_host_that_stops_goes_on_where_it_was() {
    let sim = Sim::new(4);
    with_counting_server(&sim);
    let handle = sim.clone();
    sim.client("client", move || {
        let sim = handle.clone();
        async move {
            sleep(Duration::from_secs(1)).await;
            sim.pause("server");
            sleep(Duration::from_millis(1)).await;
            // Its kernel answers, and its program does not.
            let mut stream =
                timeout(Duration::from_secs(1), TcpStream::connect("server:1")).await.unwrap()?;
            assert!(timeout(Duration::from_secs(10), stream.read_u8()).await.is_err());
            sim.resume("server");
            assert_eq!(stream.read_u8().await?, 1);
            io::Result::Ok(())
        }
    });
    sim.run().unwrap();
}

#[test]
fn clocks_differ_and_drift() {
    let sim = Sim::new(5);
    let told = Rc::new(RefCell::new(Vec::new()));
    for (name, ahead, drift) in [("exact", 0.0, 0), ("ahead", 3_600.0, 0), ("fast", 0.0, 10_000)] {
        let shared = told.clone();
        sim.client(name, move || {
            let told = shared.clone();
            async move {
                let (start, real) = (Instant::now(), SystemTime::now());
                sleep(Duration::from_secs(100)).await;
                told.borrow_mut().push((name, start.elapsed().as_secs_f64(), real));
            }
        });
        sim.set_clock(name, ahead, drift);
    }
    sim.run().unwrap();
    // The simulation has run for the longest sleep. That of the fast clock was over first.
    assert!((100.0..100.1).contains(&sim.elapsed().as_secs_f64()), "{:?}", sim.elapsed());
    let told = told.take();
    assert_eq!(told[0].0, "fast");
    for (name, slept, _) in &told {
        assert!((100.0..100.1).contains(slept), "{name}: {slept}, by its own clock");
    }
    let real_of = |name| told.iter().find(|told| told.0 == name).unwrap().2;
    let ahead = real_of("ahead").duration_since(real_of("exact")).unwrap().as_secs_f64();
    assert!((3_599.9..3_600.1).contains(&ahead), "{ahead}");
}

#[test]
fn a_slow_host_takes_longer_for_the_same_calls() {
    let take = |times: f64| {
        let sim = Sim::new(6);
        sim.client("client", || async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            for _ in 0..100 {
                let stream = TcpStream::connect(listener.local_addr()?).await?;
                drop((stream, listener.accept().await?));
            }
            io::Result::Ok(())
        });
        sim.slow_down("client", times);
        sim.run().unwrap();
        sim.elapsed().as_secs_f64()
    };
    let (usual, slow) = (take(1.0), take(50.0));
    assert!((40.0..60.0).contains(&(slow / usual)), "{usual} s and {slow} s");
}

/// The hash maps of std have their seeds from the simulation, if the thread has had none before.
#[test]
fn hash_maps_are_in_the_order_of_the_seed() {
    let order = |seed| {
        std::thread::spawn(move || {
            let sim = Sim::new(seed);
            let order = Rc::new(RefCell::new(Vec::new()));
            let shared = order.clone();
            sim.client("client", move || {
                let order = shared.clone();
                async move {
                    let map: HashMap<u32, ()> = (0..100).map(|n| (n, ())).collect();
                    order.borrow_mut().extend(map.into_keys());
                }
            });
            sim.run().unwrap();
            order.take()
        })
        .join()
        .unwrap()
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

/// Tasks that are ready at the same time run in any order, which the seed decides.
#[test]
fn the_order_of_ready_tasks_follows_from_the_seed() {
    let order = |seed| {
        let sim = Sim::new(seed);
        let order = Rc::new(RefCell::new(Vec::new()));
        let shared = order.clone();
        sim.client("client", move || {
            let order = shared.clone();
            async move {
                let tasks: Vec<_> = (0..5)
                    .map(|n| {
                        let order = order.clone();
                        ayi::spawn(async move { order.borrow_mut().push(n) })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            }
        });
        sim.run().unwrap();
        order.take()
    };
    let orders: Vec<Vec<i32>> = (0..50).map(order).collect();
    assert_eq!(order(7), orders[7]);
    let mut different = orders.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > 25, "{} orders of 120 in 50 runs", different.len());
}

/// Calls that block run on the thread of the simulation, a while later, and may sleep.
#[test]
fn calls_of_the_blocking_pool() {
    let sim = Sim::new(8);
    sim.client("client", || async {
        let start = Instant::now();
        let calls: Vec<_> = (0..10)
            .map(|n| {
                ayi::task::spawn_blocking(move || {
                    std::thread::sleep(Duration::from_millis(10));
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for call in calls {
            sum += call.await.unwrap();
        }
        assert_eq!(sum, 45);
        assert!(start.elapsed() >= Duration::from_millis(10), "{:?}", start.elapsed());
        let panics = ayi::task::spawn_blocking(|| panic!("as it is meant to")).await;
        assert!(panics.unwrap_err().is_panic());
    });
    sim.run().unwrap();
}

/// A channel that the test shares between hosts is no network, and works.
#[test]
fn a_channel_between_hosts() {
    let sim = Sim::new(9);
    let (sender, receiver) = ayi::sync::mpsc::unbounded_channel::<u32>();
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    sim.client("receiver", move || {
        let mut receiver = receiver.borrow_mut().take().unwrap();
        async move {
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            assert_eq!(sum, 5_050);
        }
    });
    let sender = RefCell::new(Some(sender));
    sim.client("sender", move || {
        let sender = sender.borrow_mut().take().unwrap();
        async move {
            for number in 1..=100 {
                sleep(Duration::from_millis(number.into())).await;
                sender.send(number).unwrap();
            }
        }
    });
    sim.run().unwrap();
}

#[test]
fn memory_is_given_back_when_hosts_start_again_and_again() {
    let sim = Sim::new(10);
    let starts = with_counting_server(&sim);
    let handle = sim.clone();
    sim.client("client", move || {
        let sim = handle.clone();
        async move {
            for _ in 0..200 {
                let mut stream = TcpStream::connect("server:1").await?;
                stream.read_u8().await?;
                sim.kill("server");
                sim.restart("server");
                sleep(Duration::from_millis(10)).await;
            }
            io::Result::Ok(())
        }
    });
    sim.run().unwrap();
    assert_eq!(starts.get(), 201);
    // The client has ended, and with it all of its descriptors; the server listens.
    assert!(sim.descriptors() < 8, "{} descriptors are open", sim.descriptors());
}
