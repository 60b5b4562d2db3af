//! What a client sends to the server of `examples/http`, and whether the answers fit.
//!
//! - Every answer is well-formed, and belongs to the request at its place. So the server and `reference` agree about
//!   where a request ends.
//! - What the reference refuses is not answered with 2xx, and nothing is answered after it.
//! - All complete requests are answered, up to the first that closes.
//! - The same bytes in one piece get the same answers.
//!
//! Two things are not compared on purpose: `100 Continue`, which is sent only if the body has not come yet, and dates.

mod reference;
mod response;

use crate::talk::{self, Stream};
use reference::{Request, requests};
use response::{Response, responses};

/// The status codes that say that a request was not understood.
const REFUSALS: [u16; 5] = [400, 408, 413, 431, 501];

pub fn run(data: &[u8]) {
    let stream = Stream::read(data);
    let expected = requests(&stream.bytes);
    let answers = responses(&answer(&stream, stream.pieces()), &expected);
    check(&expected, &answers);
    let whole = responses(&answer(&stream, std::iter::once(&stream.bytes[..])), &expected);
    assert_eq!(answers, whole, "in other pieces the same");
}

fn answer<'a>(stream: &Stream, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    talk::runtime().block_on(async {
        let (client, server) = talk::pair();
        let serving = ayi::spawn(fuzz_http::serve(server));
        let answer = talk::say(client, pieces, stream.closes).await;
        serving.await.expect("it does not panic");
        answer
    })
}

fn check(requests: &[Request], answers: &[Response]) {
    assert!(answers.len() <= requests.len() + 1, "more answers than requests");
    for (i, answer) in answers.iter().enumerate() {
        let is_last = i + 1 == answers.len();
        assert!(is_last || !answer.closes, "an answer after the last");
        let is_refusal = REFUSALS.contains(&answer.status);
        assert!(!is_refusal || answer.closes, "after {} the next request is anybody's guess", answer.status);
        let Some(request) = requests.get(i) else {
            assert!(is_refusal, "{} to what is no request", answer.status);
            continue;
        };
        // httparse has limits of its own for the lines of chunks.
        assert!(!is_refusal || request.is_chunked, "{} to a good request", answer.status);
        if request.is_echo && !is_refusal {
            assert_eq!((answer.status, &answer.content), (200, &request.body), "another body");
        }
    }
    let is_over = answers.last().is_some_and(|answer| answer.closes);
    assert!(is_over || answers.len() >= requests.len(), "a request without an answer");
}
