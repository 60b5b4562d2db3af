use ayi::runtime::Core;

struct Server;

impl Server {
    #[ayi::main(cores = 2)]
    async fn run(&self) -> u32 {
        self.port()
    }

    fn port(&self) -> u32 {
        80
    }
}

#[ayi::main(cores = 2)]
async fn two(core: Core, number: usize) -> usize {
    core.index() + number
}

#[ayi::test(cores = "all")]
async fn two_in_a_test(_: Core, (_a, _b): (u8, u8),) {}

#[ayi::main(cores = 2)]
fn not_async(core: Core) -> usize {
    core.index()
}

#[ayi::main(cores = 2)]
async fn main(core: Core, _: Core) {
    println!("{core:?}");
    Server.port();
    println!("{}", two() + not_async());
}
