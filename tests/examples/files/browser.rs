//! The file server seen by a browser, which insists on the types of what it loads.

use super::start;
use super::tree::Tree;
use crate::servers::has;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>tea</title>
<link rel="stylesheet" href="style.css">
<p id="seen">nothing</p>
<img id="png" src="../pictures/a%20page.png"><img id="svg" src="../pictures/dot.svg">
<script type="module" src="script.js"></script>
"#;

const SCRIPT: &str = "
const loaded = image => image.complete ? null : new Promise(done => image.onload = image.onerror = done);
await loaded(png);
await loaded(svg);
const tea = await (await fetch('data.json')).json();
await WebAssembly.instantiateStreaming(fetch('empty.wasm'));
const part = await (await fetch('data.json', { headers: { Range: 'bytes=2-4' } })).text();
const styled = getComputedStyle(seen).color;
seen.textContent = [png.naturalWidth, svg.naturalWidth, tea.tea, part, styled].join(' | ');
";

#[test]
fn a_page_with_its_pictures_and_scripts_is_shown() {
    if !has("chromium") {
        return;
    }
    let tree = Tree::new();
    let png = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/models/page.png")).unwrap();
    // The third field of a PNG (ISO 15948, 5.3 and 11.2.2).
    let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
    tree.write("site/index.html", PAGE.as_bytes());
    tree.write("site/style.css", b"#seen { color: rgb(1, 2, 3) }");
    tree.write("site/script.js", SCRIPT.as_bytes());
    tree.write("site/data.json", "{\"tea\": \"龙井\"}".as_bytes());
    tree.write("site/empty.wasm", b"\0asm\x01\0\0\0");
    tree.write("pictures/a page.png", &png);
    tree.write("pictures/dot.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='33' height='4'/>");
    let server = start(&tree, &[]);

    let folder = PathBuf::from(format!("{}-browser", tree.root().display()));
    fs::create_dir(&folder).unwrap();
    let dom = folder.join("dom.html");
    let mut browser = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--disable-quic", "--no-proxy-server"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        // Time passes for the page as soon as it waits for nothing from outside.
        .arg("--virtual-time-budget=10000")
        // The slash is left out, so that the browser has to follow us to the right place.
        .args(["--dump-dom", &format!("http://{}/site", server.address)])
        .stdout(fs::File::create(&dom).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while browser.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            browser.kill().unwrap();
            browser.wait().unwrap();
            panic!("the browser does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let dom = fs::read_to_string(dom).unwrap();
    fs::remove_dir_all(folder).unwrap();
    let seen = dom.split("<p id=\"seen\">").nth(1).and_then(|rest| rest.split("</p>").next());
    assert_eq!(seen, Some(&*format!("{width} | 33 | 龙井 | tea | rgb(1, 2, 3)")), "{dom}");
}
