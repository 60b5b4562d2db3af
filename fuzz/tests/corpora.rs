//! Runs the corpora and random inputs, on any compiler: what fuzzing has found once stays found.

use std::fs;
use std::path::Path;

/// The number of random inputs of each target.
const RANDOM: u64 = 1_000;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "there is no corpus");
    files.sort();
    for file in &files {
        // If the input fails, this is the last line.
        println!("{}", file.display());
        target(&fs::read(file).unwrap());
    }
    for seed in 0..RANDOM {
        println!("random input {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let len = random.usize(..400);
        let mut data: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
        // Every second input consists of two halves of known ones.
        if seed % 2 == 1 {
            data = [random.choice(&files).unwrap(), random.choice(&files).unwrap()]
                .into_iter()
                .flat_map(|file| {
                    let mut bytes = fs::read(file).unwrap();
                    bytes.drain(..random.usize(..=bytes.len() / 2));
                    bytes
                })
                .collect();
        }
        target(&data);
    }
}

#[test]
fn http() {
    replay("http", ayi_fuzz::http);
}

#[test]
fn recording() {
    replay("recording", ayi_fuzz::recording);
}

#[test]
fn redis() {
    replay("redis", ayi_fuzz::redis);
}

#[test]
fn timers() {
    replay("timers", ayi_fuzz::timers);
}

#[test]
fn tasks() {
    replay("tasks", ayi_fuzz::tasks);
}
