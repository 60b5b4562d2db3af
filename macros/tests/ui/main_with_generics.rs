#[ayi::main]
async fn main<F: Fn(u32) -> Vec<Vec<u32>>, const N: usize>() -> Result<(), F>
where
    F: std::fmt::Debug,
{
    Ok(())
}
