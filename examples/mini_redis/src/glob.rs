//! Patterns of keys and channels: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that stands for itself.

/// A comparison of a text with a pattern, step by step. Both may be as long as clients like, so one comparison may take
/// seconds.
///
/// When something does not match, only the last star can help, by taking one byte more: whatever an earlier one could
/// take, the last can take as well. So this takes at most `pattern.len() * text.len()` steps. A comparison that goes
/// back to every star takes exponentially many for `a*a*a*a*b`.
pub struct Search<'a> {
    /// What is left of both.
    pattern: &'a [u8],
    text: &'a [u8],
    /// What stands after the last star, and the text that was left when that was tried.
    star: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Search<'a> {
    pub fn new(pattern: &'a [u8], text: &'a [u8]) -> Search<'a> {
        Search { pattern, text, star: None }
    }

    /// Returns whether the whole text matches, or `None` if that is not known when `steps` are used up.
    pub fn advance(&mut self, steps: &mut usize) -> Option<bool> {
        while *steps > 0 {
            if let [b'*', rest @ ..] = self.pattern {
                *steps -= 1;
                self.pattern = rest;
                self.star = Some((rest, self.text));
                continue;
            }
            let element = element(self.pattern, self.text.first());
            *steps = steps.saturating_sub(element.len().max(1));
            (self.pattern, self.text) = match (element, self.text, self.star) {
                (Element::End, [], _) => return Some(true),
                (Element::Fits(len), [_, rest @ ..], _) => (&self.pattern[len..], rest),
                (_, _, Some((after, [_, rest @ ..]))) => {
                    self.star = Some((after, rest));
                    (after, rest)
                }
                _ => return Some(false),
            };
        }
        None
    }
}

enum Element {
    /// So many bytes of the pattern match the byte.
    Fits(usize),
    /// So many bytes of the pattern match other bytes.
    Differs(usize),
    /// Nothing is left of the pattern.
    End,
}

impl Element {
    fn len(&self) -> usize {
        match self {
            Element::Fits(len) | Element::Differs(len) => *len,
            Element::End => 0,
        }
    }
}

fn element(pattern: &[u8], byte: Option<&u8>) -> Element {
    let Some(&byte) = byte else {
        return if pattern.is_empty() { Element::End } else { Element::Differs(0) };
    };
    let (fits, len) = match pattern {
        [] => return Element::Differs(0),
        [b'?', ..] => (true, 1),
        [b'[', rest @ ..] => {
            let (fits, len) = class(rest, byte);
            (fits, 1 + len)
        }
        [b'\\', escaped, ..] => (*escaped == byte, 2),
        [plain, ..] => (*plain == byte, 1),
    };
    if fits { Element::Fits(len) } else { Element::Differs(len) }
}

/// Parses what follows `[`. Returns whether `byte` is one of those, and how far the class goes. Without a `]` it goes
/// to the end.
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
    use super::Search;

    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        let at_once = Search::new(pattern, text).advance(&mut { usize::MAX });
        // In pieces it returns the same.
        let mut search = Search::new(pattern, text);
        let in_pieces = loop {
            if let Some(fits) = search.advance(&mut { 7 }) {
                break fits;
            }
        };
        assert_eq!(at_once, Some(in_pieces));
        in_pieces
    }

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
    fn a_search_takes_no_more_steps_than_it_is_given() {
        let class = [&b"*["[..], &b"a".repeat(1_000), b"]"].concat();
        for (pattern, most) in [(&b"*a*b"[..], 100), (&class, 1_100)] {
            let text = b"b".repeat(10_000);
            let (mut search, mut turns) = (Search::new(pattern, &text), 0);
            loop {
                let (mut steps, before) = (100, search.text.len());
                if search.advance(&mut steps).is_some() {
                    break;
                }
                assert!(before - search.text.len() <= most);
                turns += 1;
            }
            assert!(turns >= 100, "{turns}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches(&b"a*".repeat(200), &[&b"a".repeat(2_000)[..], b"b"].concat()[..0]));
        assert!(!matches(&[b"a*".repeat(200), b"c".to_vec()].concat(), &b"a".repeat(20_000)));
    }
}
