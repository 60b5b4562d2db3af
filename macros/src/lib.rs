//! The attributes `#[ayi::main]`, `#[ayi::test]` and `#[ayi::sim_test]`.
//!
//! Users take them from the crate `ayi`, which exports them.
//!
//! They are written with `proc_macro` alone: otherwise every program would have to wait until syn and quote are
//! compiled. So the function is read as a list of tokens; rustc parses it before and after.
//!
//! | file | what it does |
//! |---|---|
//! | `function` | takes the function apart and says what is wrong with it |
//! | `options` | reads what stands in the parentheses of the attribute |
//! | `expand` | puts the new function together |
//! | `error` | points at a place in the user's code |
//! | `sim` | `#[ayi::sim_test]` |
//! | `main.md`, `test.md`, `sim_test.md` | the documentation of the attributes, whose examples are tested with those of `ayi` |
//!
//! In tokio: `tokio-macros/src/entry.rs`.

#![forbid(unsafe_code)]

mod error;
mod expand;
mod function;
mod options;
mod sim;

use std::fmt;

use proc_macro::TokenStream;

#[doc = include_str!("main.md")]
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Runner::Main, options, item)
}

#[doc = include_str!("test.md")]
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Runner::Test, options, item)
}

#[doc = include_str!("sim_test.md")]
#[proc_macro_attribute]
pub fn sim_test(options: TokenStream, item: TokenStream) -> TokenStream {
    sim::expand(options, item)
}

/// Like [`macro@main`], with the options and the defaults of tokio's: for the package that stands in for tokio.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn tokio_main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Runner::TokioMain, options, item)
}

/// Like [`macro@test`], with the options and the defaults of tokio's: for the package that stands in for tokio.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn tokio_test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Runner::TokioTest, options, item)
}

/// The attribute that is being expanded.
#[derive(Clone, Copy)]
enum Runner {
    Main,
    Test,
    TokioMain,
    TokioTest,
}

impl Runner {
    fn name(self) -> &'static str {
        if self.is_test() { "test" } else { "main" }
    }

    fn is_test(self) -> bool {
        matches!(self, Runner::Test | Runner::TokioTest)
    }

    /// The crate whose options and defaults the attribute has.
    fn dialect(self) -> &'static str {
        match self {
            Runner::Main | Runner::Test => "ayi",
            Runner::TokioMain | Runner::TokioTest => "tokio",
        }
    }

    fn is_tokio(self) -> bool {
        self.dialect() == "tokio"
    }
}

/// The attribute as users write it, for error messages.
impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`#[{}::{}]`", self.dialect(), self.name())
    }
}
