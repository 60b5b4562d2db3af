#[ayi::test]
#[test]
async fn below() {}

#[ayi::test]
#[should_panic]
#[::core::prelude::v1::test]
async fn far_below() {
    panic!();
}

#[ayi::test]
#[ayi::test]
async fn twice() {}

#[ayi::main]
#[ayi::main]
async fn main() {}
