//! Parses answers.

use super::reference::Request;

#[derive(Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub closes: bool,
    /// The headers without the date.
    headers: Vec<(String, Vec<u8>)>,
    pub content: Vec<u8>,
}

/// Returns the answers, without those that say `100 Continue`. The request at the same place tells whether an answer
/// has content.
pub fn responses(mut answer: &[u8], requests: &[Request]) -> Vec<Response> {
    let mut found: Vec<Response> = Vec::new();
    while !answer.is_empty() {
        let is_to_head = requests.get(found.len()).is_some_and(|request| request.is_head);
        let (response, len) = response(answer, is_to_head);
        answer = &answer[len..];
        found.extend(response);
    }
    found
}

fn response(answer: &[u8], is_to_head: bool) -> (Option<Response>, usize) {
    let shown = answer[..answer.len().min(200)].escape_ascii();
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) =
        head.parse(answer).unwrap_or_else(|error| panic!("{error}: {shown}"))
    else {
        panic!("not complete: {shown}")
    };
    assert_eq!(head.version, Some(1), "{shown}");
    let status = head.code.expect("it was parsed");
    if status == 100 {
        return (None, start);
    }
    let values = |name: &str| {
        let named = head.headers.iter().filter(|header| header.name == name);
        named.map(|header| header.value).collect::<Vec<_>>()
    };
    let (dates, lengths) = (values("Date"), values("Content-Length"));
    let [date] = dates[..] else { panic!("not one date: {shown}") };
    let [length] = lengths[..] else { panic!("not one length: {shown}") };
    let length: usize = std::str::from_utf8(length).ok().and_then(|len| len.parse().ok()).expect("a length");
    let end = if is_to_head { start } else { start + length };
    assert!(end <= answer.len(), "cut off: {shown}");
    let mut content = answer[start..end].to_vec();
    // This is the answer to GET /time.
    if content.strip_suffix(b"\r\n") == Some(date) {
        content = b"date".to_vec();
    }
    let closes = values("Connection").contains(&&b"close"[..]);
    let headers = head.headers.iter().filter(|header| header.name != "Date");
    let headers = headers.map(|header| (header.name.to_owned(), header.value.to_vec())).collect();
    (Some(Response { status, closes, headers, content }), end)
}
