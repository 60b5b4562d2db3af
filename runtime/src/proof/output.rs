//! What the models' tasks give.

use loom::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// An output of a task. loom watches which threads touch it, and its drops are counted.
pub(super) struct Output {
    value: Cell<u32>,
    drops: Drops,
}

/// Counts the drops of the outputs that were made with it. The counter is std's and not loom's: it orders nothing.
#[derive(Clone, Default)]
pub(super) struct Drops(Arc<AtomicUsize>);

impl Output {
    pub(super) fn new() -> (Output, Drops) {
        let drops = Drops::default();
        (Output { value: Cell::new(0), drops: drops.clone() }, drops)
    }

    pub(super) fn written(self) -> Output {
        self.value.set(7);
        self
    }

    pub(super) fn read(&self) {
        assert_eq!(self.value.get(), 7);
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.value.set(0);
        self.drops.0.fetch_add(1, Relaxed);
    }
}

impl Drops {
    pub(super) fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}
