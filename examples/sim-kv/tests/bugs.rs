//! The patches of `bugs/` fit the code: `git apply` would put each in.

use std::path::Path;
use std::process::Command;

#[test]
fn bugs_to_be_put_in_fit_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = ["bugs", "bugs/not-found"].map(|folder| root.join("examples/sim-kv").join(folder));
    let patches = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let patches = patches.map(|entry| entry.unwrap().path());
    let patches: Vec<_> = patches.filter(|path| path.extension().is_some_and(|it| it == "patch")).collect();
    assert!(patches.len() > 20, "only {} were found", patches.len());
    for patch in patches {
        let output = Command::new("git").args(["apply", "--check"]).arg(&patch).current_dir(&root).output();
        let output = output.expect("git is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", patch.display());
    }
}
