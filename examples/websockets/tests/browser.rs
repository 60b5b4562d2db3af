//! The page, in two windows of a real browser, Debian's package `chromium`. Without it the test is skipped, and says
//! so. With the variable `CI` set it fails.

#[path = "../../../tests/support/skipped.rs"]
mod skipped;

mod support;

use async_tungstenite::tungstenite::{Message, WebSocket, client};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use support::{Guest, PATIENCE, Server, wait_until};

/// A browser without a window, which is driven through its protocol for developers. That is WebSockets, too.
struct Browser {
    child: Child,
    profile: PathBuf,
    port: u16,
}

impl Browser {
    fn start() -> Browser {
        let profile = std::env::temp_dir().join(format!("ayi-websockets-{}", std::process::id()));
        let child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser = Browser { child, profile, port: 0 };
        wait_until("the browser says where it listens", || {
            let text = fs::read_to_string(browser.profile.join("DevToolsActivePort")).unwrap_or_default();
            browser.port = text.lines().next().and_then(|port| port.parse().ok()).unwrap_or(0);
            browser.port != 0
        });
        browser
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Opens a new page, with `url` in it.
    fn open(&self, url: &str) -> Page {
        let mut stream = self.connect();
        let request = format!("PUT /json/new?{url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        // The browser leaves the connection open.
        let (mut answer, mut chunk) = (String::new(), [0; 4096]);
        let url = loop {
            let count = stream.read(&mut chunk).unwrap();
            assert_ne!(count, 0, "{answer}");
            answer.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
            let rest = answer.split_once("\"webSocketDebuggerUrl\": \"").map(|(_, rest)| rest);
            if let Some((url, _)) = rest.and_then(|rest| rest.split_once('"')) {
                break url;
            }
        };
        let (socket, _) = client(url, self.connect()).unwrap();
        Page { socket, asked: 0 }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its helpers may write for a little longer.
        wait_until("the profile is gone", || {
            let _ = fs::remove_dir_all(&self.profile);
            !self.profile.exists()
        });
    }
}

struct Page {
    socket: WebSocket<TcpStream>,
    asked: u32,
}

impl Page {
    /// Returns the answer to a question of the protocol, as JSON.
    fn ask(&mut self, method: &str, params: &str) -> String {
        self.asked += 1;
        let question = format!(r#"{{"id":{},"method":"{method}","params":{{{params}}}}}"#, self.asked);
        self.socket.send(Message::text(question)).unwrap();
        let start = format!(r#"{{"id":{},"#, self.asked);
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) if text.starts_with(&start) => return text.to_string(),
                _ => {}
            }
        }
    }

    /// Returns whether `expression`, which has only single quotes, is true in the page.
    fn is(&mut self, expression: &str) -> bool {
        self.ask("Runtime.evaluate", &format!(r#""expression":"{expression}""#)).contains(r#""value":true"#)
    }

    fn wait_until(&mut self, expression: &str) {
        wait_until(expression, || self.is(expression));
    }

    /// Types like a keyboard: the text goes to what has the focus.
    fn write(&mut self, text: &str) {
        self.ask("Input.insertText", &format!(r#""text":"{text}""#));
        let enter = r#""key":"Enter","code":"Enter","windowsVirtualKeyCode":13,"text":"\r""#;
        self.ask("Input.dispatchKeyEvent", &format!(r#""type":"keyDown",{enter}"#));
        self.ask("Input.dispatchKeyEvent", r#""type":"keyUp","key":"Enter","code":"Enter""#);
    }
}

/// Returns an expression for whether a line of the page is this.
fn line(kind: &str, text: &str) -> String {
    format!("[...document.querySelectorAll('p.{kind}')].some(p => p.innerText === '{text}')")
}

#[test]
fn two_pages_and_a_client_chat() {
    let found = Command::new("sh").args(["-c", "command -v chromium"]).output().unwrap();
    if !found.status.success() {
        assert!(std::env::var_os("CI").is_none(), "chromium is missing: install Debian's package chromium");
        return skipped::skipped("there is no chromium");
    }
    // Ann does not read while the others are tested.
    let server = Server::start(&["--ping", "600000"]);
    let mut ann = Guest::new(&server, "Ann");
    let browser = Browser::start();

    // One types her name, the other has it in the address.
    let mut mei = browser.open(&format!("http://{}/", server.address));
    mei.wait_until("document.activeElement.placeholder === 'your name'");
    mei.write("小梅");
    ann.expect("\t小梅 has come");
    let mut bob = browser.open(&format!("http://{}/#Bob", server.address));
    ann.expect("\tBob has come");
    bob.wait_until(&line("event", "here: Ann, 小梅"));
    mei.wait_until(&line("event", "Bob has come"));

    mei.wait_until("document.activeElement.placeholder === 'say something'");
    mei.write("<b>喝茶吗?</b>");
    ann.expect("小梅\t<b>喝茶吗?</b>");
    mei.wait_until(&line("mine", "<b>喝茶吗?</b>"));
    bob.wait_until(&line("theirs", "小梅\\\\n<b>喝茶吗?</b>"));
    ann.say("a pot of oolong,\nplease");
    mei.wait_until(&line("theirs", "Ann\\\\na pot of oolong,\\\\nplease"));
    bob.wait_until(&line("theirs", "Ann\\\\na pot of oolong,\\\\nplease"));
    // Nothing is wider than a small telephone, not even a long word.
    let telephone = r#""width":320,"height":560,"deviceScaleFactor":2,"mobile":true"#;
    bob.ask("Emulation.setDeviceMetricsOverride", telephone);
    ann.say(&"x".repeat(500));
    bob.wait_until("document.querySelector('main').lastChild.innerText.length > 500");
    assert!(bob.is("innerWidth === 320 && document.documentElement.scrollWidth === 320"));

    // If a name is taken, the page asks again.
    let mut other = browser.open(&format!("http://{}/#Ann", server.address));
    other.wait_until("document.getElementById('status').innerText === 'somebody else has this name'");
    other.wait_until("document.getElementById('text').placeholder === 'your name'");

    server.terminate();
    bob.wait_until("document.getElementById('status').innerText === 'the server ends'");
}
