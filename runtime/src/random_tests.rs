//! Tests with random inputs. One that fails prints its seed.

use fastrand::Rng;

/// Runs `test` with 256 new seeds, or with the one of `AYI_SEED`.
pub(crate) fn with_seeds(test: impl Fn(&mut Rng)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the test fails with AYI_SEED={}", self.0);
            }
        }
    }
    let given = std::env::var("AYI_SEED").ok().map(|seed| seed.parse().expect("AYI_SEED is a number"));
    let (first, count) = given.map_or_else(|| (fastrand::u64(..), 256), |seed| (seed, 1));
    for seed in (0..count).map(|number| first.wrapping_add(number)) {
        let _seed = Seed(seed);
        test(&mut Rng::with_seed(seed));
    }
}
