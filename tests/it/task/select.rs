//! `select!`: one situation a test.

use crate::support::{Wakes, block_on, poll_once, poll_with, run, turn};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::task::yield_now;
use ayi::time::{Duration, sleep};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

#[test]
fn the_first_that_is_ready_wins() {
    run(async || {
        let winner = ayi::select! {
            _ = pending::<()>() => "never",
            n = ready(7) => { assert_eq!(n, 7); "seven" }
            () = sleep(Duration::from_secs(3600)) => "an hour",
        };
        assert_eq!(winner, "seven");
    });
}

#[test]
fn it_waits_until_one_is_ready() {
    run(async || {
        let task = ayi::spawn(async {
            yield_now().await;
            3
        });
        let n = ayi::select! {
            n = task => n.unwrap(),
            _ = pending::<()>() => 0,
        };
        assert_eq!(n, 3);
    });
}

#[test]
fn all_forms_of_a_handler() {
    run(async || {
        let (yes, no) = (true, false);
        for _ in 0..100 {
            let value = ayi::select! {
                1 = ready(1), if no => unreachable!(),
                n = ready(1), if yes => { n }
                n = ready(1), if yes && !no => { n },
                n = ready(1) => n,
                n @ 0..=9 = async { 1 }, if yes => if n > 0 { n } else { 0 },
                (n, _) | (_, n) = ready((1, 1)) => n
            };
            assert_eq!(value, 1);
        }
        ayi::select!(_ = ready(()) => {});
        ayi::select! { _ = ready(()) => {}, }
        assert_eq!(ayi::select! { else => 5 }, 5);
        assert_eq!(ayi::select! { biased; else => { drop(String::new()); 6 } }, 6);
    });
}

#[test]
fn biased_goes_in_order() {
    let log = RefCell::new(Vec::new());
    block_on(async || {
        for _ in 0..20 {
            let note = |n: u32| {
                let log = &log;
                poll_fn(move |_| {
                    log.borrow_mut().push(n);
                    if n == 3 { Poll::Ready(()) } else { Poll::Pending }
                })
            };
            ayi::select! {
                biased;
                _ = note(1) => unreachable!(),
                _ = note(2) => unreachable!(),
                _ = note(3) => {}
                _ = note(4) => unreachable!(),
            }
            assert_eq!(*log.borrow(), [1, 2, 3]);
            log.borrow_mut().clear();
        }
    });
}

#[test]
fn without_it_each_comes_first_now_and_then() {
    run(async || {
        let mut wins = [0; 4];
        for _ in 0..4000 {
            let winner: usize = ayi::select! {
                n = ready(0) => n,
                n = ready(1) => n,
                n = ready(2) => n,
                n = ready(3) => n,
            };
            wins[winner] += 1;
        }
        // Less than half its share would be an accident of one in more than 10^30.
        assert!(wins.iter().all(|wins| *wins > 500), "{wins:?}");
    });
}

#[test]
fn a_branch_whose_condition_is_false_is_evaluated_but_not_polled() {
    run(async || {
        let evaluated = Cell::new(false);
        let make = || {
            evaluated.set(true);
            poll_fn(|_| -> Poll<()> { panic!("it must not be polled") })
        };
        ayi::select! {
            biased;
            _ = make(), if 1 > 2 => unreachable!(),
            _ = ready(()) => {}
        }
        assert!(evaluated.get());
    });
}

#[test]
fn an_output_that_does_not_fit_disables_its_branch_only() {
    run(async || {
        let polls = Cell::new(0);
        let none = poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::Ready(None::<u32>)
        });
        let n = ayi::select! {
            biased;
            Some(n) = none => n,
            n = async { yield_now().await; yield_now().await; 9 } => n,
        };
        assert_eq!((n, polls.get()), (9, 1));
    });
}

#[test]
fn else_runs_when_none_is_left() {
    run(async || {
        let value = ayi::select! {
            Some(n) = ready(None::<u32>) => n,
            Ok(n) = ready(Err::<u32, _>(())) => n,
            n = ready(1), if false => n,
            else => 42,
        };
        assert_eq!(value, 42);
    });
}

#[test]
fn without_else_it_panics() {
    block_on(async || {
        let mut select = pin!(async {
            ayi::select! { Some(n) = ready(None::<u32>) => assert_eq!(n, 0_u32) }
        });
        let panic = catch_unwind(AssertUnwindSafe(|| poll_once(select.as_mut()))).unwrap_err();
        assert!(panic.downcast_ref::<&str>().unwrap().contains("no else branch"));
    });
}

#[test]
fn patterns_take_values_apart_by_move_reference_and_mutably() {
    run(async || {
        let text = || ready(Ok::<_, ()>((String::from("tea"), 1)));
        let moved = ayi::select! { Ok((text, _)) = text() => text };
        let changed = ayi::select! { Ok((mut text, 1)) = text() => { text.push('!'); text } };
        let seen = ayi::select! { Ok((ref text, ref n)) = text() => text.len() + n };
        let whole = ayi::select! { whole @ Ok(_) = text() => whole.unwrap().0 };
        let boxed = ayi::select! { Ok(ref mut pair) = text() => { pair.1 += 1; pair.1 } };
        assert_eq!(
            (moved.as_str(), changed.as_str(), seen, whole.as_str(), boxed),
            ("tea", "tea!", 4, "tea", 2)
        );
    });
}

#[test]
fn control_flow_and_await_work_in_handlers() {
    async fn classify(n: u32) -> Result<&'static str, std::num::ParseIntError> {
        for round in 0.. {
            ayi::select! {
                biased;
                _ = ready(()), if n == 0 => return Ok("returned"),
                _ = ready(()), if n == 1 && round == 0 => continue,
                _ = ready(()), if n == 1 => break,
                _ = ready(()), if n == 2 => { "x".parse::<u32>()?; }
                _ = ready(()) => {
                    yield_now().await;
                    return Ok("awaited");
                }
            }
        }
        Ok("left the loop")
    }
    run(async || {
        assert_eq!(classify(0).await, Ok("returned"));
        assert_eq!(classify(1).await, Ok("left the loop"));
        assert!(classify(2).await.is_err());
        assert_eq!(classify(3).await, Ok("awaited"));
    });
}

#[test]
fn futures_are_dropped_before_the_handler_runs() {
    struct Note<'a>(&'a RefCell<Vec<&'static str>>, &'static str);
    impl Drop for Note<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let log = RefCell::new(Vec::new());
    block_on(async || {
        let waits = |name| {
            let note = Note(&log, name);
            async move {
                let _note = note;
                pending::<()>().await
            }
        };
        ayi::select! {
            _ = waits("a is dropped") => {}
            _ = waits("b is dropped") => {}
            _ = ready(()) => log.borrow_mut().push("handler"),
        }
    });
    let log = log.into_inner();
    assert_eq!((log.len(), log[2]), (3, "handler"));
}

#[test]
fn futures_and_handlers_may_use_the_same_variable_mutably() {
    run(async || {
        let mut count = 0;
        let mut log = vec![];
        for _ in 0..10 {
            ayi::select! {
                n = async { count += 1; count } => { count += 1; log.push(n) }
                _ = pending::<()>() => { count = 0; log.clear() }
            }
        }
        assert_eq!((count, log.len()), (20, 10));
    });
}

#[test]
fn a_future_by_reference_goes_on_in_the_next_round() {
    run(async || {
        let mut long = pin!(async {
            for _ in 0..5 {
                yield_now().await;
            }
            "done"
        });
        let mut others = 0;
        let result = loop {
            ayi::select! {
                biased;
                result = &mut long => break result,
                _ = yield_now() => others += 1,
            }
        };
        assert_eq!(result, "done");
        assert!(others > 0);
    });
}

#[test]
fn what_is_not_a_future_yet_can_be_awaited_too() {
    struct Later(u32);
    impl IntoFuture for Later {
        type Output = u32;
        type IntoFuture = std::future::Ready<u32>;
        fn into_future(self) -> Self::IntoFuture {
            ready(self.0)
        }
    }
    run(async || assert_eq!(ayi::select! { n = Later(7) => n }, 7));
}

#[test]
fn reading_loses_nothing_to_the_other_branch() {
    run(async || {
        let listener = ayi::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let writer = ayi::spawn(async move {
            let mut stream = ayi::net::TcpStream::connect(addr).await.unwrap();
            for n in 0..=255 {
                stream.write_all(&[n]).await.unwrap();
                yield_now().await;
            }
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut got, mut others) = (Vec::new(), 0);
        loop {
            let mut buf = [0; 3];
            ayi::select! {
                n = stream.read(&mut buf) => match n.unwrap() {
                    0 => break,
                    n => got.extend_from_slice(&buf[..n]),
                },
                _ = yield_now() => others += 1,
            }
        }
        assert_eq!(got, (0..=255).collect::<Vec<u8>>());
        assert!(others > 0);
        writer.await.unwrap();
        let _ = AsyncReadExt::read(&mut stream, &mut [0]).await;
    });
}

#[test]
fn a_task_without_budget_gives_way_before_it_polls() {
    run(async || {
        let (wakes, waker) = Wakes::new();
        let task = ayi::spawn(poll_fn(move |_| {
            while ayi::task::coop::has_budget_remaining() {
                assert!(poll_once(pin!(ayi::task::coop::consume_budget())).is_ready());
            }
            let mut select = pin!(async {
                ayi::select! { _ = poll_fn(|_| -> Poll<()> { panic!("not yet") }) => {} }
            });
            assert!(poll_with(select.as_mut(), &waker).is_pending());
            Poll::Ready(())
        }));
        task.await.unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1);
    });
}

#[test]
fn there_may_be_sixty_four_branches() {
    run(async || {
        let value = ayi::select! {
            biased;
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n,
            Some(n) = ready(None) => n, Some(n) = ready(None) => n, Some(n) = ready(None) => n, n = ready(64) => n,
        };
        assert_eq!(value, 64);
    });
}

#[test]
fn the_users_names_do_not_clash_with_the_macros() {
    run(async || {
        let (cx, first, fits, index, is_pending, count, value, start) = (1, 2, 3, 4, 5, 6, 7, 8);
        let sum = ayi::select! {
            future = ready(cx + first), if fits < index => future + is_pending + count + value + start,
            output = pending::<i32>() => output,
        };
        assert_eq!(sum, 29);
    });
}

#[test]
fn its_future_is_send_if_its_branches_are() {
    fn is_send<T: Send>(_: &T) {}
    let future = async {
        ayi::select! {
            _ = ready(()) => {}
            _ = sleep(Duration::ZERO) => {}
        }
    };
    is_send(&future);
    run(async || {
        let shared = Rc::new(1);
        let n = ayi::select! { n = async { *shared } => n };
        assert_eq!(n, 1);
    });
}

#[test]
fn a_branch_may_borrow_a_temporary() {
    run(async || {
        let seven = ayi::select! {
            value = &mut ready(7) => value,
            _ = &mut pending::<()>() => 0,
        };
        let (eight, nine) = ayi::join!(&mut ready(8), &mut ready(9));
        let ten = ayi::try_join!(&mut ready(Ok::<_, ()>(10)));
        assert_eq!((seven, eight, nine, ten), (7, 8, 9, Ok((10,))));
    });
}
