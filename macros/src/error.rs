//! A mistake in the use of an attribute, and the place in the user's code that it points at.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// The message, and the tokens from and to which it points.
pub(crate) struct Error {
    first: Span,
    last: Span,
    message: String,
}

impl Error {
    pub(crate) fn new(span: Span, message: String) -> Error {
        Error::between(span, span, message)
    }

    /// Makes an error that points at everything from `first` to `last`.
    pub(crate) fn between(first: Span, last: Span, message: String) -> Error {
        Error { first, last, message }
    }

    /// Returns `::core::compile_error! { "message" }`, which is valid as an item and as an expression.
    ///
    /// rustc underlines a macro call from its first token to its last one. `Span::join` would say this more plainly,
    /// but it is not stable.
    pub(crate) fn into_compile_error(self) -> TokenStream {
        let mut text = Literal::string(&self.message);
        text.set_span(self.last);
        let mut braces = Group::new(Delimiter::Brace, TokenTree::from(text).into());
        braces.set_span(self.last);

        let punct = |char, spacing| {
            let mut punct = Punct::new(char, spacing);
            punct.set_span(self.first);
            TokenTree::from(punct)
        };
        let ident = |name| TokenTree::from(Ident::new(name, self.first));
        TokenStream::from_iter([
            punct(':', Spacing::Joint),
            punct(':', Spacing::Alone),
            ident("core"),
            punct(':', Spacing::Joint),
            punct(':', Spacing::Alone),
            ident("compile_error"),
            punct('!', Spacing::Alone),
            TokenTree::from(braces),
        ])
    }
}
