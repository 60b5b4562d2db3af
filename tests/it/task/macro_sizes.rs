//! How large the futures of `select!`, `join!` and `try_join!` are.
//!
//! A task is memory for as long as it lives, and these macros stand within each other. So each keeps its futures once, a
//! few bytes of its own, and no place for an output that is not there yet.

use crate::support::run;
use std::future::{Ready, pending, ready};

const POINTER: usize = size_of::<usize>();
/// A future of `join!`: the future or its output, each of eight bytes, and which of them it is.
const PART: usize = size_of::<Ready<i32>>() + 4;

/// Fails if `future` keeps more than `parts` bytes of futures, `own` bytes, and a byte for its state.
#[track_caller]
fn keeps<F: Future>(future: &F, parts: usize, own: usize) {
    let at_most = (parts + own + 1).next_multiple_of(POINTER);
    let size = size_of_val(future);
    assert!(size <= at_most, "{size} bytes, instead of {at_most}");
}

#[test]
fn select_keeps_two_pointers_and_a_bit_for_each_branch() {
    let (own, future) = (2 * POINTER + 1, size_of::<Ready<i32>>());
    keeps(
        &async {
            ayi::select! { _ = ready(1) => {} }
        },
        future,
        own,
    );
    keeps(
        &async {
            ayi::select! { _ = ready(1) => {} _ = ready(2) => {} }
        },
        2 * future,
        own,
    );
    keeps(
        &async {
            ayi::select! { biased; _ = ready(1) => {} 2 = ready(2), if true => {} _ = ready(3) => {} }
        },
        3 * future,
        own,
    );
}

#[test]
fn select_keeps_no_place_for_outputs() {
    let select = async {
        ayi::select! {
            output = pending::<[u8; 1000]>() => output.len(),
            output = pending::<[u8; 1000]>() => output.len(),
            n = ready(7) => n,
        }
    };
    keeps(&select, size_of::<Ready<usize>>(), 2 * POINTER + 1);
    run(async || assert_eq!(select.await, 7));
}

#[test]
fn join_keeps_a_pointer_and_whose_turn_it_is() {
    let own = 2 * POINTER;
    keeps(&async { ayi::join!(ready(1)) }, PART, own);
    keeps(&async { ayi::join!(ready(1), ready(2)) }, 2 * PART, own);
    keeps(&async { ayi::try_join!(ready(Ok::<_, ()>(1))) }, PART, own);
    keeps(&async { ayi::try_join!(ready(Ok::<_, ()>(1)), ready(Ok(2))) }, 2 * PART, own);
}

#[test]
fn a_biased_join_keeps_a_pointer() {
    keeps(&async { ayi::join!(biased; ready(1)) }, PART, POINTER);
    keeps(&async { ayi::join!(biased; ready(1), ready(2)) }, 2 * PART, POINTER);
    keeps(&async { ayi::try_join!(biased; ready(Ok::<_, ()>(1))) }, PART, POINTER);
    keeps(&async { ayi::try_join!(biased; ready(Ok::<_, ()>(1)), ready(Ok(2))) }, 2 * PART, POINTER);
}

/// The list of the futures is a type as deep as they are many. rustc goes through it to see that it is `Send`, and has a
/// limit for how deep it goes.
#[test]
fn sixty_four_futures_may_be_sent() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    #[rustfmt::skip]
    let join = sent(async {
        ayi::join! {
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
            async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 }, async { 1 },
        }
    });
    #[rustfmt::skip]
    let select = sent(async {
        ayi::select! {
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
            n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n, n = ready(1) => n,
        }
    });
    run(async || {
        let (first, .., last) = join.await;
        assert_eq!((first, last), (1, 1));
        assert_eq!(select.await, 1);
    });
}
