//! Writes the code of the service `teahouse.Teahouse`, as protoc's plugin would.

use tonic_build::manual::{Builder, Method, MethodBuilder, Service};

fn method(name: &str, route: &str, input: &str, output: &str) -> MethodBuilder {
    Method::builder()
        .name(name)
        .route_name(route)
        .input_type(format!("crate::{input}"))
        .output_type(format!("crate::{output}"))
        .codec_path("tonic_prost::ProstCodec")
}

fn main() {
    let teahouse = Service::builder()
        .package("teahouse")
        .name("Teahouse")
        .method(method("brew", "Brew", "Order", "Cup").build())
        .method(method("refill", "Refill", "Order", "Cup").server_streaming().build())
        .method(method("pay", "Pay", "Coin", "Receipt").client_streaming().build())
        .method(method("talk", "Talk", "Word", "Word").client_streaming().server_streaming().build())
        .build();
    Builder::new().compile(&[teahouse]);
}
