/// Waits for all of several futures that give a `Result`, or for the first error.
///
/// If all are `Ok`, it gives a tuple of their values; if one is an error, that is given at once, and the other futures
/// are dropped. All errors are of one type. Otherwise it is as [`join!`](crate::join).
///
/// # Cancel safety
///
/// If it is dropped, so are the futures, and the outputs of those that were done.
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

    // Gives each future a variable: the `future` of each expansion is another one.
    (@name { $rotate:expr } { $($named:tt)* } $first:expr, $($rest:tt)*) => {
        $crate::try_join!(@name { $rotate } { $($named)* (future = $first) } $($rest)*)
    };

    // All have one.
    (@name { $rotate:expr } { $(($name:ident = $future:expr))* }) => {{
        $(
            // By itself, so that what it borrows of temporaries lives until the end.
            let $name = $future;
            let mut $name = ::core::pin::pin!($crate::__private::MaybeDone::new($name));
        )*
        let count = 0u32 $(+ { let _ = &$name; 1 })*;
        let mut first = 0u32;
        let mut was_put_off = false;
        ::core::future::poll_fn(move |cx| $crate::__private::poll_composed(cx, &mut was_put_off, |_cx| {
            let mut is_pending = false;
            // Those from `first` on, and then those before it.
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
