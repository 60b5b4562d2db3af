//! Reads an input from its front. When it is used up, everything reads as zero.

pub struct Input {
    data: Vec<u8>,
    at: usize,
}

impl Input {
    pub fn new(data: &[u8]) -> Input {
        Input { data: data.to_vec(), at: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.data.len()
    }

    pub fn byte(&mut self) -> u8 {
        self.at += 1;
        self.data.get(self.at - 1).copied().unwrap_or(0)
    }

    /// Returns a number below `limit`, which is 256 at most, from one byte.
    pub fn choice(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// Returns an index below `len`, from two bytes.
    pub fn index(&mut self, len: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % len
    }

    /// Returns a number, from eight bytes.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }
}
