//= src/main.rs:5
//= block_on
#[ayi::main]
async fn main() {
    ayi::runtime::Runtime::new().unwrap().block_on(async {});
}
