//! The page of a run that fails: `target/sim/TEST-SEED.html`.

use super::{IS_QUIET, Run, Test, run_on};
use crate::sim::Sim;
use std::path::PathBuf;
use std::{env, fs, thread};

impl Test {
    /// Repeats a run that has failed, records it, and writes its page. Returns a line that says where the page is.
    pub(super) fn page(&self, run: &Run) -> String {
        let (seed, spared, hash, body) = (run.seed, run.is_spared.clone(), run.hash, self.body);
        let path = folder().join(format!("{}-{seed}.html", self.short_name().replace("::", "-")));
        let records = thread::Builder::new().name(format!("{} seed {seed}", self.name)).spawn(move || {
            IS_QUIET.set(true);
            let sim = Sim::new(seed);
            sim.record();
            let again = run_on(&sim, body, spared);
            if again.hash != hash {
                return Err("the run that was to be recorded was another one".to_owned());
            }
            sim.write_page(&path).map_err(|error| error.to_string())?;
            Ok(path)
        });
        match records.expect("a thread can be started").join() {
            Ok(Ok(path)) => format!("what all hosts did: {}\n", path.display()),
            Ok(Err(why)) => format!("there is no page of what all hosts did: {why}\n"),
            // The run itself has ended like this, and that is told.
            Err(_) => String::new(),
        }
    }
}

/// The folder `sim` in that which Cargo builds into, or else in that for temporary files.
fn folder() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    // Cargo marks it: https://bford.info/cachedir
    let target = program.ancestors().filter(|folder| folder.join("CACHEDIR.TAG").exists()).last();
    let folder = target.map(|target| target.join("sim"));
    folder
        .filter(|folder| fs::create_dir_all(folder).is_ok())
        .unwrap_or_else(|| env::temp_dir().join("ayi-sim"))
}
