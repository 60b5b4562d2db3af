//! Numbers, as Redis reads and writes them.

/// Accepts only the one way to write a number: no `+`, no space, no leading zero.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !is_negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // It counts downwards, because there is one more number below zero.
    digits
        .iter()
        .try_fold(0i64, |number, digit| {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number.checked_mul(10)?.checked_sub(i64::from(digit))
        })
        .and_then(|number| if is_negative { Some(number) } else { number.checked_neg() })
}

/// The longest number has 20 bytes: -9223372036854775808.
pub fn write_i64(to: &mut Vec<u8>, number: i64) {
    let mut text = [0; 20];
    let mut at = text.len();
    let mut left = number.unsigned_abs();
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        text[at] = b'-';
    }
    to.extend_from_slice(&text[at..]);
}
