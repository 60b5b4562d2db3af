//! Replies, which gather until they are sent.

use super::number::write_i64;

/// In bytes. A client that asks for more before it is sent is disconnected. Redis' `client-output-buffer-limit` has no
/// limit for such clients. It takes a request for many large values at once.
pub const MAX_REPLIES: usize = 64 * 1024 * 1024;

#[derive(Default)]
pub struct Replies {
    bytes: Vec<u8>,
    /// More was asked for than fits. The replies end somewhere, and must not be sent.
    is_over: bool,
}

impl Replies {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    pub fn clear(&mut self, kept: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(kept);
    }

    /// Appends whole replies, which other code has put together.
    pub fn append(&mut self, replies: &mut Vec<u8>) {
        if self.bytes.is_empty() {
            std::mem::swap(&mut self.bytes, replies);
        } else {
            self.extend(&std::mem::take(replies));
        }
    }

    /// Does the same with replies that are needed elsewhere too.
    pub fn extend(&mut self, replies: &[u8]) {
        if self.bytes.len() + replies.len() > MAX_REPLIES {
            self.is_over = true;
        } else {
            self.bytes.extend_from_slice(replies);
        }
    }

    pub fn ok(&mut self) {
        self.simple("OK");
    }

    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// Appends an error. The text begins with a code, mostly `ERR`. It may contain bytes of the client's, but not the
    /// end of a line.
    pub fn error(&mut self, text: &[u8]) {
        let start = self.bytes.len();
        self.line(b'-', text);
        if text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            let end = self.bytes.len() - 2;
            self.bytes[start..end]
                .iter_mut()
                .filter(|byte| matches!(byte, b'\r' | b'\n'))
                .for_each(|byte| *byte = b' ');
        }
    }

    pub fn integer(&mut self, number: i64) {
        self.head(b':', number);
    }

    /// Appends a number of things.
    pub fn count(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn bulk(&mut self, content: &[u8]) {
        if self.bytes.len() + content.len() > MAX_REPLIES {
            self.is_over = true;
            return;
        }
        // Once for all three.
        self.bytes.reserve(content.len() + 16);
        self.head(b'$', content.len() as i64);
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\r\n");
    }

    pub fn null(&mut self) {
        self.bytes.extend_from_slice(b"$-1\r\n");
    }

    pub fn bulk_or_null(&mut self, content: Option<&[u8]>) {
        match content {
            Some(content) => self.bulk(content),
            None => self.null(),
        }
    }

    /// Announces that so many replies follow, which belong together.
    pub fn array(&mut self, len: usize) {
        self.head(b'*', len as i64);
    }

    fn head(&mut self, kind: u8, number: i64) {
        self.bytes.push(kind);
        write_i64(&mut self.bytes, number);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }
}
