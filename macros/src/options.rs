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

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree, token_stream};

use crate::Runner;
use crate::error::Error;
use crate::function::{is_double_colon, is_punct, is_word, open_groups};

const KNOWN: &str = "the known options are `crate = path::to::ayi`, `cores = 2`, `start_paused = true`, \
                     `name = \"a name\"`, `shutdown_timeout = \"10s\"` and `flavor = \"current_thread\"`";

const KNOWN_OF_TOKIO: &str = "the known options are `flavor`, `worker_threads`, `start_paused`, `name`, \
                              `unhandled_panic` and `crate`";

/// The options of one attribute, checked.
#[derive(Default)]
pub(crate) struct Options {
    /// Where the crate `ayi`, or the one that stands in for tokio, is found, as the user's code names it.
    pub(crate) krate: TokenStream,
    /// Whether the runtime's time stands still at first.
    start_paused: Option<bool>,
    /// The number of cores on which the function is called, each with a runtime of its own, if that is asked for.
    pub(crate) cores: Option<Cores>,
    pub(crate) flavor: Option<Flavor>,
    worker_threads: Option<i64>,
    name: Option<TokenTree>,
    /// In milliseconds.
    shutdown_timeout: Option<i64>,
    /// The name of a policy, in `UnhandledPanic`.
    unhandled_panic: Option<&'static str>,
}

#[derive(Clone, Copy)]
pub(crate) enum Cores {
    Number(i64),
    All,
}

/// What tokio calls the kind of a runtime.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
    Local,
}

impl Options {
    pub(crate) fn parse(runner: Runner, options: TokenStream) -> Result<Options, Error> {
        let mut tokens = options.into_iter().peekable();
        let (mut found, mut krate) = (Options::default(), None);
        while let Some(token) = tokens.next() {
            let option = option_name(runner, token)?;
            let text = option.to_string();
            let (example, is_twice): (&str, bool) = match text.as_str() {
                "crate" => ("path::to::ayi", krate.is_some()),
                "cores" => ("2", found.cores.is_some()),
                "worker_threads" => ("2", found.worker_threads.is_some()),
                "start_paused" => ("true", found.start_paused.is_some()),
                "name" => ("\"a name\"", found.name.is_some()),
                "shutdown_timeout" => ("\"10s\"", found.shutdown_timeout.is_some()),
                "unhandled_panic" => ("\"ignore\"", found.unhandled_panic.is_some()),
                _ => ("\"current_thread\"", found.flavor.is_some()),
            };
            let value = option_value(&option, example, &mut tokens)?;
            match text.as_str() {
                "crate" => krate = Some(parse_path(value)?),
                "cores" => found.cores = Some(parse_cores(&value)?),
                "worker_threads" => found.worker_threads = Some(parse_workers(&value)?),
                "start_paused" => found.start_paused = Some(parse_bool(&value)?),
                "name" => found.name = Some(parse_name(&value)?),
                "shutdown_timeout" => found.shutdown_timeout = Some(parse_duration(&value)?),
                "unhandled_panic" => found.unhandled_panic = Some(parse_policy(&value)?),
                _ => found.flavor = Some(parse_flavor(runner, &value)?),
            }
            if is_twice {
                let message = format!("the option `{text}` is given twice: keep one of them");
                return Err(Error::new(option.span(), message));
            }
        }
        let default = || format!("::{}", runner.dialect()).parse().expect("a path is valid Rust");
        found.krate = krate.unwrap_or_else(default);
        if runner.is_tokio() && found.flavor.is_none() && !runner.is_test() {
            found.flavor = Some(Flavor::MultiThread);
        }
        found.check_for_flavor()?;
        Ok(found)
    }

    /// What one kind of runtime has and the others have not.
    fn check_for_flavor(&self) -> Result<(), Error> {
        let is_many = self.flavor == Some(Flavor::MultiThread);
        let message = match () {
            () if !is_many && self.worker_threads.is_some() => {
                "`worker_threads` needs `flavor = \"multi_thread\"`: a `current_thread` runtime has none"
            }
            () if is_many && self.start_paused.is_some() => {
                "`start_paused` needs `flavor = \"current_thread\"`: the time of a `multi_thread` runtime never stands still"
            }
            () if is_many && self.unhandled_panic.is_some() => {
                "`unhandled_panic` needs `flavor = \"current_thread\"`"
            }
            () => return Ok(()),
        };
        Err(Error::new(Span::call_site(), message.to_owned()))
    }

    /// The calls that make the builder, after the path of the crate.
    pub(crate) fn builder(&self, runner: Runner) -> TokenStream {
        let mut calls = String::from("::runtime::Builder::");
        calls.push_str(match self.flavor {
            Some(Flavor::MultiThread) => "new_multi_thread()",
            _ => "new_current_thread()",
        });
        if runner.is_tokio() {
            calls.push_str(".enable_all()");
        }
        // A test of tokio's has one worker unless it says otherwise.
        let is_one = runner.is_tokio() && runner.is_test() && self.flavor == Some(Flavor::MultiThread);
        if let Some(workers) = self.worker_threads.or(is_one.then_some(1)) {
            calls.push_str(&format!(".worker_threads({workers})"));
        }
        if let Some(start_paused @ true) = self.start_paused {
            calls.push_str(&format!(".start_paused({start_paused})"));
        }
        if let Some(name) = &self.name {
            calls.push_str(&format!(".name({name})"));
        }
        if let Some(millis) = self.shutdown_timeout {
            calls.push_str(&format!(".shutdown_timeout(::core::time::Duration::from_millis({millis}))"));
        }
        let mut calls: TokenStream = calls.parse().expect("what the macro adds is valid Rust");
        if let Some(policy) = self.unhandled_panic {
            let policy = format!("::runtime::UnhandledPanic::{policy}");
            let mut argument = self.krate.clone();
            argument.extend(policy.parse::<TokenStream>().expect("a path is valid Rust"));
            calls.extend(".unhandled_panic".parse::<TokenStream>().expect("a call is valid Rust"));
            calls.extend([TokenTree::from(Group::new(Delimiter::Parenthesis, argument))]);
        }
        calls
    }

    /// Returns whether `cores` is among options that contain a mistake.
    pub(crate) fn mention_cores(options: TokenStream) -> bool {
        options.into_iter().any(|token| is_word(&token, "cores"))
    }
}

fn option_name(runner: Runner, token: TokenTree) -> Result<Ident, Error> {
    let known = if runner.is_tokio() { KNOWN_OF_TOKIO } else { KNOWN };
    let TokenTree::Ident(name) = token else {
        let message = format!("expected an option, found `{token}`: {known}");
        return Err(Error::new(token.span(), message));
    };
    let text = name.to_string();
    let remedy = match (text.as_str(), runner.is_tokio()) {
        ("crate" | "start_paused" | "flavor" | "name", _) => return Ok(name),
        ("cores" | "shutdown_timeout", false) => return Ok(name),
        ("worker_threads" | "unhandled_panic", true) => return Ok(name),
        ("worker_threads", false) => {
            "an ayi runtime always runs on one thread; `cores = 2` calls the function on two, each with a \
             runtime of its own; "
        }
        ("unhandled_panic", false) => "runtime::Builder::unhandled_panic sets it; ",
        ("cores", true) => "it is one of `#[ayi::main]`; ",
        _ => "",
    };
    Err(Error::new(name.span(), format!("unknown option `{text}`: {remedy}{known}")))
}

fn parse_name(value: &[TokenTree]) -> Result<TokenTree, Error> {
    match value {
        [name @ TokenTree::Literal(literal)] if literal.to_string().starts_with('"') => Ok(name.clone()),
        _ => Err(wrong(value, "the value of `name` must be a string, such as `\"a name\"`")),
    }
}

/// Accepts `"500ms"` and `"10s"`.
fn parse_duration(value: &[TokenTree]) -> Result<i64, Error> {
    let text = text_of(value);
    let text = text.trim_matches('"');
    let millis = match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok(),
        None => text.strip_suffix('s').and_then(|seconds| seconds.parse::<i64>().ok()?.checked_mul(1_000)),
    };
    millis.filter(|millis| *millis >= 0).ok_or_else(|| {
        wrong(value, "the value of `shutdown_timeout` must be a number of seconds or milliseconds: `\"10s\"` or `\"500ms\"`")
    })
}

fn parse_workers(value: &[TokenTree]) -> Result<i64, Error> {
    match parse_integer(&text_of(value)) {
        Some(workers @ 1..) => Ok(workers),
        _ => Err(wrong(value, "the value of `worker_threads` must be a number of at least 1")),
    }
}

fn parse_policy(value: &[TokenTree]) -> Result<&'static str, Error> {
    match text_of(value).as_str() {
        "\"ignore\"" => Ok("Ignore"),
        "\"shutdown_runtime\"" => Ok("ShutdownRuntime"),
        _ => {
            Err(wrong(value, "the value of `unhandled_panic` must be `\"ignore\"` or `\"shutdown_runtime\"`"))
        }
    }
}

fn text_of(value: &[TokenTree]) -> String {
    match value {
        [TokenTree::Literal(literal)] => literal.to_string(),
        _ => String::new(),
    }
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

fn parse_flavor(runner: Runner, value: &[TokenTree]) -> Result<Flavor, Error> {
    let message = match (text_of(value).as_str(), runner.is_tokio()) {
        ("\"current_thread\"", _) => return Ok(Flavor::CurrentThread),
        ("\"multi_thread\"", true) => return Ok(Flavor::MultiThread),
        ("\"local\"", true) => return Ok(Flavor::Local),
        (_, true) => "the kinds of runtimes are `\"current_thread\"`, `\"multi_thread\"` and `\"local\"`",
        ("\"multi_thread\"", false) => {
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
