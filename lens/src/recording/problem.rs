//! What is wrong with a file, and where.

use std::fmt;
use std::io;

/// Something that is wrong with a file. All other parts of it could be read.
#[derive(Debug)]
pub struct Problem {
    /// Where in the file, in bytes from its beginning.
    pub offset: u64,
    /// What is wrong there.
    pub damage: Damage,
}

/// What is wrong with a part of a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Damage {
    /// The file has no bytes.
    Empty,
    /// The file does not begin like a recording.
    NotARecording,
    /// The file is a recording of a version that this reader does not know.
    OtherVersion(u32),
    /// A field that should be zero is not.
    NotZero(u32),
    /// The file ends before this part does: the program was killed while it wrote, or the file was not copied whole.
    Cut {
        /// The bytes that the part should have.
        wanted: u64,
        /// The bytes that are there.
        there: u64,
    },
    /// A section says that it is longer than any section is.
    Absurd(u64),
    /// A section is not what was written: its checksum differs. It is left out.
    Checksum {
        /// The checksum that stands in the file.
        stored: u64,
        /// The checksum of the body that stands in the file.
        computed: u64,
    },
    /// A field is missing, or counts more than its section holds. What stands before it has been read.
    Field(&'static str),
    /// A section has bytes behind its last event.
    Behind(u64),
    /// The numbers of the events of a section do not fit into 64 bits. Its events are left out.
    Numbers,
    /// The file could not be read further.
    Io(io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.damage)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Empty => f.write_str("the file is empty: the program has not written to it"),
            Damage::NotARecording => f.write_str("this is not a recording of ayi"),
            Damage::OtherVersion(version) => {
                write!(
                    f,
                    "the recording is of version {version}, and this program reads version 1: take the "
                )?;
                f.write_str("ayi-lens that belongs to the ayi of the recorded program")
            }
            Damage::NotZero(value) => {
                write!(f, "{value} stands where 0 should: the file is damaged, or of a later version")
            }
            Damage::Cut { wanted, there } => {
                write!(f, "the file is cut: {wanted} bytes should follow, and {there} do")
            }
            Damage::Absurd(length) => write!(f, "a section of {length} bytes: the file is damaged"),
            Damage::Checksum { stored, computed } => {
                write!(f, "the section is damaged, and left out: its checksum is {computed:016x}, ")?;
                write!(f, "not {stored:016x}")
            }
            Damage::Field(field) => {
                write!(f, "the section ends before its {field}: what stands before was read")
            }
            Damage::Behind(bytes) => write!(f, "the section has {bytes} bytes behind its last event"),
            Damage::Numbers => {
                f.write_str("the numbers of the section's events are too large: they are left out")
            }
            Damage::Io(error) => write!(f, "the file cannot be read further: {error}"),
        }
    }
}
