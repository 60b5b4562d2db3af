//! A function that others call may have arguments, also `self`, and generics.

use std::fmt::Debug;

struct Server {
    port: u16,
}

impl Server {
    #[ayi::main]
    async fn run(&mut self, add: u16) -> u16 {
        self.port += add;
        self.port().await
    }

    async fn port(&self) -> u16 {
        self.port
    }
}

#[ayi::main]
async fn describe<T: Debug, const N: usize>(mut things: [T; N], first: T) -> Result<String, std::fmt::Error> {
    if N == 0 {
        return Err(std::fmt::Error);
    }
    things[0] = first;
    async {}.await;
    Ok(format!("{things:?}"))
}

fn main() {
    let mut server = Server { port: 80 };
    assert_eq!(server.run(8_000), 8_080);
    assert_eq!(server.port, 8_080);
    assert_eq!(describe([1, 2], 7).unwrap(), "[7, 2]");
    assert!(describe::<u8, 0>([], 7).is_err());
}
