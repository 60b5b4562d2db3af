//! Puts the new function together.
//!
//! ```text
//! attributes #[test] visibility fn name() -> R {
//!     async fn name() -> R { … }                          what the user wrote
//!     let name = name;
//!     ::ayi::runtime::Builder::new_current_thread().build().expect("…").block_on(name())
//! }
//! ```
//!
//! With `cores = 2`, the last line is `….cores(2).main(|_| name())`. The inner function may take the core then; the
//! outer one takes nothing.
//!
//! 1. The user's tokens keep their spans, so that rustc's errors and panics point into the user's code. The added
//!    tokens have the attribute's place, except for those that rustc points at when the user's types are wrong
//!    (`located`).
//! 2. Attributes stand on the outer function only. Lint levels reach the inner one, which is nested in it. An
//!    `#[expect]` on both would remain unfulfilled on one.
//! 3. Lints and coverage see what the user wrote, and see it once (`braced` and the `let` say how). An `#[allow]`
//!    cannot do that: on the inner function it would reach into the user's body, and under `#![forbid]` it is an error.
//! 4. The inner function has the name of the outer one: a function that calls itself calls the `async` one, as the code
//!    reads.
//! 5. A mistake gives one error. For that the rest still has to compile. The outer function stays, because callers look
//!    for it, and so does the body, because imports are used there.
//!
//! Left out: an `async` block in place of the inner function. It would have no return type, which `?` needs to know. In
//! return it could name `Self`, which the inner function cannot.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::Runner;
use crate::error::Error;
use crate::function::{Function, is_word};
use crate::options::{Cores, Flavor, Options};

const NO_RUNTIME: &str = "cannot create an ayi runtime: the kernel refused an epoll instance or an \
                          eventfd (if files are open up to the limit, see `ulimit -n`)";

pub(crate) fn expand(runner: Runner, options: TokenStream, item: TokenStream) -> TokenStream {
    let function = match Function::parse(item.clone(), runner) {
        Ok(function) => function,
        Err(error) => return TokenStream::from_iter([error.into_compile_error(), item]),
    };
    let on_cores = Options::mention_cores(options.clone());
    let checked = Options::parse(runner, options)
        .and_then(|options| function.check(runner, options.cores.is_some()).map(|()| options));
    match checked {
        Ok(options) => run(function, runner, options),
        Err(error) => report(function, on_cores, error),
    }
}

/// Expands a function that a runtime can run.
fn run(function: Function, runner: Runner, options: Options) -> TokenStream {
    let name = &function.name;
    let mut body = TokenStream::new();
    let mut future = format!("{name}()");
    if function.stands_alone() || options.cores.is_some() {
        body.extend(inner(&function));
        // If nothing is awaited, clippy's `unused_async` says to remove `async`, which would be wrong here. It spares
        // functions that are used as values.
        body.extend(parse(&format!("let {name} = {name};")));
    } else {
        // Its arguments are those of the function that replaces it, and the block borrows them.
        body.extend(parse("let body = async"));
        body.extend([function.end.clone()]);
        body.extend(parse(";"));
        future = String::from("body");
    }
    body.extend(options.krate.clone());
    body.extend(options.builder(runner));
    match options.cores {
        Some(cores) => body.extend(call_on_cores(&function, cores, options.krate)),
        None => {
            let build = if options.flavor == Some(Flavor::Local) {
                "build_local(::core::default::Default::default())"
            } else {
                "build()"
            };
            body.extend(parse(&format!(".{build}.expect({NO_RUNTIME:?}).block_on({future})")));
        }
    }
    let signature = match options.cores {
        Some(_) => function.signature_without_arguments(),
        None => function.signature(),
    };
    let body = braced(body, &function);

    let mut outer = TokenStream::from_iter(function.attributes);
    if runner.is_test() {
        outer.extend(parse("#[::core::prelude::v1::test]"));
    }
    outer.extend(function.visibility);
    outer.extend([TokenTree::from(function.fn_word), function.name.into()]);
    outer.extend(signature);
    outer.extend([body]);
    outer
}

/// Makes `.cores(2).main(|_| name())`, or the same with the core. It is no `async` closure, because not every edition
/// has them.
fn call_on_cores(function: &Function, cores: Cores, krate: TokenStream) -> TokenStream {
    let name = &function.name;
    let mut call = match cores {
        Cores::Number(cores) => parse(&format!(".cores({cores})")),
        Cores::All => parse(".all_cores()"),
    };
    call.extend(located(parse(".main"), function.output_span()));
    let mut main = TokenStream::new();
    if function.has_arguments() {
        // The argument has its type, so that rustc points at the user's argument if that has another.
        main.extend(parse("|core:"));
        main.extend(krate);
        main.extend(parse(&format!("::runtime::Core| {name}")));
        main.extend([in_parentheses(located(parse("core"), function.arguments.span()))]);
    } else {
        main.extend(parse(&format!("|_| {name}()")));
    }
    call.extend([in_parentheses(main)]);
    call
}

/// Puts the error in place of the call that would run the function.
fn report(function: Function, on_cores: bool, error: Error) -> TokenStream {
    let mut body = TokenStream::new();
    if function.has_body() && !function.has_receiver() {
        body.extend(inner(&function));
    }
    body.extend(error.into_compile_error());
    let body = braced(body, &function);

    let signature = match function.name.to_string().as_str() {
        // rustc has rules of its own for what `main` takes and returns.
        "main" => parse("()"),
        _ if on_cores => function.signature_without_arguments(),
        _ => function.signature(),
    };
    // The attributes are left out: one may be the mistake, and another may demand an `async fn`.
    let mut outer = TokenStream::from_iter(function.visibility);
    outer.extend([TokenTree::from(function.fn_word), function.name.into()]);
    outer.extend(signature);
    outer.extend([body]);
    outer
}

/// Returns the function as the user wrote it, to be nested in the one that replaces it.
fn inner(function: &Function) -> TokenStream {
    let qualifier = |name| function.qualifiers.iter().find(|word| is_word(word, name));
    let span_of_async = qualifier("async").map_or_else(Span::call_site, TokenTree::span);

    let mut inner = TokenStream::from(TokenTree::from(Ident::new("async", span_of_async)));
    // `unsafe` is a mistake, but the body may rely on it.
    inner.extend(qualifier("unsafe").cloned());
    inner.extend([TokenTree::from(function.fn_word.clone()), function.name.clone().into()]);
    inner.extend(function.signature());
    inner.extend([function.end.clone()]);
    inner
}

/// Returns the body of the outer function.
///
/// The braces have the attribute's place, so that tools that count lines or record coverage find nothing there. But
/// they count as written by the user: rustc takes a function whose braces come from a macro for the macro's, and is
/// silent if it is unused or not documented.
fn braced(body: TokenStream, function: &Function) -> TokenTree {
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(Span::call_site().resolved_at(function.fn_word.span()));
    braces.into()
}

fn parse(code: &str) -> TokenStream {
    code.parse().expect("what the macro adds is valid Rust")
}

/// Makes rustc's errors about `code` point at `span`. rustc still takes the code for the macro's.
fn located(code: TokenStream, span: Span) -> TokenStream {
    let locate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    code.into_iter().map(locate).collect()
}

fn in_parentheses(code: TokenStream) -> TokenTree {
    Group::new(Delimiter::Parenthesis, code).into()
}
