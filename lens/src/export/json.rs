//! Strings and times in JSON.

use std::fmt;

/// A text as a JSON string, in quotes. It may also stand in a script: `<` is escaped.
pub(super) struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\0'..='\x1f' | '<' | '\x7f' | '\u{2028}' | '\u{2029}' => {
                    write!(f, "\\u{:04x}", letter as u32)?
                }
                letter => write!(f, "{letter}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Nanoseconds, as a number of microseconds.
pub(super) struct Micros(pub u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_what_serde_reads() {
        let text: String = ('\0'..'\u{100}').chain("\u{2028}</script>\u{10ffff}阿姨".chars()).collect();
        let json = Text(&text).to_string();
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert!(!json.contains("</"));
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        assert_eq!([0, 7, 1_002_003].map(|ns| Micros(ns).to_string()), ["0.000", "0.007", "1002.003"]);
    }
}
