//! What is wrong with a simulation is told with the host and the place.

use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

ayi::sim::kernel!();

fn failure_of(sim: &Sim) -> Failure {
    sim.run().expect_err("the run fails")
}

fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).to_owned())
}

/// A simulation whose only client runs `main`.
fn client<F: Future<Output = ()> + 'static>(main: impl Fn() -> F + 'static) -> Sim {
    let sim = Sim::new(7);
    sim.client("client", main);
    sim
}

#[test]
fn no_hosts_and_no_clients() {
    let sim = Sim::new(1);
    assert!(failure_of(&sim).why().starts_with("there is no client"), "{}", failure_of(&sim));
    sim.host("server", pending::<()>);
    assert!(failure_of(&sim).why().starts_with("there is no client"));
    sim.run_for(Duration::from_secs(3)).unwrap();
    assert_eq!(sim.elapsed(), Duration::from_secs(3));
}

#[test]
fn a_client_that_waits_for_what_never_comes() {
    let failure = failure_of(&client(pending::<()>));
    assert!(failure.why().contains("not come to their ends: client"), "{failure}");
    assert_eq!(failure.seed(), 7);
}

#[test]
fn a_client_that_takes_too_long() {
    let sim = client(|| sleep(Duration::from_secs(86_400)));
    let failure = failure_of(&sim);
    assert!(failure.why().starts_with("600s of simulated time are over, see Sim::set_limit"), "{failure}");
    let sim = client(|| sleep(Duration::from_secs(86_400)));
    sim.set_limit(Duration::MAX);
    sim.run().unwrap();
    assert!(sim.elapsed() >= Duration::from_secs(86_400));
}

#[test]
fn times_that_would_overflow() {
    let sim = client(|| async {
        let forever = ayi::time::timeout(Duration::from_secs(5), sleep(Duration::MAX)).await;
        assert!(forever.is_err());
    });
    sim.set_latency(Duration::ZERO, Duration::MAX);
    sim.after(Duration::MAX, |_| unreachable!("it never comes"));
    sim.run().unwrap();
}

#[test]
fn panics_are_told_with_their_host() {
    let failure = failure_of(&client(|| async { panic!("no tea") }));
    assert_eq!(failure.why(), "host \"client\" ended with an error: panicked: no tea");
    let failure = failure_of(&client(|| async {
        ayi::spawn(async { panic!("no cup") });
        pending::<()>().await;
    }));
    assert!(failure.why().starts_with("host \"client\": a task panicked"), "{failure}");
}

#[test]
fn an_error_of_a_program_is_the_runs() {
    let sim = Sim::new(1);
    sim.client("client", || async { Err::<(), _>("no tea") });
    assert_eq!(failure_of(&sim).why(), "host \"client\" ended with an error: \"no tea\"");
}

#[test]
fn a_task_that_never_waits() {
    let failure = failure_of(&client(|| async {
        loop {
            ayi::task::yield_now().await;
        }
    }));
    assert!(
        failure.why().contains("\"client\" has not slept for half a second of simulated time"),
        "{failure}"
    );
}

#[test]
fn what_leaves_the_simulation_is_told_with_its_place() {
    let failure = failure_of(&client(|| async { drop(std::thread::Builder::new().spawn(|| {})) }));
    assert!(failure.why().contains("\"client\" starts a thread"), "{failure}");
    assert!(failure.why().contains("bad_input.rs:"), "{failure}");
    let failure = failure_of(&client(|| async { std::thread::sleep(Duration::from_secs(1)) }));
    assert!(failure.why().contains("sleeps by std::thread::sleep"), "{failure}");
    let failure = failure_of(&client(|| async {
        let listener = std::net::TcpListener::bind("0.0.0.0:1").unwrap();
        let _ = listener.accept();
    }));
    assert!(failure.why().contains("waits in a call on a socket"), "{failure}");
}

#[test]
fn a_runtime_within_a_runtime() {
    let failure = failure_of(&client(|| async {
        ayi::runtime::Runtime::new().unwrap().block_on(async {});
    }));
    assert!(failure.why().contains("runtime"), "{failure}");
}

#[test]
fn names_twice_and_names_of_nobody() {
    let sim = Sim::new(1);
    sim.host("tea", pending::<()>);
    assert_eq!(panic_of(|| sim.host("tea", pending::<()>)), "there is a host \"tea\" already");
    assert_eq!(panic_of(|| sim.crash("cup")), "there is no host \"cup\"");
    assert_eq!(panic_of(|| sim.faults(Faults::new(["cup"]).crashes())), "there is no host \"cup\"");
}

#[test]
fn a_simulation_on_a_simulated_host() {
    let failure = failure_of(&client(|| async { drop(Sim::new(2)) }));
    assert!(failure.why().contains("a simulation cannot be made on a simulated host"), "{failure}");
}

#[test]
fn a_partition_from_oneself_cuts_nothing() {
    let sim = client(|| async {
        let listener = ayi::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = ayi::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        drop((stream, listener.accept().await.unwrap()));
    });
    sim.partition("client", "client");
    sim.run().unwrap();
}

#[test]
fn a_thousand_hosts() {
    let sim = Sim::new(1);
    for n in 0..1_000 {
        sim.host(format!("host-{n}"), move || async move {
            let listener = ayi::net::TcpListener::bind("0.0.0.0:1").await?;
            loop {
                drop(listener.accept().await?);
            }
            #[allow(unreachable_code)]
            std::io::Result::Ok(())
        });
    }
    sim.client("client", || async {
        sleep(Duration::from_secs(1)).await;
        for n in 0..1_000 {
            ayi::net::TcpStream::connect(format!("host-{n}:1")).await?;
        }
        std::io::Result::Ok(())
    });
    sim.run().unwrap();
}
