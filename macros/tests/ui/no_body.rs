trait Server {
    #[ayi::main]
    async fn run();
}

fn main() {}
