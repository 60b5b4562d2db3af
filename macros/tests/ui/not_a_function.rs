#[ayi::main]
pub struct Server;

#[ayi::main]
impl Server {
    pub const PORT: u16 = 80;
}

#[ayi::main]
#[allow(dead_code)]
const PORT: u16 = Server::PORT;

#[ayi::test]
mod tests {
    fn addition() {}
}

fn main() {}
