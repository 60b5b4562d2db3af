/// Waits for all of several futures, and returns their outputs as a tuple.
///
/// They are polled in the same task: concurrently, but not in parallel. To run them as tasks, [`spawn`](crate::spawn)
/// them and join the handles. Up to some sixty futures, or other values that can be awaited, are stored in place,
/// without an allocation.
///
/// Each poll begins with another future, so that the first does not use up the task's [budget](crate::task::coop)
/// before the others get a turn. With `biased;` at the beginning they are always polled in order. Do not put a biased
/// `join!` after something that uses up the whole budget at every poll: it gives way whenever there is none left.
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
        $crate::join!(@name { Biased } {} {} $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::join!(@name { Rotating } {} {} $($future,)*)
    };

    // Each future gets a variable: the `future` of each expansion is another one. The list is built from its end, so the
    // names are there in reverse, too.
    (@name $order:tt { $($named:tt)* } { $($reversed:ident)* } $first:expr, $($rest:tt)*) => {
        $crate::join!(@name $order { $($named)* (future = $first) } { future $($reversed)* } $($rest)*)
    };

    // The list of the futures in these variables, of which the last comes first. It is a single expression, so that it is
    // built in its place: unoptimised code copies futures at every step. Four go at once because rustc limits how deep
    // macros go.
    (@list ($new:path) { $($list:tt)* } $d:ident $c:ident $b:ident $a:ident $($reversed:ident)*) => {
        $crate::join!(@list ($new) { $new($a, $new($b, $new($c, $new($d, $($list)*)))) } $($reversed)*)
    };
    (@list ($new:path) { $($list:tt)* } $a:ident $($reversed:ident)*) => {
        $crate::join!(@list ($new) { $new($a, $($list)*) } $($reversed)*)
    };
    (@list ($new:path) { $($list:tt)* }) => { $($list)* };

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
                        is_pending |= $name.poll_is_pending(_cx);
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
            ::core::task::Poll::Ready(($($name.take(),)*))
        }))
        .await
    }};
}
