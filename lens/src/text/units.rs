//! How times, numbers and names look in tables.

use std::fmt::Write;

/// Returns a duration with three digits and its unit.
pub fn duration(ns: u64) -> String {
    let (unit, size) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => ("µs", 1e3),
        1_000_000..1_000_000_000 => ("ms", 1e6),
        _ => ("s", 1e9),
    };
    let value = ns as f64 / size;
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// Returns a moment of the recording, in seconds.
pub fn moment(ns: u64) -> String {
    format!("{}.{:06} s", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000)
}

/// Returns a number with commas between thousands.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of things: one turn, two turns.
pub fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(count), if count == 1 { "" } else { "s" })
}

/// Returns a part of a whole in percent.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "–".into() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

/// Returns a name as it can be printed: whatever would move the cursor or turn the direction of writing is escaped.
pub fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        let turns =
            matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || turns {
            let _ = write!(text, "{}", letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let times = [0, 999, 1_000, 12_345, 999_999, 1_500_000, 99_960_000, 3_000_000_000, u64::MAX];
        let shown = [
            "0 ns",
            "999 ns",
            "1.00 µs",
            "12.3 µs",
            "1000 µs",
            "1.50 ms",
            "100 ms",
            "3.00 s",
            "18446744074 s",
        ];
        assert_eq!(times.map(duration), shown);
        assert_eq!(moment(1_002_003_004), "1.002003 s");
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 2].map(|count| counted(count, "turn")), ["0 turns", "1 turn", "2 turns"]);
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(1, 0), "–");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(shown("a\x1b[2J\n\u{202e}b 阿姨"), "a\\u{1b}[2J\\n\\u{202e}b 阿姨");
    }
}
