//= cannot find `fs` in `ayi`
//= the item is gated behind the `fs` feature
#[ayi::main]
async fn main() {
    let _ = ayi::fs::read("tea").await;
}
