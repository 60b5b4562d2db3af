//= there is no ayi runtime on this thread: call this from inside Runtime::block_on or #[ayi::main]
//= Handle::spawn
//= src/main.rs:5
fn main() {
    ayi::spawn(async {});
}
