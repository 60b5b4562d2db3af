use ayi::runtime::Core;

const CORES: usize = 2;

#[ayi::main(cores = 0)]
async fn zero(core: Core) -> usize {
    core.index()
}

#[ayi::main(cores = 0x0_usize)]
async fn zero_in_hexadecimal() {}

#[ayi::main(cores = -2)]
async fn negative() {}

#[ayi::main(cores = "2")]
async fn string() {}

#[ayi::main(cores = "max", crate = ayi)]
async fn unknown_string() {}

#[ayi::main(cores = 2u8)]
async fn small() {}

#[ayi::main(cores = 2.0)]
async fn fraction() {}

#[ayi::main(cores = 99999999999999999999)]
async fn huge() {}

#[ayi::main(cores = CORES)]
async fn constant() {}

#[ayi::test(cores = all)]
async fn without_quotes() {}

#[ayi::main(cores = num_cpus::get() / 2)]
async fn expression() {}

#[ayi::main(cores = 1 2)]
async fn two_numbers() {}

#[ayi::main(cores)]
async fn only_the_name() {}

#[ayi::main(cores = 2, cores = "all")]
async fn twice() {}

macro_rules! define {
    ($name:ident, $cores:expr) => {
        #[ayi::main(cores = $cores)]
        async fn $name() {}
    };
}

define!(right, 2);
define!(wrong, 1 - 1);

fn main() {
    // Callers pass nothing, and that is no mistake.
    let _: usize = zero();
    constant();
    right();
    let _ = CORES;
}
