//! A buffer for reading, of which a part has been consumed.
//!
//! ```text
//! │ consumed │ unread │ room │
//!            start    end
//! ```

use crate::request::MAX_HEAD;

/// In bytes: enough for most requests, and what an idle connection keeps.
const FIRST_LEN: usize = 1024;

#[derive(Default)]
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub fn consume(&mut self, n: usize) {
        self.start += n;
    }

    /// Records that `n` bytes have been read into [`room`](Input::room).
    pub fn add(&mut self, n: usize) {
        self.end += n;
    }

    /// Returns the place for the next read. If the previous read filled the buffer, it is doubled, up to [`MAX_HEAD`].
    /// There is always room, since nobody asks for more input when that many bytes are unread.
    pub fn room(&mut self) -> &mut [u8] {
        let was_filled = self.end == self.bytes.len();
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if was_filled && self.bytes.len() < MAX_HEAD {
            self.bytes.resize(FIRST_LEN.max(2 * self.bytes.len()), 0);
        }
        &mut self.bytes[self.end..]
    }
}
