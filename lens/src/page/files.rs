//! The files of the page, as they are in `lens/page/`. Whoever adds one there adds a line here.

/// The page itself. It names the others.
pub(super) const INDEX: &str = include_str!("../../page/index.html");

/// The other files, by the names that the page has for them.
pub(super) const FILES: &[(&str, &str)] = &[
    ("style.css", include_str!("../../page/style.css")),
    ("recording.js", include_str!("../../page/recording.js")),
    ("text.js", include_str!("../../page/text.js")),
    ("gather.js", include_str!("../../page/gather.js")),
    ("model.js", include_str!("../../page/model.js")),
    ("graph.js", include_str!("../../page/graph.js")),
    ("describe.js", include_str!("../../page/describe.js")),
    ("calls.js", include_str!("../../page/calls.js")),
    ("requests.js", include_str!("../../page/requests.js")),
    ("lanes.js", include_str!("../../page/lanes.js")),
    ("drawing.js", include_str!("../../page/drawing.js")),
    ("timeline.js", include_str!("../../page/timeline.js")),
    ("input.js", include_str!("../../page/input.js")),
    ("panel.js", include_str!("../../page/panel.js")),
    ("tables.js", include_str!("../../page/tables.js")),
    ("steps.js", include_str!("../../page/steps.js")),
    ("replay.js", include_str!("../../page/replay.js")),
    ("scene.js", include_str!("../../page/scene.js")),
    ("auntie.js", include_str!("../../page/auntie.js")),
    ("help.js", include_str!("../../page/help.js")),
    ("link.js", include_str!("../../page/link.js")),
    ("live.js", include_str!("../../page/live.js")),
    ("main.js", include_str!("../../page/main.js")),
];
