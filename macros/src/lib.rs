//! The attributes `#[ayi::main]` and `#[ayi::test]`.
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
//! | `main.md`, `test.md` | the documentation of the attributes, whose examples are tested with those of `ayi` |
//!
//! In tokio: `tokio-macros/src/entry.rs`.

#![forbid(unsafe_code)]

mod error;
mod expand;
mod function;
mod options;

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

/// The attribute that is being expanded.
#[derive(Clone, Copy)]
enum Runner {
    Main,
    Test,
}

impl Runner {
    fn name(self) -> &'static str {
        match self {
            Runner::Main => "main",
            Runner::Test => "test",
        }
    }
}

/// The attribute as users write it, for error messages.
impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`#[ayi::{}]`", self.name())
    }
}
