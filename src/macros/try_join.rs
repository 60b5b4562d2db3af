/// Waits for all of several futures that return a `Result`, or for the first error.
///
/// If all are `Ok`, the result is a tuple of their values. If one is an error, that is returned at once, and the other
/// futures are dropped. All errors are of one type. Otherwise it is like [`join!`](crate::join).
///
/// # Cancel safety
///
/// If the whole is dropped, so are the futures, and the outputs of those that were done.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// async fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
///     text.parse()
/// }
/// assert_eq!(ayi::try_join!(parse("1"), parse("2")), Ok((1, 2)));
/// assert!(ayi::try_join!(parse("1"), parse("two")).is_err());
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::try_join!(@name { false } {} $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::try_join!(@name { true } {} $($future,)*)
    };

    // Each future gets a variable: the `future` of each expansion is another one.
    (@name { $rotate:expr } { $($named:tt)* } $first:expr, $($rest:tt)*) => {
        $crate::try_join!(@name { $rotate } { $($named)* (future = $first) } $($rest)*)
    };

    // All futures have a variable.
    (@name { $rotate:expr } { $(($name:ident = $future:expr))* }) => {{
        $(
            // It is a statement of its own, so that temporaries it borrows live until the end.
            let $name = $future;
            let mut $name = ::core::pin::pin!($crate::__private::MaybeDone::new($name));
        )*
        let count = 0u32 $(+ { let _ = &$name; 1 })*;
        let mut first = 0u32;
        let mut was_put_off = false;
        ::core::future::poll_fn(move |cx| $crate::__private::poll_composed(cx, &mut was_put_off, |_cx| {
            let mut is_pending = false;
            // The futures from `first` on are polled, and then those before it.
            for is_second_round in [false, true] {
                let mut _index = 0u32;
                $(
                    if (_index < first) == is_second_round {
                        is_pending |= $name.as_mut().poll_is_pending(_cx);
                        if let ::core::option::Option::Some(error) = $name.as_mut().take_error() {
                            return ::core::task::Poll::Ready(::core::result::Result::Err(error));
                        }
                    }
                    _index += 1;
                )*
            }
            if is_pending {
                first = if $rotate && first + 1 < count { first + 1 } else { 0 };
                return ::core::task::Poll::Pending;
            }
            ::core::task::Poll::Ready(::core::result::Result::Ok(($($name.as_mut().take_value(),)*)))
        }))
        .await
    }};
}
