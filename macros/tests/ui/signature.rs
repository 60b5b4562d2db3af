struct Server;

impl Server {
    #[ayi::main]
    async fn run(&self) -> u32 {
        self.port().await
    }

    async fn port(&self) -> u32 {
        80
    }
}

#[ayi::main]
const fn constant() -> u32 {
    7
}

#[ayi::main]
pub extern "C" fn exported() {}

#[ayi::main]
async fn doubled(number: u32) -> u32 {
    number * 2
}

#[ayi::test]
fn not_async() {}

#[ayi::test]
async fn with_arguments(_: u32) {}

#[ayi::test]
async fn with_generics<T>() {}

fn main() {
    // The functions remain what callers think they are.
    let sum: u32 = Server.run() + constant() + doubled(3);
    println!("{sum}");
    exported();
}
