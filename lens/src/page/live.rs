//! The page that a program serves of itself, and what that page is told while it is open.

use super::base64::Base64;
use super::{PLACE, files, write_part};
use std::io::{self, Write};

/// What a page in a file may fetch, and what one that follows a run may.
const NOTHING: &str = "default-src 'none'; ";
const ITS_OWN: &str = "default-src 'none'; connect-src 'self'; ";

/// Writes the page that follows a run: it has no recording, and fetches `events` from where it comes from.
///
/// # Errors
///
/// Those of `out`.
pub fn live(out: &mut impl Write) -> io::Result<()> {
    let (before, after) = files::INDEX.split_once(PLACE).expect("the page has a place for the recording");
    write_part(&before.replacen(NOTHING, ITS_OWN, 1), out)?;
    write!(out, "{} data-live></script>", PLACE.trim_end_matches("></script>"))?;
    write_part(after, out)
}

/// Writes a section of a recording as one event of the stream that such a page follows.
///
/// # Errors
///
/// Those of `out`.
pub fn live_event(section: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"data: ")?;
    let mut base64 = Base64::new(&mut *out);
    base64.write_all(section)?;
    base64.finish()?;
    out.write_all(b"\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_page_may_fetch_from_where_it_comes_from() {
        let mut page = Vec::new();
        live(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert_eq!(page.matches(ITS_OWN).count(), 1);
        assert!(page.contains(r#"<script id="recording" type="text/plain" data-live></script>"#));
    }

    #[test]
    fn an_event_is_one_line() {
        let mut event = Vec::new();
        live_event(b"foobar", &mut event).unwrap();
        assert_eq!(event, b"data: Zm9vYmFy\n\n");
    }
}
