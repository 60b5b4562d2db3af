/// Waits for all of several futures, and returns their outputs as a tuple.
///
/// They are polled in the same task: concurrently, but not in parallel. To run them as tasks, [`spawn`](crate::spawn)
/// them and join the handles. Up to some sixty futures, or other values that can be awaited, are stored in place,
/// without an allocation.
///
/// Each poll begins with another future, so that the first does not use up the task's [budget](crate::task::coop)
/// before the others get a turn. With `biased;` at the beginning they are always polled in order.
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
/// let (a, b) = ayi::join!(async { 1 }, async { "two" });
/// assert_eq!((a, b), (1, "two"));
/// # }
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::join!(@name { false } {} $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::join!(@name { true } {} $($future,)*)
    };

    // Each future gets a variable: the `future` of each expansion is another one.
    (@name { $rotate:expr } { $($named:tt)* } $first:expr, $($rest:tt)*) => {
        $crate::join!(@name { $rotate } { $($named)* (future = $first) } $($rest)*)
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
                    }
                    _index += 1;
                )*
            }
            if is_pending {
                first = if $rotate && first + 1 < count { first + 1 } else { 0 };
                return ::core::task::Poll::Pending;
            }
            ::core::task::Poll::Ready(($($name.as_mut().take(),)*))
        }))
        .await
    }};
}
