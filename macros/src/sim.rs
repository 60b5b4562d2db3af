//! `#[ayi::sim_test]`: a function that is given a simulation becomes a test that runs it with many seeds.
//!
//! ```text
//! attributes #[test] visibility fn name() {
//!     fn name(sim: &Sim) -> R { … }                       what the user wrote
//!     ::ayi::sim::seeds::Test { name: "…::name", seeds: 1000, body: |sim| outcome(name(sim)) }.run()
//! }
//! ```

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::error::Error;

const HOW: &str = "write `#[ayi::sim_test(seeds = 1000)] fn name(sim: &ayi::sim::Sim) -> Result<(), ayi::sim::Failure> { … }`";

/// How many seeds a test has that does not say so.
const SEEDS: &str = "100";

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = Options::parse(options).and_then(|options| Ok((options, Item::parse(item.clone())?)));
    match parsed {
        Ok((options, item)) => test(options, item),
        Err(error) => TokenStream::from_iter([error.into_compile_error(), item]),
    }
}

struct Options {
    seeds: String,
    krate: String,
}

impl Options {
    fn parse(options: TokenStream) -> Result<Options, Error> {
        let mut found = Options { seeds: SEEDS.to_owned(), krate: "::ayi".to_owned() };
        let tokens: Vec<TokenTree> = options.into_iter().collect();
        for option in tokens.split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',')) {
            let text = |tokens: &[TokenTree]| TokenStream::from_iter(tokens.iter().cloned()).to_string();
            match option {
                [] => {}
                [TokenTree::Ident(name), TokenTree::Punct(mark), value @ ..]
                    if mark.as_char() == '=' && !value.is_empty() =>
                {
                    match name.to_string().as_str() {
                        "seeds" => found.seeds = seeds(value)?,
                        "crate" => found.krate = text(value),
                        other => {
                            let message =
                                format!("unknown option `{other}`: the options are `seeds` and `crate`");
                            return Err(Error::new(name.span(), message));
                        }
                    }
                }
                [first, ..] => {
                    let message = "the options are `seeds = 1000` and `crate = path::to::ayi`".to_owned();
                    return Err(Error::new(first.span(), message));
                }
            }
        }
        Ok(found)
    }
}

fn seeds(value: &[TokenTree]) -> Result<String, Error> {
    let text = value[0].to_string();
    let digits = text.trim_end_matches("u64").replace('_', "");
    match digits.parse::<u64>() {
        Ok(1..) if value.len() == 1 => Ok(digits),
        _ => {
            let message =
                "the value of `seeds` must be a number of at least 1: write `seeds = 1000`".to_owned();
            Err(Error::new(value[0].span(), message))
        }
    }
}

/// The function of the user's.
struct Item {
    /// Attributes and visibility.
    before: Vec<TokenTree>,
    name: Ident,
    /// From `fn` on.
    function: Vec<TokenTree>,
}

impl Item {
    fn parse(item: TokenStream) -> Result<Item, Error> {
        let tokens: Vec<TokenTree> = item.into_iter().collect();
        let is_fn = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn");
        let first = tokens.first().map_or_else(Span::call_site, TokenTree::span);
        let Some(at) = tokens.iter().position(is_fn) else {
            return Err(Error::new(first, format!("`#[ayi::sim_test]` works on functions only: {HOW}")));
        };
        let (before, function) = tokens.split_at(at);
        if let Some(word) = before.iter().find(|token| is_qualifier(token)) {
            let message = format!(
                "`#[ayi::sim_test]` does not work on `{word}` functions, since the test itself runs beside the hosts and not on \
                 one: {HOW}"
            );
            return Err(Error::new(word.span(), message));
        }
        match function {
            [_, TokenTree::Ident(name), TokenTree::Group(arguments), ..]
                if arguments.delimiter() == Delimiter::Parenthesis && !arguments.stream().is_empty() =>
            {
                Ok(Item { before: before.to_vec(), name: name.clone(), function: function.to_vec() })
            }
            _ => {
                let span = function.get(1).map_or(first, TokenTree::span);
                Err(Error::new(
                    span,
                    format!("`#[ayi::sim_test]` passes one argument, the simulation: {HOW}"),
                ))
            }
        }
    }
}

fn is_qualifier(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if ["async", "const", "unsafe", "extern"].contains(&word.to_string().as_str()))
}

fn test(options: Options, item: Item) -> TokenStream {
    let Item { before, name, function } = item;
    let Options { seeds, krate } = options;
    let fn_word = function[0].clone();
    let call = format!(
        "{krate}::sim::seeds::Test {{ \
             name: ::core::concat!(::core::module_path!(), \"::\", ::core::stringify!({name})), \
             seeds: {seeds}, \
             body: |sim| {krate}::sim::seeds::outcome({name}(sim)) \
         }}.run();"
    );
    let mut body = TokenStream::from_iter(function);
    body.extend(call.parse::<TokenStream>().expect("what the macro adds is valid Rust"));
    let mut outer: TokenStream = "#[::core::prelude::v1::test]".parse().expect("an attribute is valid Rust");
    outer.extend(before);
    outer.extend([fn_word, name.into()]);
    outer.extend("()".parse::<TokenStream>().expect("no arguments are valid Rust"));
    outer.extend([TokenTree::from(Group::new(Delimiter::Brace, body))]);
    outer
}
