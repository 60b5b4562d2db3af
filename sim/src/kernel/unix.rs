//! Unix sockets.

use super::Kernel;
use super::slab::Key;

pub(crate) enum Unix {}

#[derive(Default)]
pub(crate) struct Names {}

impl Kernel {
    pub(crate) fn unix_mask(&self, unix: &Unix) -> u32 {
        match *unix {}
    }

    pub(crate) fn close_unix(&mut self, unix: Unix, _: Key) {
        match unix {}
    }
}
