//! The first step of reading: the header, and sections whose checksum is right. It knows nothing of what is in them.

use super::checksum::checksum;
use super::problem::{Damage, Problem};
use std::io::{self, Read, Seek, SeekFrom};

/// What a recording begins with.
pub(crate) const MAGIC: [u8; 16] = *b"ayi record\r\n\x1a\n\0\0";
/// The version of the format.
pub(crate) const VERSION: u32 = 1;
/// The length of the header: the magic, the version, zero.
pub(crate) const HEADER: u64 = 24;
/// The length of what stands before a body: tag, zero, length.
pub(crate) const BEFORE: u64 = 16;
/// The length of what stands behind a body: the checksum.
const BEHIND: u64 = 8;
/// No section is longer, in bytes. A file with holes could otherwise ask for any amount of memory.
const LONGEST: u64 = 1 << 32;

/// A section whose checksum is right.
pub(super) struct Found {
    pub tag: u32,
    /// Where its tag stands in the file.
    pub offset: u64,
    pub body: Vec<u8>,
}

/// Reads a file section by section. Only the body of one section is in memory.
pub(super) struct Sections<'a, R> {
    file: &'a mut R,
    length: u64,
    at: u64,
    pub problems: Vec<Problem>,
}

impl<'a, R: Read + Seek> Sections<'a, R> {
    /// Reads the header. If it is not that of a recording, there are no sections.
    pub fn new(file: &'a mut R) -> Sections<'a, R> {
        let mut sections = Sections { file, length: 0, at: 0, problems: Vec::new() };
        if let Err(damage) = sections.header() {
            sections.stop(damage);
        }
        sections
    }

    fn header(&mut self) -> Result<(), Damage> {
        self.length = self.file.seek(SeekFrom::End(0)).map_err(Damage::Io)?;
        self.file.seek(SeekFrom::Start(0)).map_err(Damage::Io)?;
        if self.length == 0 {
            return Err(Damage::Empty);
        }
        let there = self.length.min(HEADER);
        let mut header = [0; HEADER as usize];
        self.file.read_exact(&mut header[..there as usize]).map_err(Damage::Io)?;
        let magic = &header[..MAGIC.len().min(there as usize)];
        if *magic != MAGIC[..magic.len()] {
            return Err(Damage::NotARecording);
        }
        if there < HEADER {
            return Err(Damage::Cut { wanted: HEADER, there });
        }
        let version = word(&header, 16);
        if version != VERSION {
            self.at = 16;
            return Err(Damage::OtherVersion(version));
        }
        self.expect_zero(20, word(&header, 20));
        self.at = HEADER;
        Ok(())
    }

    /// Returns the next section that is whole. Damaged ones are among the problems then.
    pub fn next(&mut self) -> Option<Found> {
        while self.at < self.length {
            match self.section() {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(damage) => self.stop(damage),
            }
        }
        None
    }

    /// Reads a section, and returns none if it is damaged but the next one can be found.
    fn section(&mut self) -> Result<Option<Found>, Damage> {
        let (offset, left) = (self.at, self.length - self.at);
        if left < BEFORE {
            return Err(Damage::Cut { wanted: BEFORE, there: left });
        }
        let mut before = [0; BEFORE as usize];
        self.file.read_exact(&mut before).map_err(Damage::Io)?;
        let length = u64::from(word(&before, 8)) | u64::from(word(&before, 12)) << 32;
        let there = left - BEFORE;
        if length > LONGEST {
            return Err(Damage::Absurd(length));
        }
        if length + BEHIND > there {
            return Err(Damage::Cut { wanted: length + BEHIND, there });
        }
        let body = self.bytes(length)?;
        let mut stored = [0; BEHIND as usize];
        self.file.read_exact(&mut stored).map_err(Damage::Io)?;
        self.at += BEFORE + length + BEHIND;
        self.expect_zero(offset + 4, word(&before, 4));
        let (stored, computed) = (u64::from_le_bytes(stored), checksum(&body));
        if stored != computed {
            self.problems.push(Problem { offset, damage: Damage::Checksum { stored, computed } });
            return Ok(None);
        }
        Ok(Some(Found { tag: word(&before, 0), offset, body }))
    }

    /// Reads a body, whose length has been compared with that of the file.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Damage> {
        let mut body = Vec::new();
        let room = usize::try_from(length).map_err(|_| Damage::Absurd(length))?;
        body.try_reserve_exact(room).map_err(|_| Damage::Absurd(length))?;
        let read = self.file.by_ref().take(length).read_to_end(&mut body).map_err(Damage::Io)?;
        // The file may have become shorter meanwhile.
        if read < room { Err(Damage::Io(io::ErrorKind::UnexpectedEof.into())) } else { Ok(body) }
    }

    fn expect_zero(&mut self, offset: u64, value: u32) {
        if value != 0 {
            self.problems.push(Problem { offset, damage: Damage::NotZero(value) });
        }
    }

    /// Nothing behind this place can be read.
    fn stop(&mut self, damage: Damage) {
        self.problems.push(Problem { offset: self.at, damage });
        self.at = self.length;
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
