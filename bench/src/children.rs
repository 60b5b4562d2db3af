//! What this program does when it starts itself, for a process of its own.

use crate::groups::Timed;
use crate::runtimes::on_all;
use crate::sync::counted;
use crate::{memory, serve, works};
use std::io;
use std::process::Command;

pub const MEMORY: &str = "memory";
pub const SPAWN: &str = "spawn";
pub const WAKE: &str = "wake";
pub const SLEEP: &str = "sleep";
pub const DUE: &str = "due";
pub const ONESHOT: &str = "oneshot";
pub const QUESTION: &str = "question";
pub const UNBOUNDED: &str = "unbounded";
pub const BOUNDED: &str = "bounded";

/// What to do, on which runtime, and a number whose meaning depends on the work.
pub struct Order(pub &'static str, pub &'static str, pub usize);

impl Order {
    /// Returns the order as arguments for this program.
    pub fn arguments(&self) -> [String; 4] {
        let Order(work, runtime, n) = self;
        ["--child".into(), work.to_string(), runtime.to_string(), n.to_string()]
    }

    /// Returns this program with these arguments.
    pub fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(self.arguments());
        Ok(command)
    }
}

fn find<T>(functions: impl IntoIterator<Item = (&'static str, T)>, runtime: &str) -> io::Result<T> {
    let found = functions.into_iter().find(|(name, _)| *name == runtime);
    found.map(|(_, function)| function).ok_or_else(|| io::Error::other(format!("there is no {runtime}")))
}

pub fn run(work: &str, runtime: &str, n: u32) -> io::Result<()> {
    let timed: Vec<(&str, Timed)> = match work {
        MEMORY => {
            println!("{}", find(on_all!(memory::of_a_task as fn() -> f64), runtime)?());
            return Ok(());
        }
        SPAWN => on_all!(works::spawn_join as Timed).into(),
        WAKE => on_all!(works::wake_in_task as Timed).into(),
        SLEEP => on_all!(works::sleep as Timed).into(),
        DUE => on_all!(works::due as Timed).into(),
        ONESHOT => counted::oneshot().into(),
        QUESTION => counted::question().into(),
        UNBOUNDED => counted::unbounded().into(),
        BOUNDED => counted::bounded().into(),
        _ => return serve::serve(work, runtime, n as usize),
    };
    find(timed, runtime)?(n);
    Ok(())
}
