//! FNV-1a of 64 bits, taken word by word: an eighth of the multiplications that bytes would need.

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Returns the checksum of a body. The last word is filled up with zeros.
pub fn checksum(body: &[u8]) -> u64 {
    let mut words = body.chunks_exact(8);
    let mut sum = START;
    for word in &mut words {
        sum = step(sum, word);
    }
    if words.remainder().is_empty() { sum } else { step(sum, words.remainder()) }
}

fn step(sum: u64, word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..word.len()].copy_from_slice(word);
    (sum ^ u64::from_le_bytes(bytes)).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_filled_up_with_zeros() {
        assert_eq!(checksum(b""), START);
        assert_eq!(checksum(b"a"), (START ^ 0x61).wrapping_mul(PRIME));
        assert_eq!(checksum(b"abcdefghi"), checksum(b"abcdefghi\0\0"));
        assert_ne!(checksum(b"abcdefgh"), checksum(b"abcdefgh\0"));
    }
}
