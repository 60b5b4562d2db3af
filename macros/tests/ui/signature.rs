#[ayi::main]
const fn constant() -> u32 {
    7
}

#[ayi::main]
pub extern "C" fn exported() {}

#[ayi::test]
fn not_async() {}

#[ayi::test]
async fn with_arguments(_: u32) {}

#[ayi::test]
async fn with_generics<T>() {}

fn main() {
    // The functions remain what callers think they are.
    let seven: u32 = constant();
    println!("{seven}");
    exported();
}
