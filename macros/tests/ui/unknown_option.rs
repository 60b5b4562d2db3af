#[ayi::main(flavor = "multi_thread")]
async fn flavor() {}

#[ayi::main(worker_threads = 4)]
async fn worker_threads() {}

#[ayi::test(unhandled_panic = "shutdown_runtime")]
async fn unhandled_panic() {}

#[ayi::main(crate = ayi, threads)]
async fn threads() {}

#[ayi::main("ayi")]
async fn literal() {}

#[ayi::main(, crate = ayi)]
async fn comma() {}

fn main() {
    flavor();
    worker_threads();
}
