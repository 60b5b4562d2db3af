//! `task_local!`: one situation a test.

use crate::support::{poll_once, run};
use ayi::task::yield_now;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;

ayi::task_local! {
    /// Documented, and public.
    pub static NUMBER: u32;
    static TEXT: String;
    #[allow(dead_code)]
    pub(crate) static SHARED: Rc<Cell<u32>>
}

ayi::task_local! {}
ayi::task_local!(static ONE: u8);

#[test]
fn each_task_sees_its_own() {
    run(async || {
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                ayi::spawn(NUMBER.scope(n, async move {
                    for _ in 0..5 {
                        yield_now().await;
                        assert_eq!(NUMBER.get(), n);
                    }
                    NUMBER.with(|n| n * 2)
                }))
            })
            .collect();
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap(), n * 2);
        }
        assert!(NUMBER.try_get().is_err());
    });
}

#[test]
fn outside_there_is_none() {
    assert!(NUMBER.try_with(|_| ()).is_err());
    let panic = catch_unwind(|| NUMBER.with(|n| *n)).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("outside of LocalKey::scope"));
    run(async || {
        NUMBER
            .scope(1, async {
                // What the task spawns is another task.
                let inner = ayi::spawn(async { NUMBER.try_get() });
                assert!(inner.await.unwrap().is_err());
                assert_eq!(NUMBER.get(), 1);
            })
            .await;
    });
}

#[test]
fn scopes_nest() {
    run(async || {
        let sum = NUMBER.scope(1, async {
            let inner = NUMBER.scope(2, async {
                yield_now().await;
                NUMBER.sync_scope(3, || NUMBER.get()) * 10 + NUMBER.get()
            });
            inner.await * 10 + NUMBER.get()
        });
        assert_eq!(sum.await, 321);
        assert_eq!(TEXT.sync_scope("tea".into(), || ONE.sync_scope(1, || TEXT.with(String::len))), 3);
    });
}

#[test]
fn a_panic_leaves_the_outer_value() {
    run(async || {
        NUMBER
            .scope(1, async {
                let mut inner = pin!(NUMBER.scope(2, async { panic!("on purpose") }));
                assert!(catch_unwind(AssertUnwindSafe(|| poll_once(inner.as_mut()))).is_err());
                assert_eq!(NUMBER.get(), 1);
                assert!(
                    catch_unwind(AssertUnwindSafe(|| NUMBER.sync_scope(3, || panic!("on purpose")))).is_err()
                );
                assert_eq!(NUMBER.get(), 1);
            })
            .await;
        assert!(NUMBER.try_get().is_err());
    });
}

#[test]
fn the_drop_of_the_future_sees_the_value() {
    struct Note(Rc<RefCell<Vec<u32>>>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.borrow_mut().push(NUMBER.get());
        }
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    run(async || {
        let note = Note(log.clone());
        NUMBER.scope(1, async move { drop(note) }).await;
        let note = Note(log.clone());
        let task = ayi::spawn(NUMBER.scope(2, async move {
            let _note = note;
            pending::<()>().await
        }));
        task.abort();
        let _ = task.await;
        let note = Note(log.clone());
        drop(NUMBER.scope(3, async move { drop(note) }));
    });
    assert_eq!(*log.borrow(), [1, 2, 3]);
}

#[test]
fn the_value_can_be_taken_out() {
    run(async || {
        let mut future = pin!(TEXT.scope("tea".into(), async { TEXT.with(String::len) }));
        assert_eq!(future.as_mut().await, 3);
        assert_eq!(future.as_mut().take_value().as_deref(), Some("tea"));
        assert_eq!(future.as_mut().take_value(), None);
    });
}

#[test]
fn values_need_not_be_send() {
    run(async || {
        let shared = Rc::new(Cell::new(0));
        let task = ayi::spawn(SHARED.scope(shared.clone(), async { SHARED.with(|n| n.set(7)) }));
        task.await.unwrap();
        assert_eq!(shared.get(), 7);
        assert_eq!(Rc::strong_count(&shared), 1);
    });
}

#[test]
fn a_scope_cannot_begin_while_the_value_is_lent() {
    NUMBER.sync_scope(1, || {
        let nested = || NUMBER.with(|_| NUMBER.sync_scope(2, || ()));
        assert!(catch_unwind(nested).is_err());
        assert_eq!(NUMBER.with(|a| NUMBER.with(|b| a + b)), 2, "but it can be lent twice");
    });
}

/// A name that the macro's expansion once used for itself.
const VALUE: usize = 3;

ayi::task_local! {
    static AS_LONG_AS_A_CONSTANT_OF_THE_USERS: [u8; VALUE];
}

#[test]
fn a_type_may_name_constants_of_the_users() {
    AS_LONG_AS_A_CONSTANT_OF_THE_USERS.sync_scope([7; VALUE], || {
        assert_eq!(AS_LONG_AS_A_CONSTANT_OF_THE_USERS.get(), [7, 7, 7]);
    });
}
