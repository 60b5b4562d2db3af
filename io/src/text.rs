//! Bytes that are appended to a string once they are known to be UTF-8.
//!
//! Invariant: the string holds what it held, and nothing that is incomplete, whatever happens meanwhile.

use crate::append::Growing;
use std::io::{self, ErrorKind};
use std::mem;

/// Bytes on their way into a string. What is there when this is dropped is appended, except for an incomplete
/// character.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: Growing<Vec<u8>>,
    buf: &'a mut String,
}

impl<'a> Text<'a> {
    pub(crate) fn new(buf: &'a mut String) -> Text<'a> {
        // An empty string lends its memory, so that nothing has to be copied at the end.
        let bytes = if buf.is_empty() { mem::take(buf).into_bytes() } else { Vec::new() };
        Text { bytes: Growing::new(bytes), buf }
    }

    /// Ends it: all bytes have come, and are appended. Returns how many.
    pub(crate) fn finish(&mut self) -> io::Result<usize> {
        let bytes = self.take();
        let len = bytes.len();
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.put(text);
                Ok(len)
            }
            Err(error) => {
                // The error counts from the start of the string.
                let all = [self.buf.as_bytes(), error.as_bytes()].concat();
                let same = std::str::from_utf8(&all).expect_err("its end is not UTF-8");
                self.put(cut(error.into_bytes(), 0));
                Err(io::Error::new(ErrorKind::InvalidData, same))
            }
        }
    }

    /// Ends it after an error of the reader: nothing is appended.
    pub(crate) fn discard(&mut self) {
        self.bytes.vec_mut().clear();
    }

    /// Ends it after an error of the reader: what has come is appended, except for an incomplete character. Nothing is
    /// appended if it cannot become UTF-8.
    pub(crate) fn keep(&mut self) {
        let bytes = self.bytes.vec_mut();
        if std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some()) {
            bytes.clear();
        }
    }

    fn take(&mut self) -> Vec<u8> {
        mem::take(self.bytes.vec_mut())
    }

    fn put(&mut self, text: String) {
        if self.buf.is_empty() && text.capacity() >= self.buf.capacity() {
            *self.buf = text;
        } else {
            self.buf.push_str(&text);
        }
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        let bytes = self.take();
        let valid = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        self.put(cut(bytes, valid));
    }
}

/// Returns the first `len` bytes, which are UTF-8, in the same memory.
fn cut(mut bytes: Vec<u8>, len: usize) -> String {
    bytes.truncate(len);
    String::from_utf8(bytes).expect("the caller has looked")
}
