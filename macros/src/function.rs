//! Takes the user's function apart, as far as the attributes need it.
//!
//! ```text
//! #[doc = "…"] pub(crate) async fn main<T>(a: A) -> R where T: U { … }
//! '----------' '--------' '---'    '--''-''----' '-------------' '---'
//!  attributes  visibility   |      name |    |         rest       end
//!                       qualifiers generics arguments
//! ```
//!
//! The inside of each part is left to rustc: it sees the same tokens again in the expansion, and its errors then point
//! at what the user wrote.

use std::iter::Peekable;
use std::vec;

use proc_macro::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};

use crate::Runner;
use crate::error::Error;

/// A function under one of the attributes.
pub(crate) struct Function {
    pub(crate) attributes: Vec<TokenTree>,
    pub(crate) visibility: Vec<TokenTree>,
    /// The words before `fn`, and the ABI after `extern`.
    pub(crate) qualifiers: Vec<TokenTree>,
    pub(crate) fn_word: Ident,
    pub(crate) name: Ident,
    generics: Vec<TokenTree>,
    pub(crate) arguments: Group,
    /// The return type, and the `where` clause.
    rest: Vec<TokenTree>,
    /// The body, or the semicolon in its place.
    pub(crate) end: TokenTree,
}

impl Function {
    pub(crate) fn parse(item: TokenStream, runner: Runner) -> Result<Function, Error> {
        let mut tokens = open_groups(item).into_iter().peekable();
        let attributes = take_attributes(&mut tokens);
        let visibility = take_visibility(&mut tokens);
        let first = tokens.peek().map_or_else(Span::call_site, TokenTree::span);
        let qualifiers = take_qualifiers(&mut tokens);

        let (word, name) = (tokens.next(), tokens.next());
        let mut rest: Vec<TokenTree> = tokens.collect();
        let generics = take_generics(&mut rest);
        let arguments = take_arguments(&mut rest);
        match (word, name, arguments, rest.pop()) {
            (Some(TokenTree::Ident(fn_word)), Some(TokenTree::Ident(name)), Some(arguments), Some(end))
                if fn_word.to_string() == "fn" =>
            {
                Ok(Function {
                    attributes,
                    visibility,
                    qualifiers,
                    fn_word,
                    name,
                    generics,
                    arguments,
                    rest,
                    end,
                })
            }
            _ => {
                let message = format!("{runner} works on functions only: put it on an `async fn`");
                Err(Error::new(first, message))
            }
        }
    }

    /// Returns the reason, if there is one, why a runtime, or one runtime per core, cannot run this function.
    pub(crate) fn check(&self, runner: Runner, on_cores: bool) -> Result<(), Error> {
        let remedy = format!("write `async fn {}() {{ … }}`", self.name);

        if let Some(span) = self.attribute_named(runner.name()) {
            let message =
                format!("this attribute and {runner} would both run the function: remove one of them");
            return Err(Error::new(span, message));
        }
        if let Some(word) = self.qualifiers.iter().find(|word| !is_word(word, "async")) {
            let message = format!("{runner} does not work on `{word}` functions: {remedy}");
            return Err(Error::new(word.span(), message));
        }
        if self.qualifiers.is_empty() {
            let message = format!("{runner} needs an `async` function: {remedy}");
            return Err(Error::new(self.fn_word.span(), message));
        }
        let generics = self.generics.as_slice();
        if let ([first, .., last], true) = (generics, on_cores || self.is_called_by_nobody(runner)) {
            let message = format!(
                "{runner} does not work on generic functions, because nobody would choose the \
                 parameters: {remedy}"
            );
            return Err(Error::between(first.span(), last.span(), message));
        }
        self.check_arguments(runner, on_cores)?;
        if !self.has_body() {
            let message = format!("{runner} needs a function with a body: {remedy}");
            return Err(Error::new(self.end.span(), message));
        }
        Ok(())
    }

    fn check_arguments(&self, runner: Runner, on_cores: bool) -> Result<(), Error> {
        let name = &self.name;
        let message = match (self.count_arguments(), on_cores) {
            (0, _) => return Ok(()),
            (_, false) if !self.is_called_by_nobody(runner) => return Ok(()),
            (1, true) if !self.has_receiver() => return Ok(()),
            (_, true) => format!(
                "with `cores`, {runner} passes one argument, the core, and nobody would pass others: write \
                 `async fn {name}(core: ayi::runtime::Core) {{ … }}`"
            ),
            (_, false) => format!(
                "{runner} does not work on functions with arguments, because nobody would pass them: write \
                 `async fn {name}() {{ … }}`; with the option `cores` it may have one, the core"
            ),
        };
        Err(Error::new(self.arguments.span(), message))
    }

    /// Returns whether it is the program's `main`, or a test, to which nobody passes anything.
    fn is_called_by_nobody(&self, runner: Runner) -> bool {
        runner.is_test() || self.name.to_string() == "main"
    }

    /// Returns whether the function can be repeated inside another one, which calls it without arguments.
    pub(crate) fn stands_alone(&self) -> bool {
        !self.has_arguments() && self.generics.is_empty()
    }

    pub(crate) fn has_body(&self) -> bool {
        // A `$body:block` of a `macro_rules!` macro is in a group without delimiters.
        matches!(self.end, TokenTree::Group(_))
    }

    /// Returns whether this is a method, which cannot be repeated inside another function.
    pub(crate) fn has_receiver(&self) -> bool {
        let tokens: Vec<TokenTree> = self.arguments.stream().into_iter().collect();
        let is_receiver = |index: usize| match &tokens[index..] {
            // This is the beginning of a path, as in `core: self::Core`.
            [_, first, second, ..] if is_double_colon(first, second) => false,
            [word, ..] => is_word(word, "self"),
            [] => false,
        };
        (0..tokens.len()).any(is_receiver)
    }

    pub(crate) fn has_arguments(&self) -> bool {
        !self.arguments.stream().is_empty()
    }

    fn count_arguments(&self) -> usize {
        let tokens: Vec<TokenTree> = self.arguments.stream().into_iter().collect();
        let is_comma = |token| is_punct(token, ',');
        let commas =
            tokens.iter().zip(open_angles(&tokens)).filter(|&(token, open)| open == 0 && is_comma(token));
        let has_another = tokens.last().is_some_and(|last| !is_comma(last));
        commas.count() + usize::from(has_another)
    }

    /// Returns where the return type begins, after `->`.
    pub(crate) fn output_span(&self) -> Span {
        self.rest.get(2).map_or_else(Span::call_site, TokenTree::span)
    }

    pub(crate) fn signature(&self) -> TokenStream {
        self.signature_with(self.arguments.clone())
    }

    /// Returns the signature for callers that pass nothing.
    pub(crate) fn signature_without_arguments(&self) -> TokenStream {
        let mut nothing = Group::new(Delimiter::Parenthesis, TokenStream::new());
        nothing.set_span(self.arguments.span());
        self.signature_with(nothing)
    }

    fn signature_with(&self, arguments: Group) -> TokenStream {
        let mut signature = TokenStream::from_iter(self.generics.iter().cloned());
        signature.extend([TokenTree::from(arguments)]);
        signature.extend(self.rest.iter().cloned());
        signature
    }

    /// Returns the last segment of an attribute's path that has this name, as in `#[core::…::test]`.
    fn attribute_named(&self, name: &str) -> Option<Span> {
        self.attributes.iter().find_map(|token| {
            let TokenTree::Group(attribute) = token else { return None };
            let path = open_groups(attribute.stream()).into_iter().take_while(|token| match token {
                TokenTree::Ident(_) => true,
                token => is_punct(token, ':'),
            });
            path.last().filter(|last| is_word(last, name)).map(|last| last.span())
        })
    }
}

type Tokens = Peekable<vec::IntoIter<TokenTree>>;

fn take_attributes(tokens: &mut Tokens) -> Vec<TokenTree> {
    let mut attributes = Vec::new();
    while let Some(hash) = tokens.next_if(|token| is_punct(token, '#')) {
        attributes.push(hash);
        attributes.extend(tokens.next());
    }
    attributes
}

fn take_visibility(tokens: &mut Tokens) -> Vec<TokenTree> {
    let mut visibility = Vec::new();
    if let Some(word) = tokens.next_if(|token| is_word(token, "pub")) {
        visibility.push(word);
        visibility.extend(tokens.next_if(|token| matches!(token, TokenTree::Group(_))));
    }
    visibility
}

fn take_qualifiers(tokens: &mut Tokens) -> Vec<TokenTree> {
    let is_qualifier = |token: &TokenTree| match token {
        TokenTree::Literal(_) => true,
        word => ["async", "const", "extern", "safe", "unsafe"].iter().any(|name| is_word(word, name)),
    };
    std::iter::from_fn(|| tokens.next_if(is_qualifier)).collect()
}

/// Takes everything up to the `>` that closes the list of generic parameters. Bounds such as `F: Fn(u32) -> u32`
/// contain parentheses and arrows.
fn take_generics(signature: &mut Vec<TokenTree>) -> Vec<TokenTree> {
    let closing = open_angles(signature).position(|open| open == 0);
    let end = closing.filter(|&closing| closing > 0).map_or(0, |closing| closing + 1);
    signature.drain(..end).collect()
}

fn take_arguments(signature: &mut Vec<TokenTree>) -> Option<Group> {
    match signature.first() {
        Some(TokenTree::Group(arguments)) if arguments.delimiter() == Delimiter::Parenthesis => {
            let arguments = arguments.clone();
            signature.remove(0);
            Some(arguments)
        }
        _ => None,
    }
}

/// Opens groups without delimiters up to `fn`: a `macro_rules!` macro passes on `$vis`, `$meta` and `$item` in such
/// groups. After `fn` they stay, because there they keep types together.
pub(crate) fn open_groups(stream: TokenStream) -> Vec<TokenTree> {
    let mut tokens = Vec::new();
    for token in stream {
        match token {
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::None
                    && !tokens.iter().any(|token| is_word(token, "fn")) =>
            {
                tokens.extend(open_groups(group.stream()));
            }
            token => tokens.push(token),
        }
    }
    tokens
}

/// Returns how many `<` are open after each of the tokens.
fn open_angles(tokens: &[TokenTree]) -> impl Iterator<Item = i32> {
    let (mut depth, mut before) = (0, ' ');
    tokens.iter().map(move |token| {
        let char = match token {
            TokenTree::Punct(punct) => punct.as_char(),
            _ => ' ',
        };
        match char {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = char;
        depth
    })
}

pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

pub(crate) fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

pub(crate) fn is_double_colon(first: &TokenTree, second: &TokenTree) -> bool {
    let TokenTree::Punct(punct) = first else { return false };
    punct.as_char() == ':' && punct.spacing() == Spacing::Joint && is_punct(second, ':')
}
