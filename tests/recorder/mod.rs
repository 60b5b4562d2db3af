//! A subscriber of `tracing` that records what it is told.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

pub type Fields = BTreeMap<String, String>;

#[derive(Clone, Default)]
pub struct Recorder(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Ordered by their numbers, which begin with 1.
    spans: Vec<Span>,
    /// What was told, and of which span.
    log: Vec<(u64, String)>,
}

struct Span {
    fields: Fields,
    /// How many handles there are.
    handles: usize,
}

/// Numbers and texts as they are.
struct Text<'a>(&'a mut Fields);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().into(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }
}

impl Recorder {
    /// Installs it for all threads of this process, from here on.
    pub fn install() -> Recorder {
        let recorder = Recorder::default();
        tracing::subscriber::set_global_default(recorder.clone()).unwrap();
        recorder
    }

    /// Returns the number of the span, existing or closed, that has all these fields, including `name` and `target`.
    fn find(&self, fields: &[(&str, &str)]) -> Option<u64> {
        let state = self.0.state.lock().unwrap();
        let fits = |span: &Span| {
            fields.iter().all(|(name, value)| span.fields.get(*name).is_some_and(|is| is == value))
        };
        let found: Vec<usize> = (0..state.spans.len()).filter(|index| fits(&state.spans[*index])).collect();
        assert!(found.len() <= 1, "several spans with {fields:?}");
        found.first().map(|index| *index as u64 + 1)
    }

    pub fn fields(&self, fields: &[(&str, &str)]) -> Fields {
        let number = self.find(fields).unwrap_or_else(|| panic!("no span with {fields:?}"));
        self.0.state.lock().unwrap().spans[number as usize - 1].fields.clone()
    }

    /// Returns what was told of the span with these fields, in order.
    pub fn told(&self, fields: &[(&str, &str)]) -> Vec<String> {
        let Some(number) = self.find(fields) else { return Vec::new() };
        let state = self.0.state.lock().unwrap();
        state.log.iter().filter(|(of, _)| *of == number).map(|(_, what)| what.clone()).collect()
    }

    /// Returns what was told of a task with this name.
    pub fn told_of_task(&self, name: &str) -> Vec<String> {
        self.told(&[("name", "runtime.spawn"), ("task.name", name)])
    }

    /// Returns how many spans there were, and how many things were told.
    pub fn count(&self) -> (usize, usize) {
        let state = self.0.state.lock().unwrap();
        (state.spans.len(), state.log.len())
    }

    /// Waits until `is_so`, for what other threads tell.
    pub fn wait_until(&self, mut is_so: impl FnMut(&Recorder) -> bool) {
        while !is_so(self) {
            let state = self.0.state.lock().unwrap();
            // The timeout is for what was told in between.
            drop(self.0.changed.wait_timeout(state, std::time::Duration::from_millis(10)).unwrap());
        }
    }

    fn note(&self, span: u64, what: impl Into<String>) {
        self.0.state.lock().unwrap().log.push((span, what.into()));
        self.0.changed.notify_all();
    }
}

thread_local! {
    /// The spans that this thread is in.
    static INSIDE: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("runtime")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let metadata = span.metadata();
        let mut fields = Fields::new();
        span.record(&mut Text(&mut fields));
        fields.insert("name".into(), metadata.name().into());
        fields.insert("target".into(), metadata.target().into());
        let parent = INSIDE.with_borrow(|inside| inside.last().copied());
        let parent = if span.is_root() { None } else { span.parent().map(Id::into_u64).or(parent) };
        parent.inspect(|parent| drop(fields.insert("parent".into(), parent.to_string())));
        let number = {
            let mut state = self.0.state.lock().unwrap();
            state.spans.push(Span { fields, handles: 1 });
            state.spans.len() as u64
        };
        self.note(number, "open");
        Id::from_u64(number)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    /// A waker's event belongs to the task that it names; any other event belongs to the innermost span.
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Text(&mut fields));
        if event.metadata().target() == "runtime::waker" {
            return self.note(fields["task.id"].parse().unwrap(), &fields["op"]);
        }
        let span = INSIDE.with_borrow(|inside| *inside.last().expect("an event outside of all spans"));
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let target = event.metadata().target().rsplit("::").next().unwrap();
        self.note(span, format!("{target} {}", fields.join(" ")));
    }

    fn enter(&self, span: &Id) {
        INSIDE.with_borrow_mut(|inside| inside.push(span.into_u64()));
        self.note(span.into_u64(), "enter");
    }

    fn exit(&self, span: &Id) {
        let innermost = INSIDE.with_borrow_mut(Vec::pop);
        assert_eq!(innermost, Some(span.into_u64()));
        self.note(span.into_u64(), "exit");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.state.lock().unwrap().spans[id.into_u64() as usize - 1].handles += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let is_closed = {
            let handles = &mut self.0.state.lock().unwrap().spans[id.into_u64() as usize - 1].handles;
            *handles -= 1;
            *handles == 0
        };
        if is_closed {
            self.note(id.into_u64(), "close");
        }
        is_closed
    }
}
