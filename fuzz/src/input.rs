//! What an input says, read from its front. When it is used up, everything reads as zero.

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

    /// Less than `limit`, which is 256 at most. One byte.
    pub fn choice(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// Of something that there are `len` of. Two bytes.
    pub fn index(&mut self, len: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % len
    }

    /// Eight bytes.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }
}
