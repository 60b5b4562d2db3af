/// Waits for the first of several futures, and runs the code that belongs to it.
///
/// ```text
/// select! {
///     biased;                                        // optional
///     pattern = future, if condition => handler,     // the condition is optional
///     pattern = future => { … }                      // no comma needed after a block
///     else => handler,                               // optional
/// }
/// ```
///
/// 1. The conditions are evaluated; a branch whose condition is false takes no part.
/// 2. All future expressions are evaluated, even those of branches that take no part. The futures of these are not
///    polled.
/// 3. The futures are polled in the same task. Each poll begins with another one at random, so that a future that is
///    always ready does not starve the others. With `biased;` they are always polled in the order in which they are
///    written. That is cheaper, and useful if one must go first.
/// 4. When one is ready and its output matches the pattern, all futures are dropped, and the handler runs. The value of
///    `select!` is that of the handler. If the output does not match, the branch takes no further part.
/// 5. If no branch takes part any longer, the `else` handler runs.
///
/// Handlers run after the futures are dropped, so several may use the same variable mutably. In a handler, `.await`,
/// `?`, `break`, `continue` and `return` do what they do around `select!`. Nothing is allocated.
///
/// # Panics
///
/// Panics if no branch takes part and there is no `else`.
///
/// # Cancel safety
///
/// The futures of the other branches are dropped in the middle of their work. In a loop this happens again and again,
/// so use futures there that lose nothing: `TcpListener::accept`, `read` and `readable` of sockets and pipes, `recv` of
/// channels, `JoinSet::join_next`, `Interval::tick`, `sleep`, and JoinHandles by `&mut`. `read_exact`, `read_line`,
/// `write_all` and `copy` may have moved a part when they are dropped: pin such a future outside of the loop, and give
/// `select!` a `&mut` of it. The documentation of each item says which kind it is.
///
/// # Examples
///
/// Two channels of `tokio::sync`, until both are closed:
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (sender, mut orders) = tokio::sync::mpsc::channel(8);
/// let (cancel, mut cancelled) = tokio::sync::mpsc::channel::<()>(1);
/// ayi::spawn(async move {
///     for tea in ["green", "black"] {
///         sender.send(tea).await.unwrap();
///     }
///     drop(cancel);
/// });
/// let mut served = Vec::new();
/// loop {
///     ayi::select! {
///         Some(tea) = orders.recv() => served.push(tea),
///         Some(()) = cancelled.recv() => break,
///         else => break,
///     }
/// }
/// assert_eq!(served, ["green", "black"]);
/// # }
/// ```
///
/// A future that continues from one round to the next:
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::time::{Duration, interval, sleep};
///
/// let mut kettle = std::pin::pin!(sleep(Duration::from_millis(3)));
/// let mut ticks = interval(Duration::from_millis(1));
/// let mut count = 0;
/// loop {
///     ayi::select! {
///         _ = ticks.tick() => count += 1,
///         () = &mut kettle => break,
///     }
/// }
/// assert!(count > 0);
/// # }
/// ```
#[macro_export]
macro_rules! select {
    // One branch after the other is taken off the input. Each gets a variable of its own, because the `future` of each
    // expansion is another one, and a way: the pattern by which its output, `value`, is found in that of the whole. It is
    // `First(value)` for the first branch, `Rest(First(value))` for the second, and so on. If no branch is left, the
    // output of the whole is `Rest(Rest(…()))`.
    //
    // The list of futures is built from its end, so the names are there in reverse, too.

    (@branch $start:tt $ways:tt $done:tt $reversed:tt else => $handler:expr $(,)?) => {
        $crate::select!(@expand $start $ways $done $reversed { $handler })
    };
    (@branch $start:tt $ways:tt $done:tt $reversed:tt) => {
        $crate::select!(@expand $start $ways $done $reversed {
            ::core::panic!("select!: all branches are disabled and there is no else branch")
        })
    };

    (@branch $start:tt ($value:ident { $($way:tt)* }) { $($done:tt)* } { $($reversed:ident)* }
     $pattern:pat = $future:expr $(, if $condition:expr)? => $handler:block, $($rest:tt)*) => {
        $crate::select!(@branch $start
            ($value { $crate::__private::Either::Rest($($way)*) })
            { $($done)* (future { $($way)* }; $pattern = $future $(, if $condition)? => $handler) }
            { future $($reversed)* } $($rest)*)
    };
    (@branch $start:tt ($value:ident { $($way:tt)* }) { $($done:tt)* } { $($reversed:ident)* }
     $pattern:pat = $future:expr $(, if $condition:expr)? => $handler:block $($rest:tt)*) => {
        $crate::select!(@branch $start
            ($value { $crate::__private::Either::Rest($($way)*) })
            { $($done)* (future { $($way)* }; $pattern = $future $(, if $condition)? => $handler) }
            { future $($reversed)* } $($rest)*)
    };
    (@branch $start:tt ($value:ident { $($way:tt)* }) { $($done:tt)* } { $($reversed:ident)* }
     $pattern:pat = $future:expr $(, if $condition:expr)? => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@branch $start
            ($value { $crate::__private::Either::Rest($($way)*) })
            { $($done)* (future { $($way)* }; $pattern = $future $(, if $condition)? => $handler) }
            { future $($reversed)* } $($($rest)*)?)
    };

    (@expand { $start:expr } ($value:ident $next:tt) {
        $((
            $name:ident { $($way:tt)* };
            $pattern:pat = $future:expr $(, if $condition:expr)? => $handler:expr
        ))*
    } { $($reversed:ident)* } { $else:expr }) => {{
        let output = {
            // A bit per branch.
            let mut disabled = [0u8; (0usize $(+ { let _ = ::core::stringify!($name); 1 })*).div_ceil(8)];
            let disabled = &mut disabled;
            let mut _index = 0u32;
            $(
                let is_enabled: bool = true $(&& $condition)?;
                if !is_enabled {
                    $crate::__private::disable(disabled, _index);
                }
                _index += 1;
            )*
            // Each is a statement of its own, so that temporaries it borrows live until the futures are gone.
            $(let $name = $future;)*
            let mut futures = ::core::pin::pin!(
                $crate::join!(@list ($crate::__private::future) { () } $($reversed)*)
            );
            // The closure keeps two pointers: to the futures, and to the bits. A round costs one operation, even if all
            // its futures are of crates that know no budget.
            let output = ::core::future::poll_fn(move |cx| $crate::__private::poll_composed(cx, &mut false, |cx| {
                let start: fn(u32) -> u32 = $start;
                let first = start(0u32 $(+ { let _ = ::core::stringify!($name); 1 })*);
                let mut is_pending = false;
                // The futures from `first` on are polled, and then those before it.
                let mut is_second_round = false;
                loop {
                    // What makes the output of the whole of an output of the rest of the branches.
                    let whole = $crate::__private::whole(&futures);
                    let mut _index = 0u32;
                    let _rest = futures.as_mut();
                    $(
                        let ($name, _rest) = _rest.split();
                        'branch: {
                            if (_index < first) != is_second_round || $crate::__private::is_disabled(disabled, _index) {
                                break 'branch;
                            }
                            // An arm leaves the block, so that rustc takes a type that nothing else tells, such as that
                            // of a future which only panics, for `()` or `!`.
                            #[allow(unused_mut)]
                            let mut value = match ::core::future::Future::poll($name, cx) {
                                ::core::task::Poll::Ready(value) => value,
                                ::core::task::Poll::Pending => {
                                    is_pending = true;
                                    break 'branch;
                                }
                            };
                            $crate::__private::disable(disabled, _index);
                            // Checks the match without moving out of the output: the guard always refuses it.
                            let mut fits = false;
                            #[allow(unused_variables, unused_mut, unreachable_patterns)]
                            match value {
                                $pattern if { fits = true; false } => ::core::unreachable!(),
                                _ => {}
                            }
                            if fits {
                                let output = whole($crate::__private::Either::First(value));
                                return ::core::task::Poll::Ready(output);
                            }
                        }
                        let whole = move |output| whole($crate::__private::Either::Rest(output));
                        _index += 1;
                    )*
                    if is_second_round {
                        let none = ::core::task::Poll::Ready(whole(()));
                        return if is_pending { ::core::task::Poll::Pending } else { none };
                    }
                    is_second_round = true;
                }
            }))
            .await;
            output
        };
        // The futures are dropped by now.
        match output {
            $(
                $($way)* => {
                    #[allow(unused_mut)]
                    let mut value = $value;
                    #[allow(unreachable_patterns)]
                    match value {
                        $pattern => $handler,
                        _ => ::core::unreachable!("it has been seen to fit"),
                    }
                }
            )*
            _ => $else,
        }
    }};

    // What users write. It comes last, because the rules above begin with an `@`.
    (biased; $($branches:tt)*) => {
        $crate::select!(@branch { |_| 0 } (value { $crate::__private::Either::First(value) }) {} {} $($branches)*)
    };
    ($($branches:tt)*) => {
        $crate::select!(@branch { $crate::__private::random_below }
            (value { $crate::__private::Either::First(value) }) {} {} $($branches)*)
    };
}
