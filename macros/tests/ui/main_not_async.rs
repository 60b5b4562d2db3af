use std::io;

#[ayi::main]
fn main() -> io::Result<()> {
    Ok(())
}
