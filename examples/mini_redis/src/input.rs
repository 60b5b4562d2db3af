//! A buffer for reading, of which a part has been consumed.
//!
//! ```text
//! │ consumed │ unread │ room │
//!            start    end
//! ```

/// In bytes: enough for most requests, and what an idle connection keeps.
const FIRST_LEN: usize = 1024;
/// How many bytes to read at a time from a client that sends many. With 16 KiB, as in Redis, sixteen MSETs of ten KiB
/// each take two to three times as long. Others wait while these are executed, for half a millisecond or so.
const USUAL_LEN: usize = 64 * 1024;

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

    /// Returns whether the last read has filled it: more will come at once.
    pub fn is_filled(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Returns the place for the next read. A buffer that was filled is doubled, beyond the usual length only if most
    /// of it is one request. So it grows by what has arrived, and not by what a client announces.
    pub fn room(&mut self) -> &mut [u8] {
        let was_filled = self.is_filled();
        // It is moved only if needed: a large request that comes in small pieces would be moved with each of them.
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == 0 && self.bytes.len() > USUAL_LEN {
            // The next large request may be far away.
            self.bytes.truncate(USUAL_LEN);
            self.bytes.shrink_to_fit();
        } else if was_filled && (self.end > self.bytes.len() / 2 || self.bytes.len() < USUAL_LEN) {
            self.bytes.resize(FIRST_LEN.max(2 * self.bytes.len()), 0);
        }
        &mut self.bytes[self.end..]
    }
}
