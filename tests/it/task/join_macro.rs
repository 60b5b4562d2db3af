//! `join!`, `try_join!` and `pin!`: one situation a test.

use crate::support::{block_on, poll_once, run};
use ayi::task::yield_now;
use std::cell::RefCell;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Records its name at each poll, and is ready at poll number `polls`.
fn noting<'a>(log: &'a RefCell<Vec<char>>, name: char, polls: u32) -> impl Future<Output = char> + 'a {
    let mut left = polls;
    poll_fn(move |cx| {
        log.borrow_mut().push(name);
        left -= 1;
        if left == 0 {
            return Poll::Ready(name);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn all_outputs_come_as_a_tuple() {
    run(async || {
        assert_eq!(ayi::join!(), ());
        assert_eq!(ayi::join!(ready(1)), (1,));
        assert_eq!(ayi::join!(ready(1), async { "two" }, ready('3'),), (1, "two", '3'));
        assert_eq!(ayi::join!(biased; ready(1), ready(2)), (1, 2));
        assert_eq!(ayi::join!(biased;), ());
    });
}

#[test]
fn they_are_polled_in_turn_and_not_after_they_are_done() {
    let log = RefCell::new(Vec::new());
    block_on(async || {
        ayi::join!(noting(&log, 'a', 3), noting(&log, 'b', 1), noting(&log, 'c', 2));
    });
    // Each round begins with the next future.
    assert_eq!(log.into_inner(), ['a', 'b', 'c', 'c', 'a', 'a']);
}

#[test]
fn biased_polls_in_order() {
    let log = RefCell::new(Vec::new());
    block_on(async || {
        ayi::join!(biased; noting(&log, 'a', 3), noting(&log, 'b', 1), noting(&log, 'c', 2));
    });
    assert_eq!(log.into_inner(), ['a', 'b', 'c', 'a', 'c', 'a']);
}

#[test]
fn no_branch_starves_when_the_first_uses_up_the_budget() {
    run(async || {
        let done = RefCell::new(false);
        let greedy = async {
            while !*done.borrow() {
                ayi::task::consume_budget().await;
            }
        };
        let modest = async {
            ayi::task::consume_budget().await;
            *done.borrow_mut() = true;
        };
        ayi::join!(greedy, modest);
    });
}

#[test]
fn a_done_future_is_dropped_at_once() {
    run(async || {
        let witness = Rc::new(());
        let held = witness.clone();
        let holder = async move {
            let _held = held;
        };
        let mut join = pin!(async { ayi::join!(holder, pending::<()>()) });
        assert!(poll_once(join.as_mut()).is_pending());
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn values_may_be_borrowed_and_not_send() {
    run(async || {
        let text = Rc::new(String::from("tea"));
        let (a, b) = ayi::join!(async { text.len() }, async { text.as_str() });
        assert_eq!((a, b), (3, "tea"));
    });
}

#[test]
fn try_join_gives_all_values_or_the_first_error() {
    run(async || {
        assert_eq!(ayi::try_join!(ready(Ok::<_, ()>(1)), async { Ok("two") }), Ok((1, "two")));
        assert_eq!(ayi::try_join!(biased; ready(Ok::<_, ()>(1))), Ok((1,)));
        let witness = Rc::new(());
        let held = witness.clone();
        let never = async move {
            let _held = held;
            pending::<Result<(), &str>>().await
        };
        let fails = async {
            yield_now().await;
            Err::<(), _>("broken")
        };
        assert_eq!(ayi::try_join!(never, ready(Ok::<u8, &str>(1)), fails), Err("broken"));
        assert_eq!(Rc::strong_count(&witness), 1, "the others are dropped");
    });
}

#[test]
fn try_join_polls_none_after_the_error() {
    let log = RefCell::new(Vec::new());
    block_on(async || {
        let a = async { Ok::<_, ()>(noting(&log, 'a', 1).await) };
        let b = async { noting(&log, 'b', 1).await.to_digit(10).map(drop).ok_or(()) };
        let c = async { Ok::<_, ()>(noting(&log, 'c', 1).await) };
        assert!(ayi::try_join!(a, b, c).is_err());
    });
    assert_eq!(log.into_inner(), ['a', 'b']);
}

#[test]
fn the_question_mark_works_on_it() {
    async fn sum() -> Result<i32, std::num::ParseIntError> {
        let parse = |text: &'static str| async move { text.parse::<i32>() };
        let (a, b) = ayi::try_join!(parse("1"), parse("2"))?;
        Ok(a + b)
    }
    run(async || assert_eq!(sum().await, Ok(3)));
}

#[test]
fn their_futures_are_send_if_the_parts_are() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&async { ayi::join!(ready(1), async { yield_now().await }) });
    is_send(&async { ayi::try_join!(ready(Ok::<_, ()>(1))) });
}

#[test]
fn pin_takes_variables_and_declarations() {
    run(async || {
        let (a, b) = (async { 1 }, async { 2 });
        ayi::pin!(a, b);
        assert_eq!((&mut a).await + b.as_mut().await, 3);
        ayi::pin! {
            let c = async { yield_now().await; 4 };
            let d = async { 5 };
        }
        assert_eq!((&mut c).await + d.await, 9);
    });
}
