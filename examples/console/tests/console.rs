//! What a client of the console's gRPC service sees of the program. The test waits until it has seen everything.

use console_api::async_ops::AsyncOpUpdate;
use console_api::field::{Name, Value};
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::instrument::{InstrumentRequest, Update};
use console_api::resources::resource::kind::{Kind, Known};
use console_api::resources::{Resource, ResourceUpdate};
use console_api::tasks::{Stats, TaskUpdate};
use console_api::{Field, Metadata};
use std::collections::HashMap;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// Ends the program with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the client knows so far.
#[derive(Default)]
struct Seen {
    metadata: HashMap<u64, Metadata>,
    tasks: HashMap<u64, Task>,
    resources: HashMap<u64, Resource>,
    /// The source, the resource, and the task that polled it last.
    ops: HashMap<u64, (String, u64, Option<u64>)>,
    attributes: HashMap<u64, Vec<String>>,
}

#[derive(Debug, Default)]
struct Task {
    name: String,
    kind: String,
    place: String,
    fields: HashMap<String, String>,
    stats: Stats,
}

fn text(field: &Field) -> String {
    match field.value.as_ref().unwrap() {
        Value::DebugVal(text) | Value::StrVal(text) => text.clone(),
        Value::U64Val(number) => number.to_string(),
        Value::I64Val(number) => number.to_string(),
        Value::BoolVal(is) => is.to_string(),
    }
}

impl Seen {
    fn update(&mut self, update: Update) {
        for new in update.new_metadata.into_iter().flat_map(|new| new.metadata) {
            self.metadata.insert(new.id.unwrap().id, new.metadata.unwrap());
        }
        update.task_update.into_iter().for_each(|update| self.update_tasks(update));
        update.resource_update.into_iter().for_each(|update| self.update_resources(update));
        update.async_op_update.into_iter().for_each(|update| self.update_ops(update));
    }

    fn update_tasks(&mut self, update: TaskUpdate) {
        assert_eq!(update.dropped_events, 0);
        for new in update.new_tasks {
            let mut task = Task::default();
            for field in &new.fields {
                let names = &self.metadata[&new.metadata.as_ref().unwrap().id].field_names;
                let name = match field.name.as_ref().unwrap() {
                    Name::StrName(name) => name.clone(),
                    Name::NameIdx(index) => names[*index as usize].clone(),
                };
                task.fields.insert(name, text(field));
            }
            task.name = task.fields.get("task.name").cloned().unwrap_or_default();
            task.kind = task.fields["kind"].clone();
            let place = new.location.unwrap();
            task.place = format!("{}:{}:{}", place.file(), place.line(), place.column());
            self.tasks.insert(new.id.unwrap().id, task);
        }
        for (id, stats) in update.stats_update {
            self.tasks.entry(id).and_modify(|task| task.stats = stats);
        }
    }

    fn update_resources(&mut self, update: ResourceUpdate) {
        for new in update.new_resources {
            self.resources.insert(new.id.unwrap().id, new);
        }
        for (id, stats) in update.stats_update {
            let attribute = |attribute: &console_api::Attribute| {
                let field = attribute.field.as_ref().unwrap();
                format!("{}{}", text(field), attribute.unit())
            };
            self.attributes.insert(id, stats.attributes.iter().map(attribute).collect());
        }
    }

    fn update_ops(&mut self, update: AsyncOpUpdate) {
        for new in update.new_async_ops {
            self.ops.insert(new.id.unwrap().id, (new.source, new.resource_id.unwrap().id, None));
        }
        for (id, stats) in update.stats_update {
            self.ops.entry(id).and_modify(|op| op.2 = stats.task_id.map(|task| task.id));
        }
    }

    /// Returns whether there is a task of this name and kind for which `is_so` holds.
    fn has_task(&self, name: &str, kind: &str, is_so: impl Fn(&Task) -> bool) -> bool {
        let is_it = |task: &&Task| task.name == name && task.kind == kind;
        self.tasks.values().filter(is_it).any(|task| task.place.starts_with("src/main.rs:") && is_so(task))
    }

    /// Returns whether the task waits, or has waited, for a resource of this kind and type, in an operation of this
    /// source.
    fn has_waited(&self, task: &str, kind: Kind, concrete_type: &str, source: &str) -> bool {
        self.ops.values().any(|(of, resource, by)| {
            let resource = self.resources.get(resource);
            let is_it = |resource: &Resource| {
                resource.concrete_type == concrete_type
                    && resource.kind.as_ref().is_some_and(|is| is.kind.as_ref() == Some(&kind))
            };
            let by = by.and_then(|by| self.tasks.get(&by));
            of == source && resource.is_some_and(is_it) && by.is_some_and(|by| by.name == task)
        })
    }

    /// Returns what is still missing.
    fn missing(&self) -> Vec<&'static str> {
        let polls = |task: &Task| task.stats.poll_stats.as_ref().map_or(0, |stats| stats.polls);
        let is_running = |task: &Task| {
            task.stats.poll_stats.as_ref().is_some_and(|stats| {
                let started = stats.last_poll_started.as_ref().map(|at| (at.seconds, at.nanos));
                let ended = stats.last_poll_ended.as_ref().map(|at| (at.seconds, at.nanos));
                started > ended
            })
        };
        let wakers = |task: &Task| task.stats.waker_clones.checked_sub(task.stats.waker_drops);
        let timer = || Kind::Known(Known::Timer as i32);
        let socket = || Kind::Other("Socket".into());
        let all = [
            ("the root", self.has_task("", "block_on", |task| polls(task) > 0)),
            (
                "the task that ticks",
                self.has_task("ticks", "task", |task| {
                    polls(task) > 2 && task.stats.wakes > 1 && task.stats.self_wakes == 0
                }),
            ),
            ("it waits with one waker", self.has_task("ticks", "task", |task| wakers(task) == Some(1))),
            (
                "its size and id",
                self.has_task("ticks", "task", |task| {
                    task.fields["size.bytes"] != "0" && task.fields["task.id"] != "0"
                }),
            ),
            (
                "the task that wakes itself",
                self.has_task("wakes itself", "task", |task| {
                    task.stats.self_wakes > 100 && task.stats.self_wakes * 2 > task.stats.wakes
                }),
            ),
            (
                "the task that never gives way",
                self.has_task("never gives way", "task", |task| polls(task) == 1 && is_running(task)),
            ),
            (
                "a blocking call that is over",
                self.has_task("blocks", "blocking", |task| {
                    polls(task) == 1 && task.stats.dropped_at.is_some()
                }),
            ),
            ("who waits for an interval", self.has_waited("ticks", timer(), "Interval", "Interval::tick")),
            ("who waits for a sleep", self.has_waited("client", timer(), "Sleep", "Sleep::new_timeout")),
            ("who listens", self.has_waited("server", socket(), "TcpListener", "TcpListener::readable")),
            ("who reads", self.has_waited("client", socket(), "TcpStream", "TcpStream::readable")),
            ("how long a timer is", self.attributes.values().flatten().any(|text| text.ends_with("ms"))),
        ];
        all.iter().filter(|(_, is_seen)| !is_seen).map(|(what, _)| *what).collect()
    }
}

async fn connect(addr: &str, program: &mut Program) -> InstrumentClient<Channel> {
    let endpoint = Endpoint::try_from(format!("http://{addr}")).unwrap();
    loop {
        match endpoint.connect().await {
            Ok(channel) => return InstrumentClient::new(channel),
            // It has not begun to listen.
            Err(_) if program.0.try_wait().unwrap().is_none() => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            Err(error) => panic!("the program has ended: {error}"),
        }
    }
}

#[test]
fn a_client_of_the_console_sees_the_tasks_and_what_they_wait_for() {
    // This port was free just now.
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let program =
        Command::new(env!("CARGO_BIN_EXE_console")).env("TOKIO_CONSOLE_BIND", &addr).spawn().unwrap();
    let mut program = Program(program);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut seen = Seen::default();
    let watch = async {
        let mut client = connect(&addr, &mut program).await;
        let mut updates = client.watch_updates(InstrumentRequest {}).await.unwrap().into_inner();
        while !seen.missing().is_empty() {
            seen.update(updates.message().await.unwrap().expect("the program ended"));
        }
    };
    let limit = Duration::from_secs(60);
    if runtime.block_on(async { tokio::time::timeout(limit, watch).await }).is_err() {
        panic!(
            "missing: {:?}; seen: {:#?}, {:#?}, {:?}",
            seen.missing(),
            seen.tasks,
            seen.ops,
            seen.attributes
        );
    }
}

#[test]
fn it_tells_how_it_is_used() {
    let run = |arg| Command::new(env!("CARGO_BIN_EXE_console")).arg(arg).output().unwrap();
    let help = run("--help");
    assert!(help.status.success() && help.stdout.starts_with(b"usage: console "));
    let wrong = run("now");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.starts_with(b"console: unexpected argument \"now\"\n\nusage: console "));
}
