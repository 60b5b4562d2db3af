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
/// 2. All future expressions are evaluated, those of branches that take no part too. What they give is not polled then.
/// 3. The futures are polled, in the same task, each time beginning with another one at random, so that none that is
///    always ready starves the others. With `biased;` always in the order in which they are written: cheaper, and
///    useful where one must go first.
/// 4. When one is ready and its output fits the pattern, all futures are dropped, and the handler runs. The value of
///    `select!` is that of the handler. If the output does not fit, the branch takes no part any more.
/// 5. If no branch takes part any more, the `else` handler runs.
///
/// Handlers run after the futures are dropped, so several may use the same variable mutably, and `.await`, `?`,
/// `break`, `continue` and `return` do in them what they do around `select!`. Nothing is allocated.
///
/// # Panics
///
/// If no branch takes part and there is no `else`.
///
/// # Cancel safety
///
/// The futures of the other branches are dropped in the middle of what they do. In a loop this happens again and
/// again, so use there what loses nothing: `TcpListener::accept`, `read` and `readable` of sockets and pipes,
/// `recv` of channels, `JoinSet::join_next`, `Interval::tick`, `sleep`, and JoinHandles by `&mut`. `read_exact`,
/// `read_line`, `write_all` and `copy` may have moved a part when they are dropped: pin such a future outside of the
/// loop, and give `select!` a `&mut` of it. Each item's documentation says which it is.
///
/// # Examples
///
/// Two channels, until both are closed:
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
/// A future that goes on from one round to the next:
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
    // One branch after the other is taken off the input and put into normal form: a condition, a handler that is an
    // expression, and three variables of its own (each expansion's are others).

    (@branch $start:tt { $($done:tt)* } else => $handler:expr $(,)?) => {
        $crate::select!(@expand $start { $($done)* } { $handler })
    };
    (@branch $start:tt { $($done:tt)* }) => {
        $crate::select!(@expand $start { $($done)* } {
            ::core::panic!("select!: all branches are disabled and there is no else branch")
        })
    };

    (@branch $start:tt { $($done:tt)* }
     $pattern:pat = $future:expr, if $condition:expr => $handler:block, $($rest:tt)*) => {
        $crate::select!(@branch $start {
            $($done)* (future enabled output; $pattern = $future, if $condition => $handler)
        } $($rest)*)
    };
    (@branch $start:tt { $($done:tt)* }
     $pattern:pat = $future:expr => $handler:block, $($rest:tt)*) => {
        $crate::select!(@branch $start {
            $($done)* (future enabled output; $pattern = $future, if true => $handler)
        } $($rest)*)
    };
    (@branch $start:tt { $($done:tt)* }
     $pattern:pat = $future:expr, if $condition:expr => $handler:block $($rest:tt)*) => {
        $crate::select!(@branch $start {
            $($done)* (future enabled output; $pattern = $future, if $condition => $handler)
        } $($rest)*)
    };
    (@branch $start:tt { $($done:tt)* }
     $pattern:pat = $future:expr => $handler:block $($rest:tt)*) => {
        $crate::select!(@branch $start {
            $($done)* (future enabled output; $pattern = $future, if true => $handler)
        } $($rest)*)
    };
    (@branch $start:tt { $($done:tt)* }
     $pattern:pat = $future:expr, if $condition:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@branch $start {
            $($done)* (future enabled output; $pattern = $future, if $condition => $handler)
        } $($($rest)*)?)
    };
    (@branch $start:tt { $($done:tt)* }
     $pattern:pat = $future:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@branch $start {
            $($done)* (future enabled output; $pattern = $future, if true => $handler)
        } $($($rest)*)?)
    };

    (@expand { $start:expr } {
        $(($name:ident $enabled:ident $output:ident; $pattern:pat = $future:expr, if $condition:expr => $handler:expr))*
    } { $else:expr }) => {{
        $(
            let mut $output = ::core::option::Option::None;
            let mut $enabled: bool = $condition;
        )*
        {
            $(
                // By itself, so that what it borrows of temporaries lives until the futures are gone.
                let $name = $future;
                let mut $name = ::core::pin::pin!(::core::future::IntoFuture::into_future($name));
            )*
            let count = 0u32 $(+ { let _ = &$name; 1 })*;
            let start: fn(u32) -> u32 = $start;
            // A round costs one operation, also if all its futures are of crates that know no budget.
            ::core::future::poll_fn(|cx| $crate::__private::poll_composed(cx, &mut false, |cx| {
                let first = start(count);
                let mut is_pending = false;
                // Those from `first` on, and then those before it.
                for is_second_round in [false, true] {
                    let mut _index = 0u32;
                    $(
                        if (_index < first) == is_second_round && $enabled {
                            match ::core::future::Future::poll($name.as_mut(), cx) {
                                ::core::task::Poll::Pending => is_pending = true,
                                ::core::task::Poll::Ready(value) => {
                                    $enabled = false;
                                    // Whether it fits, without taking it apart: the guard refuses it in any case.
                                    let mut fits = false;
                                    #[allow(unused_mut)]
                                    let mut value = value;
                                    #[allow(unused_variables, unused_mut, unreachable_patterns)]
                                    match value {
                                        $pattern if { fits = true; false } => ::core::unreachable!(),
                                        _ => {}
                                    }
                                    if fits {
                                        $output = ::core::option::Option::Some(value);
                                        return ::core::task::Poll::Ready(());
                                    }
                                }
                            }
                        }
                        _index += 1;
                    )*
                }
                if is_pending { ::core::task::Poll::Pending } else { ::core::task::Poll::Ready(()) }
            }))
            .await;
        }
        // The futures are gone.
        $(
            if let ::core::option::Option::Some(value) = $output {
                #[allow(unused_mut)]
                let mut value = value;
                #[allow(unreachable_patterns)]
                match value {
                    $pattern => $handler,
                    _ => ::core::unreachable!("it has been seen to fit"),
                }
            } else
        )* {
            $else
        }
    }};

    // What users write. (Last: the rules above begin with an `@`.)
    (biased; $($branches:tt)*) => {
        $crate::select!(@branch { |_| 0 } {} $($branches)*)
    };
    ($($branches:tt)*) => {
        $crate::select!(@branch { $crate::__private::random_below } {} $($branches)*)
    };
}
