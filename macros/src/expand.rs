//! Puts the new function together.
//!
//! ```text
//! attributes #[test] visibility fn name() -> R {
//!     async fn name() -> R { … }                          what the user wrote
//!     let name = name;
//!     ::ayi::runtime::Runtime::new().expect("…").block_on(name())
//! }
//! ```
//!
//! 1. The user's tokens keep their spans, so rustc's errors and panics point into their code. The
//!    added ones are in the place of the attribute.
//! 2. Attributes stand on the outer function only. Lint levels reach the inner one, which is
//!    nested in it; an `#[expect]` on both would remain unfulfilled on one.
//! 3. Lints and coverage see what the user wrote, and see it once (`braced` and the `let` say
//!    how). No `#[allow]` does that: on the inner function it would reach into the user's body,
//!    and under `#![forbid]` it is an error.
//! 4. The inner function has the name of the outer one: a function that calls itself calls the
//!    `async` one, as it reads.
//! 5. A mistake gives one error. For that the rest still has to compile: the outer function
//!    stays, because callers look for it, and so does the body, because imports are used there.
//!
//! Left out: an `async` block in place of the inner function would have no return type, which
//! `?` needs to know. What it could do and the inner function cannot is name `Self`.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::Runner;
use crate::error::Error;
use crate::function::{Function, is_word};
use crate::options::Options;

const NO_RUNTIME: &str = "cannot create an ayi runtime: the kernel refused an epoll instance or an \
                          eventfd (if files are open up to the limit, see `ulimit -n`)";

pub(crate) fn expand(runner: Runner, options: TokenStream, item: TokenStream) -> TokenStream {
    let function = match Function::parse(item.clone(), runner) {
        Ok(function) => function,
        Err(error) => return TokenStream::from_iter([error.into_compile_error(), item]),
    };
    match Options::parse(options).and_then(|options| function.check(runner).map(|()| options)) {
        Ok(options) => run(function, runner, options),
        Err(error) => report(function, error),
    }
}

/// The expansion of a function that a runtime can run.
fn run(function: Function, runner: Runner, options: Options) -> TokenStream {
    let name = &function.name;
    let mut body = inner(&function);
    // Where nothing is awaited, clippy's `unused_async` says to remove `async`, which would be
    // wrong here. It spares functions that are used as values.
    body.extend(parse(&format!("let {name} = {name};")));
    body.extend(options.ayi);
    let runtime = match options.start_paused {
        true => "Builder::new_current_thread().start_paused(true).build()",
        false => "Runtime::new()",
    };
    body.extend(parse(&format!("::runtime::{runtime}.expect({NO_RUNTIME:?}).block_on({name}())")));
    let body = braced(body, &function);

    let mut outer = TokenStream::from_iter(function.attributes);
    if let Runner::Test = runner {
        outer.extend(parse("#[::core::prelude::v1::test]"));
    }
    outer.extend(function.visibility);
    outer.extend([TokenTree::from(function.fn_word), function.name.into()]);
    outer.extend(function.signature);
    outer.extend([body]);
    outer
}

/// The error, in place of the call that would run the function.
fn report(function: Function, error: Error) -> TokenStream {
    let mut body = TokenStream::new();
    if function.has_body() && !function.has_receiver() {
        body.extend(inner(&function));
    }
    body.extend(error.into_compile_error());
    let body = braced(body, &function);

    // Without the attributes: one may be the mistake, and another may demand an `async fn`.
    let mut outer = TokenStream::from_iter(function.visibility);
    let is_main = function.name.to_string() == "main";
    outer.extend([TokenTree::from(function.fn_word), function.name.into()]);
    if is_main {
        // rustc has rules of its own for what `main` takes and returns.
        outer.extend(parse("()"));
    } else {
        outer.extend(function.signature);
    }
    outer.extend([body]);
    outer
}

/// The function as the user wrote it, nested in the one that replaces it.
fn inner(function: &Function) -> TokenStream {
    let qualifier = |name| function.qualifiers.iter().find(|word| is_word(word, name));
    let span_of_async = qualifier("async").map_or_else(Span::call_site, TokenTree::span);

    let mut inner = TokenStream::from(TokenTree::from(Ident::new("async", span_of_async)));
    // `unsafe` is a mistake, but the body may rely on it.
    inner.extend(qualifier("unsafe").cloned());
    inner.extend([TokenTree::from(function.fn_word.clone()), function.name.clone().into()]);
    inner.extend(function.signature.iter().cloned());
    inner.extend([function.end.clone()]);
    inner
}

/// The body of the outer function.
///
/// The braces are in the place of the attribute, so that what counts lines or records coverage
/// finds nothing there. But they count as written by the user: rustc takes a function whose braces
/// come from a macro for the macro's, and is silent if it is unused or not documented.
fn braced(body: TokenStream, function: &Function) -> TokenTree {
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(Span::call_site().resolved_at(function.fn_word.span()));
    braces.into()
}

fn parse(code: &str) -> TokenStream {
    code.parse().expect("what the macro adds is valid Rust")
}
