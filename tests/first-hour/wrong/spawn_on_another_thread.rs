//= there is no ayi runtime on this thread
//= On other threads, use a runtime's Handle: Handle::spawn
#[ayi::main]
async fn main() {
    std::thread::spawn(|| ayi::spawn(async {})).join().unwrap();
}
