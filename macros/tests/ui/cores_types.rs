// rustc points at what does not fit: at an argument that is not the core, at an output that tells no failure.

use ayi::runtime::Core;

#[ayi::main(cores = 2)]
async fn number(_number: u32) {}

#[ayi::main(cores = 2)]
async fn reference(_core: &Core) -> Result<(), String> {
    Ok(())
}

#[ayi::main(cores = 2)]
async fn output() -> u32 {
    1
}

#[ayi::main(cores = 2)]
async fn output_with_core(_: Core) -> impl std::process::Termination {}

fn main() {}
