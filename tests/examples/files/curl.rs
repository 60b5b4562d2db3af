//! The file server seen by curl.

use super::start;
use super::tree::{Known, Tree};
use crate::servers::Server;
use crate::servers::has;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "60"])
        .stdin(Stdio::null());
    curl
}

/// Returns what it prints, if nothing goes wrong.
#[track_caller]
fn output(curl: &mut Command) -> String {
    let output = curl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn url(server: &Server, target: &str) -> String {
    format!("http://{}{target}", server.address)
}

/// The directory for the copies. It is not below the root.
struct Copies {
    folder: PathBuf,
}

impl Copies {
    fn new(tree: &Tree) -> Copies {
        let folder = PathBuf::from(format!("{}-copies", tree.root().display()));
        fs::create_dir(&folder).unwrap();
        Copies { folder }
    }

    fn of(&self, number: usize, file: &Known) -> PathBuf {
        self.folder.join(number.to_string()).join(file.name)
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn expect_copy(copy: &Path, file: &Known) {
    assert!(fs::read(copy).unwrap() == file.content, "{}", file.name);
}

#[test]
fn curls_copy_the_whole_tree_side_by_side() {
    if !has("curl") {
        return;
    }
    let tree = Tree::new();
    let copies = Copies::new(&tree);
    let server = start(&tree, &[]);
    // Each runs over one connection that it keeps, and one asks for all files at once.
    let running: Vec<_> = (0..8)
        .map(|number| {
            let mut curl = curl();
            curl.arg("--create-dirs").args((number == 0).then_some("--parallel"));
            for file in &tree.files {
                curl.arg(url(&server, &file.target)).arg("-o").arg(copies.of(number, file));
            }
            curl.stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for curl in running {
        let output = curl.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for number in 0..8 {
        tree.files.iter().for_each(|file| expect_copy(&copies.of(number, file), file));
    }
}

#[test]
fn curl_goes_on_where_it_stopped() {
    if !has("curl") {
        return;
    }
    let tree = Tree::new();
    let copies = Copies::new(&tree);
    let server = start(&tree, &[]);
    for file in tree.files.iter().filter(|file| file.content.len() > 1) {
        let copy = copies.of(0, file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(&copy, &file.content[..file.content.len() / 2]).unwrap();
        output(curl().args(["-C", "-"]).arg(url(&server, &file.target)).arg("-o").arg(&copy));
        expect_copy(&copy, file);
    }
}

#[test]
fn curl_puts_parts_together() {
    if !has("curl") {
        return;
    }
    let tree = Tree::new();
    let copies = Copies::new(&tree);
    let server = start(&tree, &[]);
    let file = tree.file("/mib7");
    let mut whole = Vec::new();
    for (number, range) in ["0-99999", "100000-1000000", "1000001-1000001", "1000002-"].iter().enumerate() {
        let copy = copies.folder.join(number.to_string());
        let code =
            output(curl().args(["-r", range, "-w", "%{http_code}", &url(&server, "/mib7"), "-o"]).arg(&copy));
        assert_eq!(code, "206");
        whole.extend(fs::read(copy).unwrap());
    }
    assert!(whole == file.content);
}

#[test]
fn curl_gets_only_what_is_newer() {
    if !has("curl") {
        return;
    }
    let tree = Tree::new();
    let copies = Copies::new(&tree);
    let server = start(&tree, &[]);
    let copy = copies.folder.join("copy");
    let ask = |date: &str| {
        let format = "%{http_code} %{size_download}";
        output(curl().args(["-R", "-z", date, "-w", format, &url(&server, "/mib7"), "-o"]).arg(&copy))
    };
    assert_eq!(ask("1 Jan 2020"), "200 1048583");
    assert_eq!(ask("1 Jan 2100"), "304 0");
    // Its copy has the date of the file.
    assert_eq!(ask(copy.to_str().unwrap()), "304 0");
    expect_copy(&copy, tree.file("/mib7"));
}

#[test]
fn curl_does_not_get_out_of_the_tree() {
    if !has("curl") {
        return;
    }
    let tree = Tree::new();
    let server = start(&tree, &[]);
    for (target, code) in
        [("/../../etc/passwd", "400"), ("/%2e%2e/%2e%2e/etc/passwd", "400"), ("//etc/passwd", "404")]
    {
        let mut curl = curl();
        curl.args(["--path-as-is", "-w", "%{http_code}", "-o", "/dev/null", &url(&server, target)]);
        let output = curl.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), code, "{target}");
        // "HTTP page not retrieved", because of --fail.
        assert_eq!(output.status.code(), Some(22));
    }
}
