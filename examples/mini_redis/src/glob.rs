//! Patterns of keys and channels: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before what stands for itself.

/// Whether the whole of `text` fits.
///
/// When something does not fit, only the last star can help, by taking one byte more: whatever an earlier one could
/// take, the last can take as well. So this takes at most `pattern.len() * text.len()` steps, where one that goes back
/// to every star takes exponentially many for `a*a*a*a*b`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What stands after the last star, and the text that was left when that was tried.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            star = Some((pattern, text));
            continue;
        }
        let fits = match (element(pattern, text.first()), text) {
            (Element::End, []) => return true,
            (Element::Fits(len), [_, rest @ ..]) => Some((&pattern[len..], rest)),
            _ => None,
        };
        (pattern, text) = match (fits, star) {
            (Some(rest), _) => rest,
            (None, Some((after, [_, rest @ ..]))) => {
                star = Some((after, rest));
                (after, rest)
            }
            _ => return false,
        };
    }
}

enum Element {
    /// So many bytes of the pattern stand for the byte.
    Fits(usize),
    Differs,
    /// There is nothing left of the pattern.
    End,
}

fn element(pattern: &[u8], byte: Option<&u8>) -> Element {
    let Some(&byte) = byte else { return if pattern.is_empty() { Element::End } else { Element::Differs } };
    let (fits, len) = match pattern {
        [] => return Element::Differs,
        [b'?', ..] => (true, 1),
        [b'[', rest @ ..] => {
            let (fits, len) = class(rest, byte);
            (fits, 1 + len)
        }
        [b'\\', escaped, ..] => (*escaped == byte, 2),
        [plain, ..] => (*plain == byte, 1),
    };
    if fits { Element::Fits(len) } else { Element::Differs }
}

/// What follows on `[`: whether `byte` is one of those, and up to where it goes. Without a `]` that is the end.
fn class(pattern: &[u8], byte: u8) -> (bool, usize) {
    let is_negated = pattern.first() == Some(&b'^');
    let mut at = usize::from(is_negated);
    let mut is_in = false;
    loop {
        let len = match pattern[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                is_in |= escaped == byte;
                2
            }
            [first, b'-', last, ..] => {
                is_in |= (first.min(last)..=first.max(last)).contains(&byte);
                3
            }
            [plain, ..] => {
                is_in |= plain == byte;
                1
            }
        };
        at += len;
    }
    (is_in != is_negated, at)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_fit_what_they_say() {
        for (pattern, fitting, others) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "abc"], &[]),
            ("a?c", &["abc", "a?c"], &["ac", "abbc"]),
            ("a*c", &["ac", "abc", "abcc"], &["ab", "cac"]),
            ("*a*b*", &["ab", "xaybz"], &["ba", "a"]),
            ("[a-c]x", &["ax", "bx"], &["dx", "x", "a"]),
            ("[c-a]", &["b"], &["d"]),
            ("[^a-c]", &["d", "-"], &["a", ""]),
            ("[ab", &["a", "b"], &["c", "[ab"]),
            ("[\\]x]", &["]", "x"], &["\\"]),
            ("[]a", &[], &["a", "]"]),
            ("\\*", &["*"], &["a", "\\*"]),
            ("a\\", &["a\\"], &["a"]),
        ] {
            fitting
                .iter()
                .for_each(|text| assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}"));
            others
                .iter()
                .for_each(|text| assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}"));
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches(&b"a*".repeat(200), &[&b"a".repeat(2_000)[..], b"b"].concat()[..0]));
        assert!(!matches(&[b"a*".repeat(200), b"c".to_vec()].concat(), &b"a".repeat(20_000)));
    }
}
