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
        $crate::try_join!(@name { Biased } {} {} $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::try_join!(@name { Rotating } {} {} $($future,)*)
    };

    // Each future gets a variable: the `future` of each expansion is another one. The list is built from its end, so the
    // names are there in reverse, too.
    (@name $order:tt { $($named:tt)* } { $($reversed:ident)* } $first:expr, $($rest:tt)*) => {
        $crate::try_join!(@name $order { $($named)* (future = $first) } { future $($reversed)* } $($rest)*)
    };

    // All futures have a variable.
    (@name { $order:ident } { $(($name:ident = $future:expr))* } { $($reversed:ident)* }) => {{
        // Each is a statement of its own, so that temporaries it borrows live until the end.
        $(let $name = $future;)*
        let mut futures =
            ::core::pin::pin!($crate::join!(@list ($crate::__private::maybe_done) { () } $($reversed)*));
        let mut order: $crate::__private::$order = ::core::default::Default::default();
        // The closure keeps a pointer to the futures, and the order. An order that never changes takes no space.
        ::core::future::poll_fn(move |cx| $crate::__private::Order::poll(&mut order, cx, |first, _cx| {
            let mut is_pending = false;
            // The futures from `first` on are polled, and then those before it.
            for is_second_round in [false, true] {
                let mut _index = 0u16;
                let _rest = futures.as_mut();
                $(
                    let ($name, _rest) = _rest.split();
                    if (_index < *first) == is_second_round {
                        match $name.try_poll_is_pending(_cx) {
                            ::core::result::Result::Ok(pending) => is_pending |= pending,
                            ::core::result::Result::Err(error) => {
                                return ::core::task::Poll::Ready(::core::result::Result::Err(error));
                            }
                        }
                    }
                    _index += 1;
                )*
            }
            if is_pending {
                let count = 0u16 $(+ { let _ = ::core::stringify!($name); 1 })*;
                *first = if *first + 1 < count { *first + 1 } else { 0 };
                return ::core::task::Poll::Pending;
            }
            let _rest = futures.as_mut();
            $(let ($name, _rest) = _rest.split();)*
            ::core::task::Poll::Ready(::core::result::Result::Ok(($($name.take_value(),)*)))
        }))
        .await
    }};
}
