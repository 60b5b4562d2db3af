use super::*;
use crate::core::task::body::{FutureBody, Plain};
use crate::core::task::boxed::BodyBox;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::task::Context;

/// Holds `held` and `BYTES` bytes across an await.
async fn holding<const BYTES: usize, T>(held: T, bytes: [u8; BYTES]) {
    pending::<()>().await;
    drop((held, bytes));
}

fn boxed(future: impl Future<Output = ()> + 'static) -> BodyBox {
    BodyBox::new(FutureBody::new(future, Plain, Location::caller()))
}

/// Bytes in the lists of this thread.
fn kept() -> usize {
    LISTS.with(|lists| if lists.has_begun.get() { KEPT - lists.room.get() } else { 0 })
}

#[test]
fn a_block_is_used_again_by_a_body_of_its_class() {
    let first = boxed(holding(1u64, [0; 40]));
    let (block, size) = (first.0.cast::<u8>(), size_of_val(first.as_ref()));
    drop(first);
    assert_eq!(
        kept(),
        if KEPT > 0 { super::size(class(Layout::from_size_align(size, 8).unwrap())) } else { 0 }
    );
    let larger = boxed(holding(1u64, [0; 400]));
    assert_ne!(larger.0.cast::<u8>(), block);
    let second = boxed(holding(2u64, [0; 41]));
    assert_eq!(class(Layout::for_value(second.as_ref())), class(Layout::from_size_align(size, 8).unwrap()));
    assert!(KEPT == 0 || second.0.cast::<u8>() == block);
}

#[test]
fn sizes_and_alignments_of_all_kinds() {
    #[repr(align(256))]
    struct Aligned {
        _byte: u8,
    }
    #[repr(align(64))]
    struct Nothing;
    let witness = Rc::new(());
    for _ in 0..3 {
        let boxes = [
            boxed(async {}),
            boxed(std::future::ready(())),
            boxed(holding(witness.clone(), [1; 0])),
            boxed(holding(witness.clone(), [1; 63])),
            boxed(holding(witness.clone(), [1; 64])),
            boxed(holding(witness.clone(), [1; 900])),
            boxed(holding(witness.clone(), [1; 1024])),
            boxed(holding(witness.clone(), [1; 70_000])),
            boxed(holding((Aligned { _byte: 1 }, witness.clone()), [1; 3])),
            boxed(holding((Nothing, witness.clone()), [1; 3])),
        ];
        assert_eq!(Rc::strong_count(&witness), 9);
        for mut body in boxes {
            assert_eq!(body.0.cast::<u8>().as_ptr().addr() % align_of_val(body.as_ref()), 0);
            let _ = body.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
        }
        assert_eq!(Rc::strong_count(&witness), 1);
    }
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of bodies")]
fn no_more_is_kept_than_is_said() {
    let size = super::size(class(Layout::for_value(boxed(holding(1u64, [0; 200])).as_ref())));
    let boxes: Vec<_> = (0..KEPT / size + 100).map(|_| boxed(holding(1u64, [0; 200]))).collect();
    drop(boxes);
    assert!(kept() <= KEPT && KEPT - kept() < size, "{}", kept());
}

#[test]
fn a_drop_that_panics_gives_its_block_back() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let body = boxed(holding(Bomb, [0; 1]));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(body))).is_err());
    assert_eq!(kept() > 0, KEPT > 0);
}

#[test]
fn a_body_may_be_dropped_while_its_thread_ends() {
    thread_local! {
        static LAST: Cell<Option<BodyBox>> = const { Cell::new(None) };
    }
    let witness = std::sync::Arc::new(());
    let theirs = witness.clone();
    std::thread::spawn(move || {
        // Whichever of the two thread-locals goes first.
        drop(boxed(async {}));
        LAST.set(Some(boxed(holding(theirs, [0; 9]))));
    })
    .join()
    .unwrap();
    assert_eq!(std::sync::Arc::strong_count(&witness), 1);
}
