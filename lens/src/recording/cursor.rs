//! Reads numbers and texts from the front of a body. Nothing is allocated for a length that the body cannot hold.

/// A field for which too few bytes are left. It names the field.
pub(super) struct Short(pub &'static str);

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Short> {
        let bytes = self.bytes[self.at..].first_chunk().ok_or(Short(field))?;
        self.at += N;
        Ok(*bytes)
    }

    pub fn u32(&mut self, field: &'static str) -> Result<u32, Short> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, field: &'static str) -> Result<u64, Short> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// Reads a text. What is not UTF-8 is replaced by U+FFFD.
    pub fn text(&mut self, field: &'static str) -> Result<String, Short> {
        let start = self.at;
        let length = self.u32(field)?;
        let rest = &self.bytes[self.at..];
        let Some(text) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
            // The error points to the length, because that is what is wrong.
            self.at = start;
            return Err(Short(field));
        };
        self.at += text.len();
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// Checks a number of items, each of `size` bytes at least, against what is left.
    pub fn count(&mut self, count: u64, size: usize, field: &'static str) -> Result<usize, Short> {
        let most = self.left() / size;
        usize::try_from(count).ok().filter(|count| *count <= most).ok_or(Short(field))
    }
}
