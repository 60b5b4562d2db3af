//! A program that does not contain the simulated kernel is told what is missing.

#[test]
#[should_panic(expected = "write `ayi::sim::kernel!();` once")]
fn a_simulation_without_the_simulated_kernel() {
    ayi::sim::Sim::new(1);
}
