//= error
//= `async`
//= src/main.rs:5
#[ayi::main]
fn main() {}
