// What rustc finds in the function is reported once and points there, not at the attribute.

#[ayi::main]
async fn main() -> Result<(), String> {
    let port: u16 = "80";
    Ok::<(), u32>(())
}
