// "sim"
// the same twice
use ayi::sim::Sim;

ayi::sim::kernel!();

fn hash() -> u64 {
    let mut sim = Sim::new(7);
    sim.client("a", async || ayi::time::sleep(ayi::time::Duration::from_secs(60)).await);
    sim.run().unwrap();
    sim.hash()
}

fn main() {
    println!("{}", if hash() == hash() { "the same twice" } else { "different" });
}
