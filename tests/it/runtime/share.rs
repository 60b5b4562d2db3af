//! Tasks that go from core to core.

use ayi::runtime::{Builder, Core, CoresBuilder, Handle};
use ayi::task::{self, yield_now};
use ayi::time::{Duration, sleep};

/// Cores that send each task that may move on all the time.
fn restless(cores: usize) -> CoresBuilder {
    // A turn after each poll, so that each may be the last one here.
    let mut builder = Builder::new_current_thread().event_interval(1).cores(cores);
    builder.restless(true);
    builder
}

/// Runs `main` on the first of `cores` restless cores, while the others wait.
fn on_restless_cores<T: Send>(cores: usize, main: impl AsyncFn(Core) -> T + Sync) -> T {
    let outputs = restless(cores).run(async |core| {
        if core.index() > 0 {
            core.shutdown_token().cancelled().await;
            return None;
        }
        let output = main(core.clone()).await;
        core.shutdown_token().cancel();
        Some(output)
    });
    outputs.unwrap().swap_remove(0).unwrap()
}

#[test]
fn a_task_that_moves_has_its_id_and_gives_its_output() {
    let here = on_restless_cores(2, async |_| {
        let task = Handle::current().spawn(async {
            let (mut cores, id) = (Vec::new(), task::id());
            for _ in 0..20 {
                yield_now().await;
                assert_eq!(task::id(), id);
                cores.push(Core::current().index());
            }
            (id, cores)
        });
        let id = task.id();
        let (own, cores) = task.await.unwrap();
        assert_eq!(own, id);
        cores
    });
    assert!(here.contains(&0) && here.contains(&1), "{here:?}");
}

#[test]
fn many_tasks_with_timers_and_wakes_end_each_with_its_own_output() {
    on_restless_cores(3, async |_| {
        let tasks: Vec<_> = (0..500)
            .map(|n: usize| {
                Handle::current().spawn(async move {
                    for round in 0..10 {
                        match (n + round) % 3 {
                            0 => yield_now().await,
                            1 => sleep(Duration::from_micros(50)).await,
                            _ => ayi::spawn(async {}).await.unwrap(),
                        }
                    }
                    n
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
    });
}
