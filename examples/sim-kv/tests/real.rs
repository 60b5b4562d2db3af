//! Three servers on real sockets and files. Clients go on while servers are stopped and started again from their files.

use ayi::net::TcpListener;
use ayi::runtime::Runtime;
use ayi::task::{JoinHandle, JoinSet};
use ayi::time::{Duration, sleep};
use sim_kv::command::Id;
use sim_kv::{Client, Config, History, serve, server};
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Anything that takes longer will never happen.
const PATIENCE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 4;
/// How many operations each client executes.
const OPERATIONS: usize = 60;
const KEYS: [&str; 3] = ["tea", "coffee", "water"];

struct Cluster {
    dir: PathBuf,
    addresses: Vec<String>,
    servers: Vec<Option<JoinHandle<io::Result<()>>>>,
}

impl Cluster {
    async fn start(name: &str) -> Cluster {
        let dir = std::env::temp_dir().join(format!("sim-kv-{name}-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap().to_string());
            listeners.push(listener);
        }
        let mut cluster = Cluster { dir, addresses, servers: Vec::new() };
        for (id, listener) in (1..).zip(listeners) {
            cluster.servers.push(Some(ayi::spawn(serve(cluster.config(id), listener))));
        }
        cluster
    }

    fn config(&self, id: Id) -> Config {
        Config::new(id, self.dir.join(id.to_string()), self.addresses.clone())
    }

    /// Returns when nothing of the server is left.
    async fn stop(&mut self, id: Id) {
        let server = self.servers[id as usize - 1].take().expect("it runs");
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled(), "it has run until now");
    }

    fn start_again(&mut self, id: Id) {
        let config = self.config(id);
        self.servers[id as usize - 1] = Some(ayi::spawn(async move {
            loop {
                match server(config.clone()).await {
                    // Someone else has got the port in the meantime, as the local port of a connection.
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                        sleep(Duration::from_millis(5)).await;
                    }
                    result => return result,
                }
            }
        }));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Runs a test, and ends the process if it hangs.
fn run(test: impl Future<Output = ()>) {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        let timeout = std::sync::mpsc::RecvTimeoutError::Timeout;
        if is_done.recv_timeout(2 * PATIENCE) == Err(timeout) {
            eprintln!("the test hangs");
            std::process::abort();
        }
    });
    Runtime::new().unwrap().block_on(test);
    drop(done);
    watchdog.join().unwrap();
}

/// Executes operations on a few keys. All values are different, so that a value tells who wrote it.
async fn use_it(mut client: Client, number: usize) {
    for n in 0..OPERATIONS {
        let (key, value) = (KEYS[(number + n) % KEYS.len()], format!("{number}.{n}"));
        match n % 4 {
            0 => client.put(key, &value).await.unwrap(),
            1 => {
                let old = client.get(key).await.unwrap();
                client.cas(key, old.as_deref(), &value).await.unwrap();
            }
            _ => drop(client.get(key).await.unwrap()),
        }
    }
}

/// Waits until so many more operations are answered. That takes an event, whose time nobody knows.
async fn operations(history: &History, count: usize) {
    let start = history.answered();
    while history.answered() < start + count {
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_history_with_servers_that_stop_and_start_is_linearizable() {
    run(async {
        let mut cluster = Cluster::start("stops").await;
        let history = History::new();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client::new(cluster.addresses.clone(), &history).with_patience(PATIENCE);
            clients.spawn(use_it(client, number));
        }
        // One of them leads, so the leader is stopped at least once.
        for id in 1..=3 {
            operations(&history, 20).await;
            cluster.stop(id).await;
            operations(&history, 20).await;
            cluster.start_again(id);
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        assert!(history.operations().iter().all(|operation| operation.returned.is_some()));
        history.check().unwrap_or_else(|violation| panic!("{violation}"));
    });
}

#[test]
fn what_was_written_is_there_after_all_servers_have_stopped() {
    run(async {
        let mut cluster = Cluster::start("all").await;
        let history = History::new();
        let client = || Client::new(cluster.addresses.clone(), &history).with_patience(PATIENCE);
        let (mut first, mut second) = (client(), client());
        first.put("tea", "hot").await.unwrap();
        assert_eq!(first.cas("tea", Some("hot"), "cold").await.unwrap().as_deref(), Some("hot"));
        for id in 1..=3 {
            cluster.stop(id).await;
        }
        for id in 1..=3 {
            cluster.start_again(id);
        }
        assert_eq!(second.get("tea").await.unwrap().as_deref(), Some("cold"));
        assert_eq!(second.cas("tea", Some("hot"), "warm").await.unwrap().as_deref(), Some("cold"));
    });
}

#[test]
fn an_operation_without_a_majority_has_no_known_outcome() {
    run(async {
        let mut cluster = Cluster::start("minority").await;
        let history = History::new();
        let mut client = Client::new(cluster.addresses.clone(), &history).with_patience(PATIENCE);
        client.put("tea", "hot").await.unwrap();
        cluster.stop(1).await;
        cluster.stop(2).await;
        let mut client = client.with_patience(Duration::from_millis(50));
        client.get("tea").await.unwrap_err();
        client.put("tea", "cold").await.unwrap_err();
        assert_eq!(history.answered(), 1);
        cluster.start_again(1);
        let mut client = client.with_patience(PATIENCE);
        let found = client.get("tea").await.unwrap();
        assert!(matches!(found.as_deref(), Some("hot" | "cold")), "{found:?}");
        history.check().unwrap();
    });
}

#[test]
fn the_program_tells_how_it_is_used() {
    let program = || Command::new(env!("CARGO_BIN_EXE_sim-kv"));
    let help = program().arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("usage: sim-kv serve"));
    for wrong in [&["serve", "--id", "4", "--dir", "x"][..], &["get"], &[], &["put", "tea", "hot", "here"]] {
        let output = program().args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

/// Three processes, and clients that are processes, too.
#[test]
fn three_processes_serve_one_that_is_killed_included() {
    use std::process::{Child, Stdio};
    struct Killed(Child);
    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let dir = std::env::temp_dir().join(format!("sim-kv-processes-{}", std::process::id()));
    // Held until all three are known, so that they differ.
    let listeners: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap().to_string()).collect();
    drop(listeners);
    let program = || Command::new(env!("CARGO_BIN_EXE_sim-kv"));
    let start = |id: usize| {
        let mut command = program();
        command.args(["serve", "--id", &id.to_string(), "--dir"]).arg(dir.join(id.to_string()));
        Killed(command.args(&addresses).stdout(Stdio::null()).spawn().unwrap())
    };
    let ask = |args: &[&str]| {
        let output = program().args(args).args(&addresses).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let mut servers: Vec<_> = (1..=3).map(start).collect();
    assert_eq!(ask(&["put", "tea", "hot"]), (Some(0), String::new()));
    for id in 1..=3 {
        servers[id - 1] = start_over(&mut servers, id, &start);
        assert_eq!(ask(&["get", "tea"]), (Some(0), "hot\n".to_owned()));
    }
    assert_eq!(ask(&["cas", "tea", "hot", "cold"]), (Some(0), String::new()));
    assert_eq!(ask(&["cas", "tea", "hot", "warm"]), (Some(1), "cold\n".to_owned()));
    assert_eq!(ask(&["get", "water"]), (Some(0), "-\n".to_owned()));
    drop(servers);
    std::fs::remove_dir_all(dir).unwrap();

    fn start_over(servers: &mut [Killed], id: usize, start: &dyn Fn(usize) -> Killed) -> Killed {
        servers[id - 1].0.kill().unwrap();
        servers[id - 1].0.wait().unwrap();
        start(id)
    }
}
