//! What cannot be seen from outside: how much a set keeps.

use super::JoinSet;

#[test]
fn a_set_that_is_emptied_by_detach_all_keeps_nothing_of_its_tasks() {
    crate::runtime::Runtime::new().unwrap().block_on(async {
        let mut set = JoinSet::new();
        for _ in 0..100 {
            set.far.insert(crate::spawn(async {}));
            set.detach_all();
            crate::task::yield_now().await;
        }
        assert_eq!((set.far.entries.len(), set.far.vacant.len(), set.far.ready()), (1, 1, 0));
    });
}
