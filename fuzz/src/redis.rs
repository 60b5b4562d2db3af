//! What a client sends to the server of `examples/mini_redis`, and whether the replies fit.
//!
//! - Every reply is well-formed, to the last byte, and so are the messages to another client that listens to
//!   everything.
//! - The same bytes in one piece get the same replies and messages. This is not compared if the time of day is asked
//!   for, because two conversations are not at the same time, nor if keys come in any order.
//! - No more is kept than the limit and one request allow, and the account of it is right.

use crate::talk::{self, Stream};
use ayi::time::{Duration, sleep};
use fuzz_redis::Redis;

/// In bytes. It is small, so that it is full before the input ends.
const MAX_MEMORY: usize = 4096;
/// The bytes that a key takes besides itself: `OVERHEAD` in the example's store.
const OVERHEAD: usize = 100;

struct Answers {
    replies: Vec<u8>,
    messages: Vec<u8>,
}

pub fn run(data: &[u8]) {
    let stream = Stream::read(data);
    let pieces = answers(&stream, stream.pieces());
    check(&pieces);
    let whole = answers(&stream, std::iter::once(&stream.bytes[..]));
    check(&whole);
    let text = stream.bytes.to_ascii_lowercase();
    let has = |word: &[u8]| text.windows(word.len()).any(|part| part == word);
    if has(b"ex") || has(b"px") || has(b"ttl") || has(b"info") {
        return;
    }
    assert_eq!(pieces.messages.escape_ascii().to_string(), whole.messages.escape_ascii().to_string());
    if has(b"keys") {
        assert_eq!(pieces.replies.len(), whole.replies.len());
    } else {
        assert_eq!(pieces.replies.escape_ascii().to_string(), whole.replies.escape_ascii().to_string());
    }
}

fn answers<'a>(stream: &Stream, pieces: impl Iterator<Item = &'a [u8]>) -> Answers {
    talk::runtime().block_on(async {
        let redis = Redis::new(MAX_MEMORY);
        let expiring = ayi::spawn(redis.clone().expire());
        let (client, server) = talk::pair();
        let (listener, to_listener) = talk::pair();
        let serving = [ayi::spawn(redis.clone().serve(server)), ayi::spawn(redis.clone().serve(to_listener))];
        let listening = ayi::spawn(listen(listener));
        // The client listens by then.
        sleep(Duration::from_nanos(1)).await;
        let replies = talk::say(client, pieces, true).await;
        let [speaker, to_listener] = serving;
        speaker.await.expect("it does not panic");
        to_listener.abort();
        let messages = listening.await.expect("it does not panic");
        let _ = to_listener.await;
        let (kept, seen) = redis.memory();
        // What was refused could not grow; what was not refused has been sent.
        assert!(kept <= MAX_MEMORY + stream.bytes.len() * (OVERHEAD / 8), "{kept} bytes are kept");
        assert!(seen <= kept, "{seen} bytes are kept, and {kept} accounted for");
        assert_eq!(redis.subscriptions(), 0, "they have gone");
        expiring.abort();
        Answers { replies, messages }
    })
}

/// Listens to everything, and returns what it receives.
async fn listen(client: ayi::net::UnixStream) -> Vec<u8> {
    let request: &[u8] = b"PSUBSCRIBE *\r\n";
    talk::say(client, std::iter::once(request), false).await
}

fn check(answers: &Answers) {
    for mut answer in [&answers.replies[..], &answers.messages[..]] {
        while !answer.is_empty() {
            answer = reply(answer)
                .unwrap_or_else(|| panic!("no reply: {}", answer[..answer.len().min(200)].escape_ascii()));
        }
    }
}

/// Returns what follows the first reply.
fn reply(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.iter().position(|byte| *byte == b'\r')?;
    let (line, mut rest) = (&answer[1..end], answer[end..].strip_prefix(b"\r\n")?);
    let number = || std::str::from_utf8(line).ok()?.parse::<i64>().ok();
    match answer[0] {
        b'+' | b'-' => return (!line.contains(&b'\n')).then_some(rest),
        b':' => return number().map(|_| rest),
        b'$' if line == b"-1" => {}
        b'$' => rest = rest.split_at_checked(usize::try_from(number()?).ok()?)?.1.strip_prefix(b"\r\n")?,
        b'*' => {
            for _ in 0..u64::try_from(number()?).ok()? {
                rest = reply(rest)?;
            }
        }
        _ => return None,
    }
    Some(rest)
}
