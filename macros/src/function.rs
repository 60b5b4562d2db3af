//! Takes the user's function apart, as far as the attributes need to know it.
//!
//! ```text
//! #[doc = "…"] pub(crate) async fn main<T>(a: A) -> R where T: U { … }
//! '----------' '--------' '---'    '--''-----------------------' '---'
//!  attributes  visibility   |      name        signature          end
//!                       qualifiers
//! ```
//!
//! What a part says inside is left to rustc: it sees the same tokens again in the expansion, and
//! its errors then point at what the user wrote.

use std::iter::Peekable;
use std::vec;

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::Runner;
use crate::error::Error;

/// A function under `#[ayi::main]` or `#[ayi::test]`.
pub(crate) struct Function {
    pub(crate) attributes: Vec<TokenTree>,
    pub(crate) visibility: Vec<TokenTree>,
    /// The words before `fn`, and the ABI after `extern`.
    pub(crate) qualifiers: Vec<TokenTree>,
    pub(crate) fn_word: Ident,
    pub(crate) name: Ident,
    pub(crate) signature: Vec<TokenTree>,
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
        let mut signature: Vec<TokenTree> = tokens.collect();
        match (word, name, signature.pop()) {
            (Some(TokenTree::Ident(fn_word)), Some(TokenTree::Ident(name)), Some(end))
                if fn_word.to_string() == "fn" =>
            {
                Ok(Function { attributes, visibility, qualifiers, fn_word, name, signature, end })
            }
            _ => {
                let message = format!("{runner} works on functions only: put it on an `async fn`");
                Err(Error::new(first, message))
            }
        }
    }

    /// Says what keeps a runtime from running this function, if anything does.
    pub(crate) fn check(&self, runner: Runner) -> Result<(), Error> {
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
        if let Some((first, last)) = self.generics() {
            let message = format!(
                "{runner} does not work on generic functions, because nobody would choose the \
                 parameters: {remedy}"
            );
            return Err(Error::between(first, last, message));
        }
        if let Some(arguments) = self.arguments().filter(|group| !group.stream().is_empty()) {
            let message = format!(
                "{runner} does not work on functions with arguments, because nobody would pass \
                 them: {remedy}"
            );
            return Err(Error::new(arguments.span(), message));
        }
        if !self.has_body() {
            let message = format!("{runner} needs a function with a body: {remedy}");
            return Err(Error::new(self.end.span(), message));
        }
        Ok(())
    }

    pub(crate) fn has_body(&self) -> bool {
        // A `$body:block` of a `macro_rules!` macro is in a group without delimiters.
        matches!(self.end, TokenTree::Group(_))
    }

    /// Whether this is a method, which cannot be repeated inside another function.
    pub(crate) fn has_receiver(&self) -> bool {
        let has_self = |group: &Group| group.stream().into_iter().any(|token| is_word(&token, "self"));
        self.arguments().is_some_and(has_self)
    }

    /// The parentheses: the first ones behind the generic parameters, where bounds such as
    /// `F: Fn(u32) -> u32` have parentheses and arrows of their own.
    fn arguments(&self) -> Option<&Group> {
        let behind_generics = match self.generics_end() {
            Some(end) => &self.signature[end + 1..],
            None => &self.signature[..],
        };
        behind_generics.iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group),
            _ => None,
        })
    }

    /// Where the list of generic parameters starts and ends.
    fn generics(&self) -> Option<(Span, Span)> {
        let end = self.generics_end()?;
        Some((self.signature[0].span(), self.signature[end].span()))
    }

    /// The index of the `>` that closes the list of generic parameters.
    fn generics_end(&self) -> Option<usize> {
        let mut depth = 0;
        let mut before = ' ';
        for (index, token) in self.signature.iter().enumerate() {
            let char = match token {
                TokenTree::Punct(punct) => punct.as_char(),
                _ => ' ',
            };
            match char {
                '<' => depth += 1,
                '>' if before != '-' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return (index > 0).then_some(index);
            }
            before = char;
        }
        None
    }

    /// The last segment of an attribute's path that has this name, as in `#[core::…::test]`.
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

/// What a `macro_rules!` macro passes on (`$vis`, `$meta`, `$item`) comes in groups without
/// delimiters. Puts their content in their place, up to `fn`: behind it they keep types together.
fn open_groups(stream: TokenStream) -> Vec<TokenTree> {
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

pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

pub(crate) fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}
