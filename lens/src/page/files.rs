//! The files of the page, as they are in `lens/page/`. Whoever adds one there adds a line here.

/// The page itself. It names the others.
pub(super) const INDEX: &str = include_str!("../../page/index.html");

/// The other files, by the names that the page has for them.
pub(super) const FILES: &[(&str, &str)] =
    &[("main.js", include_str!("../../page/main.js")), ("style.css", include_str!("../../page/style.css"))];
