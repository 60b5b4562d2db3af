//! What stands between the parentheses of `#[ayi::main(…)]`.
//!
//! | option | value |
//! |---|---|
//! | `crate` | a path: where `ayi` is found |
//! | `cores` | a number, or `"all"`: on how many cores the function is called |
//! | `start_paused` | `true` or `false` |
//! | `flavor` | `"current_thread"`, which changes nothing: for programs that come from tokio |
//!
//! tokio's other options are refused, and the error names the alternative.

use std::iter::Peekable;

use proc_macro::{Ident, Span, TokenStream, TokenTree, token_stream};

use crate::error::Error;
use crate::function::{is_double_colon, is_punct, is_word, open_groups};

const KNOWN: &str = "the known options are `crate = path::to::ayi`, `cores = 2`, `start_paused = true` \
                     and `flavor = \"current_thread\"`";

/// The options of one attribute, checked.
pub(crate) struct Options {
    /// Where the crate `ayi` is found, as the user's code names it.
    pub(crate) ayi: TokenStream,
    /// Whether the runtime's time stands still at first.
    pub(crate) start_paused: bool,
    /// The number of cores on which the function is called, each with a runtime of its own, if that is asked for.
    pub(crate) cores: Option<Cores>,
}

pub(crate) enum Cores {
    Number(i64),
    All,
}

impl Options {
    pub(crate) fn parse(options: TokenStream) -> Result<Options, Error> {
        let mut tokens = options.into_iter().peekable();
        let (mut ayi, mut start_paused, mut flavor, mut cores) = (None, None, None, None);
        while let Some(token) = tokens.next() {
            let name = option_name(token)?;
            let (is_twice, text) = match name.to_string().as_str() {
                "crate" => {
                    let value = option_value(&name, "path::to::ayi", &mut tokens)?;
                    (ayi.replace(parse_path(value)?).is_some(), "crate")
                }
                "cores" => {
                    let value = option_value(&name, "2", &mut tokens)?;
                    (cores.replace(parse_cores(&value)?).is_some(), "cores")
                }
                "start_paused" => {
                    let value = option_value(&name, "true", &mut tokens)?;
                    (start_paused.replace(parse_bool(&value)?).is_some(), "start_paused")
                }
                _ => {
                    let value = option_value(&name, "\"current_thread\"", &mut tokens)?;
                    (flavor.replace(check_flavor(&value)?).is_some(), "flavor")
                }
            };
            if is_twice {
                let message = format!("the option `{text}` is given twice: keep one of them");
                return Err(Error::new(name.span(), message));
            }
        }
        let ayi = ayi.unwrap_or_else(|| "::ayi".parse().expect("a path is valid Rust"));
        Ok(Options { ayi, start_paused: start_paused.unwrap_or(false), cores })
    }

    /// Returns whether `cores` is among options that contain a mistake.
    pub(crate) fn mention_cores(options: TokenStream) -> bool {
        options.into_iter().any(|token| is_word(&token, "cores"))
    }
}

fn option_name(token: TokenTree) -> Result<Ident, Error> {
    let TokenTree::Ident(name) = token else {
        let message = format!("expected an option, found `{token}`: {KNOWN}");
        return Err(Error::new(token.span(), message));
    };
    let text = name.to_string();
    let remedy = match text.as_str() {
        "crate" | "cores" | "start_paused" | "flavor" => return Ok(name),
        "worker_threads" => {
            "an ayi runtime always runs on one thread; `cores = 2` calls the function on two, each with a \
             runtime of its own; "
        }
        "unhandled_panic" => "runtime::Builder::unhandled_panic sets it; ",
        _ => "",
    };
    Err(Error::new(name.span(), format!("unknown option `{text}`: {remedy}{KNOWN}")))
}

fn parse_bool(value: &[TokenTree]) -> Result<bool, Error> {
    match value {
        [TokenTree::Ident(word)] if word.to_string() == "true" => Ok(true),
        [TokenTree::Ident(word)] if word.to_string() == "false" => Ok(false),
        _ => Err(wrong(value, "the value of `start_paused` must be `true` or `false`")),
    }
}

fn parse_cores(value: &[TokenTree]) -> Result<Cores, Error> {
    let text = match value {
        [TokenTree::Literal(literal)] => literal.to_string(),
        [minus, TokenTree::Literal(literal)] if is_punct(minus, '-') => format!("-{literal}"),
        _ => String::new(),
    };
    let message = match (text.as_str(), parse_integer(&text)) {
        ("\"all\"", _) => return Ok(Cores::All),
        (_, Some(number @ 1..)) => return Ok(Cores::Number(number)),
        (_, Some(..1)) => {
            "the value of `cores` must be at least 1, or nothing would call the function: write `cores = 2`, \
             or `cores = \"all\"`"
        }
        ("", _) => {
            "the value of `cores` must be a number, such as `2`, or `\"all\"`: a number that is known only \
             when the program runs goes to `runtime::Builder::cores`"
        }
        _ => "the value of `cores` must be a `usize`, such as `2`, or `\"all\"`",
    };
    Err(wrong(value, message))
}

/// Returns the value of a literal, in any of the ways that Rust has to write a `usize`.
fn parse_integer(literal: &str) -> Option<i64> {
    let digits = literal.strip_suffix("usize").unwrap_or(literal).replace('_', "");
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        _ => (digits.as_str(), 10),
    };
    i64::from_str_radix(digits, radix).ok()
}

fn check_flavor(value: &[TokenTree]) -> Result<(), Error> {
    let text = match value {
        [TokenTree::Literal(literal)] => literal.to_string(),
        _ => String::new(),
    };
    let message = match text.as_str() {
        "\"current_thread\"" => return Ok(()),
        "\"multi_thread\"" => {
            "an ayi runtime always runs on one thread: write `cores = 2` instead, which calls the function on \
             two, each with a runtime of its own"
        }
        _ => "an ayi runtime always runs on one thread: write `\"current_thread\"` or leave it out",
    };
    Err(wrong(value, message))
}

fn wrong(value: &[TokenTree], message: &str) -> Error {
    Error::between(value[0].span(), value[value.len() - 1].span(), message.to_owned())
}

/// Takes `= value` and the comma that ends it, if there is one.
fn option_value(
    name: &Ident,
    example: &str,
    tokens: &mut Peekable<token_stream::IntoIter>,
) -> Result<Vec<TokenTree>, Error> {
    let mut value = Vec::new();
    if tokens.next_if(|token| is_punct(token, '=')).is_some() {
        value.extend(std::iter::from_fn(|| tokens.next_if(|token| !is_punct(token, ','))));
    }
    let value = open_groups(TokenStream::from_iter(value));
    if value.is_empty() {
        let message = format!("the option `{name}` needs a value: write `{name} = {example}`");
        return Err(Error::new(name.span(), message));
    }
    tokens.next_if(|token| is_punct(token, ','));
    Ok(value)
}

/// Accepts `path::to::ayi`, and `"path::to::ayi"` as tokio does.
fn parse_path(value: Vec<TokenTree>) -> Result<TokenStream, Error> {
    let error = wrong(&value, "the value of `crate` must be a path: write `crate = path::to::ayi`");
    let path = match value.as_slice() {
        [TokenTree::Literal(literal)] => unquote(&literal.to_string(), literal.span()),
        _ => Some(value),
    };
    match path {
        Some(path) if is_path(&path) => Ok(path.into_iter().collect()),
        _ => Err(error),
    }
}

/// Returns the tokens of the path in a string literal, with the literal's span.
///
/// The text is checked before it is parsed: if the lexer meets something it cannot read, rustc reports an error of its
/// own in addition to ours.
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

/// Returns whether these are names joined by `::`, with or without a `::` in front.
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
