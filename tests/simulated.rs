//! The tests of sockets and of what tasks share, on simulated hosts.
//!
//! The modules are those of `tests/it`. The test below runs this program again, with `AYI_SIM_ALONE` in the environment:
//! then each of their tests is the program of a simulated host, and whatever it expects of Linux it has to find. Its
//! seed decides in which order tasks run and reports come. `AYI_SIM_SEEDS=1000` tries more seeds than a few.

// The simulated kernel takes the places of functions in which AddressSanitizer looks.
#![cfg(not(uncached))]

#[path = "support/mod.rs"]
mod support;

#[path = "it/net/mod.rs"]
mod net;
#[path = "it/sync/mod.rs"]
mod sync;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

ayi::sim::kernel!();

const CHILDREN: &str = "it needs a process of its own, and child processes are real";
const ORDER: &str = "it expects that tasks run in the order in which they were woken: here the seed decides";
const THREADS: &str = "threads of std wait for each other: a simulated host has one thread";
const URGENT: &str = "there is no urgent data";

/// What differs from Linux, and why.
const DIFFERS: &[(&str, &str)] = &[
    ("net::accept::an_error_that_lasts", CHILDREN),
    ("net::accept::no_descriptor_is_inherited", CHILDREN),
    ("net::accept::without_descriptors", CHILDREN),
    ("net::hung_up::urgent_data", URGENT),
    ("net::passing::credentials_and_a_pidfd", CHILDREN),
    ("net::passing::descriptors_are_never_left_behind", CHILDREN),
    ("net::tcp::a_read_that_ends_at_urgent_data", URGENT),
    ("net::tcp::a_reset_after_data_ends_every_wait", ORDER),
    ("net::tcp::a_writer_goes_on_when_its_peer_reads", THREADS),
    ("net::tcp::writing_to_a_closed_peer_raises_no_signal", CHILDREN),
    ("net::tcp_halves::copying_from_a_stream_to_another", THREADS),
    ("net::tcp_halves::owned_halves_in_two_tasks", THREADS),
    ("net::tcp_halves::the_traits_of_streams_references_and_halves", THREADS),
    ("net::udp::multicasts", "there are no groups to join"),
    ("net::unix_sockets::a_shutdown_from_another_thread", THREADS),
    ("net::unix_sockets::the_peer_is_known_by_its_credentials", "a host's program has a number of its own"),
    ("net::unix_sockets::the_user_of_the_peer", CHILDREN),
    ("sync::channels::a_loop_over_a_channel", ORDER),
    ("sync::channels::async_lock", THREADS),
    ("sync::channels::channels_and_combinators_of_futures", THREADS),
    ("sync::channels::flume", THREADS),
    ("sync::channels::locks_of_tokio", THREADS),
    ("sync::channels::mpsc_of_tokio", THREADS),
    ("sync::channels::oneshot_broadcast_and_watch_of_tokio", THREADS),
    ("sync::locks::tasks_get_a_mutex_in_the_order", ORDER),
    ("sync::once::the_first_makes_the_value", ORDER),
    ("sync::semaphore::a_permit_that_is_dropped_on_another_thread", THREADS),
    ("sync::semaphore::permits_go_to_those_who_came_first", ORDER),
];

/// How many seeds are tried, unless the environment says otherwise.
const SEEDS: u64 = 20;

#[test]
fn what_holds_of_linux_holds_of_simulated_hosts() {
    if support::is_recorded() {
        return;
    }
    let seeds = std::env::var("AYI_SIM_SEEDS").ok().map_or(SEEDS, |text| text.parse().unwrap());
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    run_all(seed);
                }
            });
        }
    });
}

/// Runs all tests that do not differ, with one seed.
fn run_all(seed: u64) {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["net::", "sync::", "--test-threads", "1"]).env("AYI_SIM_ALONE", seed.to_string());
    program.args(DIFFERS.iter().flat_map(|(test, _why)| ["--skip", test]));
    let output = program.stdin(Stdio::null()).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "AYI_SIM_ALONE={seed}: {}\n{text}\n{errors}", output.status);
    let passed =
        text.rsplit("test result: ok. ").next().and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    assert!(passed.parse::<u32>().is_ok_and(|passed| passed > 100), "only {passed} tests ran\n{text}");
}
