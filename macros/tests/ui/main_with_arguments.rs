use std::process::ExitCode;

#[ayi::main]
async fn main(arguments: Vec<String>) -> ExitCode {
    async {}.await;
    println!("{arguments:?}");
    ExitCode::SUCCESS
}
