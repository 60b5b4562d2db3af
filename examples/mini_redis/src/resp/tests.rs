//! The parser, compared with a simple one, by random requests in random pieces.

use super::number::{parse_i64, write_i64};
use super::request::{MAX_BULK, Parser, ProtocolError};
use fastrand::Rng;

type Requests = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Returns what is understood of `bytes`, if they come in pieces that end at these places.
fn parse(bytes: &[u8], ends: &[usize]) -> Requests {
    let mut parser = Parser::default();
    let mut requests = Vec::new();
    let mut start = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        loop {
            let unread = &bytes[start..end.max(start)];
            match parser.parse(unread) {
                Ok(None) => break,
                Ok(Some(len)) => {
                    requests.push(parser.args(&unread[..len]).iter().map(<[u8]>::to_vec).collect());
                    start += len;
                }
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}

fn random_bytes(random: &mut Rng, most: usize) -> Vec<u8> {
    let len = random.usize(..=most);
    (0..len).map(|_| *random.choice(b"ab\r\n$*\0\xff \"'\\1").unwrap()).collect()
}

fn random_request(random: &mut Rng) -> Vec<Vec<u8>> {
    let most = if random.u8(..20) == 0 { 300 } else { 12 };
    (0..random.usize(..6)).map(|_| random_bytes(random, most)).collect()
}

fn encode(request: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for arg in request {
        bytes.extend(format!("${}\r\n", arg.len()).bytes());
        bytes.extend(arg);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Encodes a request as a person could type it: everything in quotes, with anything that is not plain text escaped.
fn encode_typed(request: &[Vec<u8>]) -> Vec<u8> {
    let words = request.iter().map(|arg| {
        let escaped: String = arg.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        format!(" \"{escaped}\"")
    });
    [words.collect::<String>().as_bytes(), b"\r\n"].concat()
}

fn random_ends(random: &mut Rng, len: usize) -> Vec<usize> {
    let mut ends: Vec<_> = (0..random.usize(..20)).map(|_| random.usize(..=len)).collect();
    ends.sort_unstable();
    ends
}

#[test]
fn requests_are_understood_in_whatever_pieces_they_come() {
    let mut random = Rng::with_seed(1);
    for _ in 0..500 {
        let requests: Vec<_> = (0..random.usize(1..10)).map(|_| random_request(&mut random)).collect();
        let encode = |request: &Vec<_>| if random.bool() { encode(request) } else { encode_typed(request) };
        let bytes = requests.iter().flat_map(encode).collect::<Vec<_>>();
        let expected = (requests, None);
        assert_eq!(parse(&bytes, &[]), expected);
        assert_eq!(parse(&bytes, &(0..bytes.len()).collect::<Vec<_>>()), expected);
        assert_eq!(parse(&bytes, &random_ends(&mut random, bytes.len())), expected);
    }
}

/// Nobody knows what these mean, but they always mean the same.
#[test]
fn damaged_requests_mean_the_same_in_whatever_pieces_they_come() {
    let mut random = Rng::with_seed(2);
    let mut errors = 0;
    for _ in 0..3_000 {
        let mut bytes: Vec<_> =
            (0..random.usize(1..5)).flat_map(|_| encode(&random_request(&mut random))).collect();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.insert(at, *random.choice(b"\r\n*$-019").unwrap()),
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        let whole = parse(&bytes, &[]);
        errors += usize::from(whole.1.is_some());
        assert_eq!(parse(&bytes, &(0..bytes.len()).collect::<Vec<_>>()), whole, "{}", bytes.escape_ascii());
        assert_eq!(parse(&bytes, &random_ends(&mut random, bytes.len())), whole, "{}", bytes.escape_ascii());
    }
    assert!((500..2_900).contains(&errors), "{errors} of them are refused");
}

#[test]
fn a_large_request_in_small_pieces_takes_no_quadratic_time() {
    let mut request = b"*500000\r\n".to_vec();
    request.extend(b"$1\r\nx\r\n".repeat(500_000));
    // If they were parsed again for each piece, these would be some ten billion arguments.
    let ends: Vec<_> = (0..request.len()).step_by(80).collect();
    let (requests, error) = parse(&request, &ends);
    assert!(error.is_none() && requests.len() == 1 && requests[0].len() == 500_000);
}

/// Regression: a line that came in one read was accepted, but Redis and we refuse it in two: only the wait for its end
/// had a limit.
#[test]
fn a_line_that_is_too_long_is_refused_in_whatever_pieces_it_comes() {
    let lines: [fn(&str) -> String; 3] = [
        |digits| format!("PING {digits}\n"),
        |digits| format!("*{digits}\r\n"),
        |digits| format!("*1\r\n${digits}\r\n"),
    ];
    for line in lines {
        for digits in [64 * 1024, 64 * 1024 + 1, 100 * 1024] {
            let bytes = line(&"1".repeat(digits)).into_bytes();
            let (requests, error) = parse(&bytes, &[]);
            assert!(requests.is_empty() && error.is_some(), "{digits} digits");
            assert_eq!(parse(&bytes, &[bytes.len() - 2]), (requests, error), "{digits} digits");
        }
        let bytes = line(&"1".repeat(60 * 1024)).into_bytes();
        assert_eq!(parse(&bytes, &[bytes.len() - 2]), parse(&bytes, &[]));
    }
}

#[test]
fn limits_hold() {
    let mut parser = Parser::default();
    let mut check = |head: String, is_fine: bool| {
        parser = Parser::default();
        assert_eq!(parser.parse(head.as_bytes()).is_ok(), is_fine, "{head}");
    };
    check(format!("*1\r\n${MAX_BULK}\r\n"), true);
    check(format!("*1\r\n${}\r\n", MAX_BULK + 1), false);
    check("*1048576\r\n".to_owned(), true);
    check("*1048577\r\n".to_owned(), false);
    check("*2147483648\r\n".to_owned(), false);
}

#[test]
fn numbers_are_read_in_one_way_only() {
    for number in [0, 1, -1, 9, 10, -10, 12_345, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
        let mut text = Vec::new();
        write_i64(&mut text, number);
        assert_eq!(text, number.to_string().as_bytes());
        assert_eq!(parse_i64(&text), Some(number));
    }
    for text in [
        "",
        "-",
        "-0",
        "00",
        "01",
        "+1",
        " 1",
        "1 ",
        "1a",
        "9223372036854775808",
        "-9223372036854775809",
        "0x1",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
}
