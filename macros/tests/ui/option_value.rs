#[ayi::main(crate)]
async fn only_the_name() {}

#[ayi::main(crate, crate = ayi)]
async fn no_value() {}

#[ayi::main(crate =)]
async fn empty() {}

#[ayi::main(crate ayi)]
async fn no_sign() {}

#[ayi::main(crate = 5)]
async fn number() {}

#[ayi::main(crate = ayi::)]
async fn no_end() {}

#[ayi::main(crate = ayi::runtime() ayi)]
async fn call() {}

#[ayi::main(crate = ayi:runtime)]
async fn one_colon() {}

#[ayi::main(crate = "")]
async fn empty_string() {}

#[ayi::main(crate = "0x::(")]
async fn unreadable_string() {}

#[ayi::main(crate = b"ayi")]
async fn bytes() {}

#[ayi::main(crate = ayi, crate = "ayi")]
async fn twice() {}

#[ayi::main(start_paused)]
async fn no_bool() {}

#[ayi::main(start_paused = "true")]
async fn no_bool_either() {}

#[ayi::main(start_paused = true, start_paused = true)]
async fn twice_a_bool() {}

#[ayi::main(flavor = current_thread)]
async fn no_flavor() {}

fn main() {}

#[ayi::main(shutdown_timeout = 10)]
async fn seconds() {}
