//! Base64 (RFC 4648), with padding, written piece by piece.

use std::io::{self, Write};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes what is written to it. [`Base64::finish`] writes the last letters.
pub(super) struct Base64<W> {
    out: W,
    /// The bytes that do not make up three yet.
    rest: Vec<u8>,
}

impl<W: Write> Base64<W> {
    pub fn new(out: W) -> Base64<W> {
        Base64 { out, rest: Vec::with_capacity(3) }
    }

    pub fn finish(mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.rest);
        match rest.len() {
            0 => Ok(()),
            bytes => {
                let mut letters = encode([rest[0], rest.get(1).copied().unwrap_or(0), 0]);
                letters[bytes + 1..].fill(b'=');
                self.out.write_all(&letters)
            }
        }
    }
}

impl<W: Write> Write for Base64<W> {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let all = bytes.len();
        while !self.rest.is_empty() && !bytes.is_empty() {
            self.rest.push(bytes[0]);
            bytes = &bytes[1..];
            if let [a, b, c] = self.rest[..] {
                self.rest.clear();
                self.out.write_all(&encode([a, b, c]))?;
            }
        }
        let mut threes = bytes.chunks_exact(3);
        for three in &mut threes {
            self.out.write_all(&encode([three[0], three[1], three[2]]))?;
        }
        self.rest.extend(threes.remainder());
        Ok(all)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn encode([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
    [18, 12, 6, 0].map(|shift| LETTERS[(bits >> shift & 63) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_in_all_pieces() {
        let examples = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in examples.iter().enumerate() {
            for cut in 0..=length {
                let mut out = Vec::new();
                let mut base64 = Base64::new(&mut out);
                base64.write_all(&b"foobar"[..cut]).unwrap();
                base64.write_all(&b"foobar"[cut..length]).unwrap();
                base64.finish().unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), *expected);
            }
        }
    }
}
