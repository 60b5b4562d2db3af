//! The file server of `examples/files`, seen from outside: by a strict client, by curl and by a browser.
//!
//! Some tests need Debian's packages `curl` and `chromium`. Without them they are skipped, and say so. With the
//! variable `CI` set they fail.

mod browser;
mod curl;
mod tree;

use crate::servers::http::{Client, Response};
use crate::servers::{Server, path_of, reset, run, wait_until};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tree::Tree;

fn start(tree: &Tree, options: &[&str]) -> Server {
    let mut command = Command::new(path_of("files"));
    command.arg(tree.root()).arg("127.0.0.1:0").args(options);
    Server::spawn(command)
}

fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")
}

fn get(target: &str) -> String {
    request("GET", target, "")
}

/// Returns how many descriptors the server has without clients, once it has the ring, which it makes at first use.
fn open_files_at_rest(server: &Server) -> usize {
    let mut client = Client::new(server);
    client.ask(get("/empty.txt")).expect(200, "");
    // When this is answered, that file is closed.
    assert_eq!(client.ask(get("/none")).status, 404);
    let files = server.open_files();
    drop(client);
    wait_until("its socket is closed", || server.open_files() == files - 1);
    files - 1
}

// What it serves.

/// Asks for each file over one connection.
fn expect_all(server: &Server, tree: &Tree) {
    let mut client = Client::new(server);
    for file in &tree.files {
        let response = client.ask(get(&file.target));
        assert_eq!(response.status, 200, "{}", file.target);
        assert!(response.body == file.content, "{}: {} bytes", file.target, response.body.len());
    }
}

#[test]
fn each_file_arrives_byte_for_byte() {
    let tree = Tree::new();
    expect_all(&start(&tree, &[]), &tree);
}

#[test]
fn each_file_arrives_without_the_ring() {
    let tree = Tree::new();
    let mut command = Command::new(path_of("files"));
    command.arg(tree.root()).arg("127.0.0.1:0").env("AYI_IO_URING", "0");
    expect_all(&Server::spawn(command), &tree);
}

#[test]
fn twenty_clients_get_all_of_it_while_others_vanish() {
    let tree = Tree::new();
    tree.write("large", &vec![b'x'; 16 * 1024 * 1024]);
    let server = start(&tree, &[]);
    let files = open_files_at_rest(&server);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let vanishing = scope.spawn(|| {
            let mut vanished = 0;
            while !is_over.load(Ordering::Relaxed) || vanished < 20 {
                let mut client = Client::new(&server);
                client.send(get("/large"));
                assert_eq!(client.response_to_head().status, 200);
                reset(client.stream.into_inner());
                vanished += 1;
            }
        });
        let clients: Vec<_> = (0..20).map(|_| scope.spawn(|| expect_all(&server, &tree))).collect();
        let results: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        vanishing.join().unwrap();
        assert!(results.iter().all(|result| result.is_ok()));
    });
    wait_until("all sockets and files are closed", || server.open_files() == files);
    expect_all(&server, &tree);
}

#[test]
fn types_follow_from_names() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    for (name, expected) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.svg", "image/svg+xml"),
        ("a.wasm", "application/wasm"),
        ("a.pdf", "application/pdf"),
        ("a.tar.gz", "application/octet-stream"),
        ("html", "application/octet-stream"),
    ] {
        tree.write(name, b"x");
        assert_eq!(client.ask(get(&format!("/{name}"))).header("content-type"), Some(expected), "{name}");
    }
}

#[test]
fn a_directory_is_its_index_and_ends_with_a_slash() {
    let tree = Tree::new();
    tree.write("site/index.html", b"<p>here");
    tree.write("site/deep/page.html", b"<p>there");
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    client.ask(get("/site/")).expect(200, "<p>here");
    client.ask(get("/site/?q=a/b")).expect(200, "<p>here");
    client.ask(get("http://x/site/")).expect(200, "<p>here");
    for (target, location) in [
        ("/site", "/site/"),
        ("/si%74e?q=1", "/si%74e/?q=1"),
        ("http://x/site", "/site/"),
        ("/site/deep", "/site/deep/"),
    ] {
        let response = client.ask(get(target));
        assert_eq!((response.status, response.header("location")), (301, Some(location)), "{target}");
    }
    // There is no index in these, and a file is no directory.
    for target in ["/", "/site/deep/", "/site/index.html/"] {
        assert_eq!(client.ask(get(target)).status, 404, "{target}");
    }
    tree.write("index.html", b"<p>top");
    client.ask(get("/")).expect(200, "<p>top");
    // An index that is a directory does not count.
    fs::create_dir_all(tree.root().join("odd/index.html")).unwrap();
    assert_eq!(client.ask(get("/odd/")).status, 404);
}

#[test]
fn head_gets_the_headers_alone() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    for file in &tree.files {
        let full = client.ask(get(&file.target));
        client.send(request("HEAD", &file.target, ""));
        let head = client.response_to_head();
        let of_interest = |response: &Response| {
            ["content-length", "content-type", "last-modified"]
                .map(|name| response.header(name).expect("each response has it").to_owned())
        };
        assert_eq!((head.status, of_interest(&head)), (200, of_interest(&full)));
    }
    for (target, fields, status) in
        [("/none", "", 404), ("/nested", "", 301), ("/mib7", "Range: bytes=1-2\r\n", 200)]
    {
        client.send(request("HEAD", target, fields));
        assert_eq!(client.response_to_head().status, status);
    }
    client.ask(get("/empty.txt")).expect(200, "");
}

// Parts, and dates.

#[test]
fn a_range_gets_that_part() {
    let tree = Tree::new();
    let content = &tree.file("/mib7").content;
    let len = content.len();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    let mut ask = |range: &str| client.ask(request("GET", "/mib7", &format!("Range: {range}\r\n")));
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=0-9", 0..10),
        ("BYTES=5-262200", 5..262_201),
        ("bytes=262143-262145", 262_143..262_146),
        ("bytes=1000000-", 1_000_000..len),
        ("bytes=1000000-99999999", 1_000_000..len),
        ("bytes=1000000-99999999999999999999999", 1_000_000..len),
        ("bytes=0-18446744073709551615", 0..len),
        ("bytes=0-", 0..len),
        ("bytes=-1", len - 1..len),
        ("bytes=-300000", len - 300_000..len),
        ("bytes=-99999999", 0..len),
    ] {
        let response = ask(range);
        let content_range = format!("bytes {}-{}/{len}", part.start, part.end - 1);
        assert_eq!(
            (response.status, response.header("content-range")),
            (206, Some(&*content_range)),
            "{range}"
        );
        assert!(response.body == content[part], "{range}");
    }
    // Ranges outside of the file.
    for range in ["bytes=1048583-", "bytes=1048583-1048590", "bytes=99999999999999999999-", "bytes=-0"] {
        let response = ask(range);
        let content_range = format!("bytes */{len}");
        assert_eq!(
            (response.status, response.header("content-range")),
            (416, Some(&*content_range)),
            "{range}"
        );
    }
    // Several ranges, or none that can be understood: the whole file is sent.
    for range in [
        "bytes=0-1,4-5",
        "bytes=5-4",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=+1-2",
        "lines=1-2",
        "1-2",
        "bytes=1--2",
    ] {
        let response = ask(range);
        assert_eq!((response.status, response.header("content-range")), (200, None), "{range}");
        assert!(response.body == *content, "{range}");
    }
}

#[test]
fn no_range_fits_an_empty_file() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    for range in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
        let response = client.ask(request("GET", "/empty.txt", &format!("Range: {range}\r\n")));
        assert_eq!((response.status, response.header("content-range")), (416, Some("bytes */0")), "{range}");
    }
}

#[test]
fn a_part_of_another_version_is_not_sent() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    let modified = client.ask(get("/mib7")).header("last-modified").unwrap().to_owned();
    for (version, status) in [(&*modified, 206), ("Sun, 06 Nov 1994 08:49:37 GMT", 200), ("\"tag\"", 200)] {
        let fields = format!("Range: bytes=0-0\r\nIf-Range: {version}\r\n");
        assert_eq!(client.ask(request("GET", "/mib7", &fields)).status, status, "{version}");
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let tree = Tree::new();
    let day = Duration::from_secs(24 * 60 * 60);
    // A date has no half seconds.
    let modified = UNIX_EPOCH + 10_000 * day + Duration::from_millis(500);
    tree.write("old.txt", b"old").set_modified(modified).unwrap();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    let response = client.ask(get("/old.txt"));
    assert_eq!(response.header("last-modified"), Some("Mon, 19 May 1997 00:00:00 GMT"));
    for (fields, status) in [
        ("If-Modified-Since: Mon, 19 May 1997 00:00:00 GMT", 304),
        ("If-Modified-Since: Tue, 20 May 1997 00:00:00 GMT", 304),
        // The two old forms (RFC 9110, 5.6.7).
        ("If-Modified-Since: Monday, 19-May-97 00:00:00 GMT", 304),
        ("If-Modified-Since: Mon May 19 00:00:00 1997", 304),
        ("If-Modified-Since: Mon, 19 May 1997 00:00:00 GMT\r\nRange: bytes=0-0", 304),
        ("If-Modified-Since: Sun, 18 May 1997 23:59:59 GMT", 200),
        ("If-Modified-Since: yesterday", 200),
        ("If-Modified-Since: ", 200),
        ("If-Modified-Since: Mon, 19 May 1997 00:00:00 GMT\r\nIf-None-Match: \"tag\"", 200),
    ] {
        for method in ["GET", "HEAD"] {
            client.send(request(method, "/old.txt", &format!("{fields}\r\n")));
            let response = client.response_to_head();
            assert_eq!(response.status, status, "{fields}");
            assert_eq!(response.header("last-modified"), Some("Mon, 19 May 1997 00:00:00 GMT"));
            if status == 200 && method == "GET" {
                client.stream.read_exact(&mut [0; 3]).unwrap();
            }
        }
    }
}

#[test]
fn odd_dates_of_files_do_no_harm() {
    let tree = Tree::new();
    tree.write("ancient", b"x").set_modified(UNIX_EPOCH - Duration::from_secs(10)).unwrap();
    tree.write("future", b"x").set_modified(SystemTime::now() + Duration::from_secs(10_000_000)).unwrap();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    let fields = "If-Modified-Since: Mon, 19 May 1997 00:00:00 GMT\r\n";
    let ancient = client.ask(request("GET", "/ancient", fields));
    assert_eq!((ancient.status, ancient.header("last-modified")), (200, None));
    let future = client.ask(get("/future"));
    assert_eq!(future.header("last-modified"), future.header("date"));
}

// What it refuses.

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let tree = Tree::new();
    let outside = Tree::new();
    fs::write(tree.root().join("nested/.hidden"), "hidden").unwrap();
    fs::create_dir(tree.root().join(".git")).unwrap();
    fs::write(tree.root().join(".git/config"), "hidden").unwrap();
    let server = start(&tree, &[]);
    let up = "/..".repeat(20);
    let outside = outside.root().file_name().unwrap().to_str().unwrap();
    let long = format!("/{}", "x".repeat(300));
    let mut client = Client::new(&server);
    for (target, status) in [
        ("/../", 400),
        (&*format!("{up}/etc/passwd"), 400),
        (&*format!("/../{outside}/empty.txt"), 400),
        ("/nested/../empty.txt", 400),
        ("/nested/..", 400),
        ("/./empty.txt", 400),
        ("/%2e%2e/", 400),
        ("/%2e%2e/%2E%2E/etc/passwd", 400),
        ("/.%2e/empty.txt", 400),
        ("/..%2fempty.txt", 400),
        ("/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 400),
        ("/nested%2fdeep%2f1", 400),
        ("/%2fetc%2fpasswd", 400),
        ("/empty.txt%00", 400),
        ("/empty.txt%00.html", 400),
        ("/%ff", 400),
        ("/%c0%ae%c0%ae/", 400),
        ("/%", 400),
        ("/%2", 400),
        ("/%zz", 400),
        ("/%+1", 400),
        ("*", 400),
        ("empty.txt", 400),
        ("http://x", 404),
        ("//", 404),
        ("//etc/passwd", 404),
        ("///", 404),
        ("/nested//deep", 404),
        ("/etc/passwd", 404),
        ("/%252e%252e/", 404),
        ("/\\..\\", 404),
        ("/.git/config", 404),
        ("/%2egit/config", 404),
        ("/nested/.hidden", 404),
        ("/...", 404),
        ("/empty.txt/", 404),
        ("/empty.txt/x", 404),
        (&*long, 404),
    ] {
        let response = client.ask(get(target));
        assert_eq!(response.status, status, "{target}");
        assert!(response.body.len() < 40, "{target}");
    }
    client.ask(get("/empty.txt")).expect(200, "");
}

#[test]
fn links_are_followed_inside_of_the_tree_only() {
    let tree = Tree::new();
    let outside = Tree::new();
    let root = tree.root();
    fs::write(root.join(".hidden"), "hidden").unwrap();
    // Next to the root, with a name that begins like its own.
    let beside = format!("{}-beside", root.display());
    fs::write(&beside, "beside").unwrap();
    let link = |to: &str, name: &str| symlink(to, root.join(name)).unwrap();
    link("nested/deep/1", "inside");
    link("nested", "directory");
    link("../nested/deep/1", "nested/up");
    link(&format!("{}/empty.txt", outside.root().display()), "file_outside");
    link(outside.root().to_str().unwrap(), "directory_outside");
    link("/etc/passwd", "passwd");
    link("/", "all");
    link("..", "parent");
    link(&beside, "beside");
    link(".hidden", "to_hidden");
    link("nowhere", "dangling");
    link("round", "round");
    let made = Command::new("mkfifo").arg(root.join("pipe")).status().unwrap();
    assert!(made.success());
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    for target in ["/inside", "/directory/deep/1", "/nested/up"] {
        assert!(client.ask(get(target)).body == tree.file("/nested/deep/1").content, "{target}");
    }
    assert_eq!(client.ask(get("/directory")).status, 301);
    for target in [
        "/file_outside",
        "/directory_outside",
        "/directory_outside/empty.txt",
        "/passwd",
        "/all/etc/passwd",
        "/parent",
        "/beside",
        "/to_hidden",
        "/dangling",
        "/round",
        "/round/x",
        "/pipe",
    ] {
        assert_eq!(client.ask(get(target)).status, 404, "{target}");
    }
    fs::remove_file(beside).unwrap();
}

#[test]
fn other_methods_are_refused() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"] {
        let response = client.ask(request(method, "/empty.txt", ""));
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert!(!response.is_last(), "{method}");
    }
    // The bytes after it are its body, not a request.
    let body = get("/empty.txt");
    client.send(request("POST", "/", &format!("Content-Length: {}\r\n", body.len())) + &body);
    let response = client.response();
    assert_eq!((response.status, response.is_last()), (405, true));
    client.expect_end();
}

#[test]
fn requests_that_are_none_are_refused() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    for (bytes, status) in [
        ("what?\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n".to_owned(), 400),
        (request("GET", "/\0", ""), 400),
        (request("GET", "/ ..", ""), 400),
        (request("GET", "/", "Host: y\r\n"), 400),
        (request("GET", "/", "no colon\r\n"), 400),
        (request("GET", "/empty.txt", "Content-Length: 3\r\n") + "abc", 400),
        (request("GET", "/empty.txt", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (request("GET", "/", &format!("X: {}\r\n", "x".repeat(100_000))), 431),
        (request("GET", "/", &"X: y\r\n".repeat(101)), 431),
    ] {
        let mut client = Client::new(&server);
        client.send(bytes.clone() + &get("/empty.txt"));
        let response = client.response();
        assert_eq!((response.status, response.is_last()), (status, true), "{bytes:.100?}");
        client.expect_end();
    }
    // A byte that is not UTF-8, in the path itself.
    let mut client = Client::new(&server);
    client.send(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(matches!(client.response().status, 400 | 404));
}

// Connections.

#[test]
fn pipelined_requests_are_answered_in_order() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    let mut all: String = tree.files.iter().map(|file| get(&file.target)).collect();
    all += &request("HEAD", "/mib7", "");
    all += &get("/none");
    all += &request("GET", "/mib7", "Range: bytes=3-4\r\nConnection: close\r\n");
    all += &get("/mib7");
    client.send(all);
    for file in &tree.files {
        assert!(client.response().body == file.content, "{}", file.target);
    }
    assert_eq!(client.response_to_head().status, 200);
    assert_eq!(client.response().status, 404);
    assert!(client.response().body == tree.file("/mib7").content[3..5]);
    client.expect_end();
}

#[test]
fn requests_that_arrive_byte_by_byte_are_understood() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    for _ in 0..2 {
        get("/empty.txt").bytes().for_each(|byte| client.send([byte]));
        client.response().expect(200, "");
    }
}

#[test]
fn http_1_0_ends_the_connection_unless_asked_to_keep_it() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    let response = client.ask("GET /empty.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!((response.status, response.header("connection")), (200, Some("keep-alive")));
    client.ask("GET /empty.txt HTTP/1.0\r\n\r\n").expect(200, "");
    client.expect_end();
}

#[test]
fn who_is_silent_or_slow_is_cut_off() {
    let tree = Tree::new();
    let server = start(&tree, &["--timeout", "200"]);
    let files = open_files_at_rest(&server);
    // A client that has sent nothing is sent nothing.
    let mut silent = Client::new(&server);
    let mut idle = Client::new(&server);
    idle.ask(get("/empty.txt")).expect(200, "");
    let mut half = Client::new(&server);
    half.send("GET /empty.txt HTTP/1.1\r\n");
    let mut slow = Client::new(&server);
    slow.trickle(b"GET / HTTP/1.1\r\nX: ".iter().copied().chain(std::iter::repeat_n(b'x', 5_000)));
    silent.expect_end();
    idle.expect_end();
    for mut client in [half, slow] {
        let response = client.response();
        assert_eq!((response.status, response.is_last()), (408, true));
        client.expect_end();
    }
    drop((silent, idle));
    wait_until("their sockets are closed", || server.open_files() == files);
}

#[test]
fn who_does_not_read_is_cut_off() {
    let tree = Tree::new();
    File::create(tree.root().join("huge")).unwrap().set_len(1 << 32).unwrap();
    let server = start(&tree, &["--timeout", "200"]);
    let files = open_files_at_rest(&server);
    let mut client = Client::new(&server);
    client.send(get("/huge"));
    assert_eq!(client.response_to_head().header("content-length"), Some("4294967296"));
    wait_until("its socket and its file are closed", || server.open_files() == files);
}

#[test]
fn without_room_for_another_open_file_it_asks_to_come_again() {
    let tree = Tree::new();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 16 && exec \"$0\" \"$1\" 127.0.0.1:0"])
        .arg(path_of("files"))
        .arg(tree.root());
    let server = Server::spawn(command);
    let mut clients = Vec::new();
    let mut last = loop {
        let mut client = Client::new(&server);
        match client.ask(get("/empty.txt")).status {
            200 => clients.push(client),
            status => {
                assert_eq!(status, 503);
                break client;
            }
        }
    };
    assert!(!clients.is_empty());
    drop(clients);
    wait_until("there is room", || last.ask(get("/empty.txt")).status == 200);
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_the_connection() {
    let tree = Tree::new();
    let len = 64 * 1024 * 1024;
    let file = File::create(tree.root().join("log")).unwrap();
    file.set_len(len).unwrap();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    client.send(get("/log") + &get("/empty.txt"));
    assert_eq!(client.response_to_head().header("content-length"), Some(&*len.to_string()));
    // Both sockets' buffers hold some megabytes at most, so the server has not read all of it.
    file.set_len(0).unwrap();
    let mut got = Vec::new();
    let _ = client.stream.read_to_end(&mut got);
    assert!((got.len() as u64) < len && got.iter().all(|byte| *byte == 0), "{} bytes", got.len());
}

#[test]
fn a_file_that_grows_while_it_is_sent_is_sent_as_it_was_promised() {
    let tree = Tree::new();
    let len = 64 * 1024 * 1024;
    let mut file = File::options().append(true).create(true).open(tree.root().join("log")).unwrap();
    file.set_len(len).unwrap();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    client.send(get("/log"));
    assert_eq!(client.response_to_head().header("content-length"), Some(&*len.to_string()));
    file.write_all(&[b'x'; 300_000]).unwrap();
    let mut got = vec![1; len as usize];
    client.stream.read_exact(&mut got).unwrap();
    assert!(got.iter().all(|byte| *byte == 0));
    client.ask(get("/empty.txt")).expect(200, "");
}

#[test]
fn who_closes_its_direction_gets_its_answers() {
    let tree = Tree::new();
    let server = start(&tree, &[]);
    let mut client = Client::new(&server);
    client.send(get("/mib7") + &get("/mib7"));
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    for _ in 0..2 {
        assert!(client.response().body == tree.file("/mib7").content);
    }
    client.expect_end();
}

#[test]
fn wrong_arguments_are_answered_with_what_is_wrong_and_the_usage() {
    let tree = Tree::new();
    let root = tree.root().to_str().unwrap();
    let file = format!("{root}/empty.txt");
    let cases: [(&[&str], &str); 9] = [
        (&[], "ROOT, the directory to serve, is missing"),
        (&["/no/such/directory"], "cannot serve /no/such/directory: No such file or directory"),
        (&[&file], "Not a directory (os error 20); name a directory to serve"),
        (&[root, "nonsense"], "it has to be HOST:PORT, such as localhost:8080"),
        (&[root, "127.0.0.1"], "it has to be HOST:PORT"),
        (&[root, "127.0.0.1:0", "more"], "unexpected argument \"more\""),
        (&[root, "--timeout"], "missing argument for option '--timeout'"),
        (&[root, "--timeout", "0"], "it has to be 1 at least"),
        (&[root, "--timeout", "soon"], "invalid digit"),
    ];
    for (args, reason) in cases {
        let output = run("files", args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(errors.starts_with("files: ") && errors.contains(reason), "{args:?}: {errors}");
        assert!(errors.contains("\n\nusage: files ROOT [HOST:PORT]"), "{args:?}: {errors}");
    }
}
