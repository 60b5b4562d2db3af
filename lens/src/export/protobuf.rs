//! Writes protobuf's wire format by hand: it needs varints, and lengths before what they count.
//!
//! The format: <https://protobuf.dev/programming-guides/encoding/>.

/// A message while it is written.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

/// The wire types that are used.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

impl Message {
    /// Writes an integer or an enumeration.
    pub fn number(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    /// Writes a `fixed64`.
    pub fn fixed(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3 | FIXED64);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Writes a string.
    pub fn text(self, field: u64, text: &str) -> Message {
        self.bytes(field, text.as_bytes())
    }

    /// Writes a message within this one.
    pub fn message(self, field: u64, message: Message) -> Message {
        self.bytes(field, &message.0)
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Message {
        self.varint(field << 3 | LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// Returns the encoded message.
    pub fn encoded(&self) -> &[u8] {
        &self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(Message::default().number(1, 150).encoded(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").encoded(), b"\x12\x07testing");
        let inner = Message::default().number(1, 150);
        assert_eq!(Message::default().message(3, inner).encoded(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().fixed(1, 2).encoded(), [9, 2, 0, 0, 0, 0, 0, 0, 0]);
        let largest = Message::default().number(16, u64::MAX);
        assert_eq!(largest.encoded(), [&[0x80, 0x01], &[0xff; 9][..], &[1]].concat());
    }
}
