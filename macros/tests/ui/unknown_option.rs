#[ayi::main(flavor = "current_thread")]
async fn flavor() {}

#[ayi::main(worker_threads = 4)]
async fn worker_threads() {}

#[ayi::test(start_paused = true)]
async fn start_paused() {}

#[ayi::main(crate = ayi, name)]
async fn name() {}

#[ayi::main("ayi")]
async fn literal() {}

#[ayi::main(, crate = ayi)]
async fn comma() {}

fn main() {
    flavor();
    worker_threads();
}
