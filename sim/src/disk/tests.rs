use std::cell::Cell;

thread_local!(pub(super) static WORK: Cell<u64> = const { Cell::new(0) });
