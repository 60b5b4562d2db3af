//! What stands between the parentheses of `#[ayi::main(…)]`.
//!
//! There is one option, `crate = path`. Whoever comes from tokio may write others; those errors
//! say what stands in their place.

use std::iter::Peekable;

use proc_macro::{Delimiter, Ident, Spacing, Span, TokenStream, TokenTree, token_stream};

use crate::error::Error;
use crate::function::is_punct;

const KNOWN: &str = "the known option is `crate = path::to::ayi`";

/// The options of one attribute, checked.
pub(crate) struct Options {
    /// Where the crate `ayi` is found, as the user's code names it.
    pub(crate) ayi: TokenStream,
}

impl Options {
    pub(crate) fn parse(options: TokenStream) -> Result<Options, Error> {
        let mut tokens = options.into_iter().peekable();
        let mut ayi = None;
        while let Some(token) = tokens.next() {
            let name = option_name(token)?;
            let value = option_value(&name, &mut tokens)?;
            if ayi.replace(parse_path(value)?).is_some() {
                let message = "the option `crate` is given twice: keep one of them";
                return Err(Error::new(name.span(), message.to_owned()));
            }
        }
        Ok(Options { ayi: ayi.unwrap_or_else(|| "::ayi".parse().expect("a path is valid Rust")) })
    }
}

fn option_name(token: TokenTree) -> Result<Ident, Error> {
    let TokenTree::Ident(name) = token else {
        let message = format!("expected an option, found `{token}`: {KNOWN}");
        return Err(Error::new(token.span(), message));
    };
    let text = name.to_string();
    let remedy = match text.as_str() {
        "crate" => return Ok(name),
        "flavor" | "worker_threads" => "an ayi runtime always runs on one thread, so leave it out; ",
        _ => "",
    };
    Err(Error::new(name.span(), format!("unknown option `{text}`: {remedy}{KNOWN}")))
}

/// Takes `= value` and the comma that ends it, if there is one.
fn option_value(
    name: &Ident,
    tokens: &mut Peekable<token_stream::IntoIter>,
) -> Result<Vec<TokenTree>, Error> {
    let mut value = Vec::new();
    if tokens.next_if(|token| is_punct(token, '=')).is_some() {
        value.extend(std::iter::from_fn(|| tokens.next_if(|token| !is_punct(token, ','))));
    }
    if value.is_empty() {
        let message = format!("the option `{name}` needs a value: write `{name} = path::to::ayi`");
        return Err(Error::new(name.span(), message));
    }
    tokens.next_if(|token| is_punct(token, ','));
    Ok(value)
}

/// Accepts `path::to::ayi`, and `"path::to::ayi"` as tokio does.
fn parse_path(value: Vec<TokenTree>) -> Result<TokenStream, Error> {
    let (first, last) = (value[0].span(), value[value.len() - 1].span());
    let path = match value.as_slice() {
        [TokenTree::Literal(literal)] => unquote(&literal.to_string(), literal.span()),
        // A `$path:path` of a `macro_rules!` macro comes in a group without delimiters.
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            Some(group.stream().into_iter().collect())
        }
        _ => Some(value),
    };
    match path {
        Some(path) if is_path(&path) => Ok(path.into_iter().collect()),
        _ => {
            let message = "the value of `crate` must be a path: write `crate = path::to::ayi`";
            Err(Error::between(first, last, message.to_owned()))
        }
    }
}

/// The tokens of the path in a string literal, with the literal's span.
///
/// The text is looked at before it is parsed: where the lexer meets something it cannot read,
/// rustc reports an error of its own beside ours.
fn unquote(literal: &str, span: Span) -> Option<Vec<TokenTree>> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let is_name = |name: &str| {
        name.starts_with(|char: char| char == '_' || char.is_ascii_alphabetic())
            && name.chars().all(|char| char == '_' || char.is_ascii_alphanumeric())
    };
    if !text.strip_prefix("::").unwrap_or(text).split("::").all(is_name) {
        return None;
    }
    let tokens: TokenStream = text.parse().ok()?;
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    Some(tokens.into_iter().map(respan).collect())
}

/// Whether these are names joined by `::`, maybe with a `::` in front.
fn is_path(tokens: &[TokenTree]) -> bool {
    let mut rest = match tokens {
        [first, second, rest @ ..] if is_double_colon(first, second) => rest,
        _ => tokens,
    };
    loop {
        match rest {
            [TokenTree::Ident(_)] => return true,
            [TokenTree::Ident(_), first, second, after @ ..] if is_double_colon(first, second) => {
                rest = after;
            }
            _ => return false,
        }
    }
}

fn is_double_colon(first: &TokenTree, second: &TokenTree) -> bool {
    let TokenTree::Punct(punct) = first else { return false };
    punct.as_char() == ':' && punct.spacing() == Spacing::Joint && is_punct(second, ':')
}
