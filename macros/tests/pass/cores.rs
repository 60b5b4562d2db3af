//! The option `cores`, with and without an argument, with each kind of output.

#![deny(warnings, unused, missing_docs, unreachable_pub, unused_qualifications, unused_results)]
#![deny(rust_2018_idioms, rust_2024_compatibility, let_underscore_drop, single_use_lifetimes)]
#![forbid(unsafe_code, dead_code, unused_must_use)]

use std::error::Error;
use std::process::ExitCode;

use ayi::runtime::Core;

mod framework {
    pub(crate) use ayi as runtime;
}

#[ayi::main(cores = 2)]
async fn nothing() {}

#[ayi::main(cores = "all")]
#[expect(unused_qualifications)]
async fn all(core: self::Core) -> Result<u16, Box<dyn Error + Send + Sync>> {
    assert!(core.index() < core.count());
    Ok("80".parse()?)
}

#[ayi::main(cores = 1_usize, start_paused = true, flavor = "current_thread")]
async fn exit_code(_: Core) -> ExitCode {
    ExitCode::SUCCESS
}

#[framework::runtime::main(crate = framework::runtime, cores = 0x_2,)]
async fn renamed(core: Core,) -> Result<usize, String> {
    std::future::ready(Ok(core.count())).await
}

#[framework::runtime::main(cores = 0b11, crate = "framework::runtime")]
async fn renamed_without_argument() {}

/// More than one comma may belong to one argument.
type First<A, B> = <(A, B) as Pair>::First;

trait Pair {
    type First;
}

impl<A, B> Pair for (A, B) {
    type First = A;
}

#[ayi::main(cores = 0o1)]
async fn main(core: First<Core, fn(u8, u8) -> u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
    assert_eq!(core.count(), 1);
    // On a thread of a core there is no room for another runtime.
    let calls = std::thread::spawn(|| {
        nothing();
        renamed_without_argument();
        assert_eq!(renamed(), Ok(2));
        assert_eq!(exit_code(), ExitCode::SUCCESS);
        all().is_ok_and(|port| port == 80)
    });
    assert!(calls.join().unwrap());
    Ok(())
}
