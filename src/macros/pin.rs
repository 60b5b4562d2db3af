/// Pins futures to the stack, so that they can be polled or awaited by reference.
///
/// Takes either variables, which then become a `Pin<&mut …>` of the same name, or declarations. For one expression,
/// [`std::pin::pin!`] is as good.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let future = async { 7 };
/// ayi::pin!(future);
/// assert_eq!((&mut future).await, 7);
///
/// ayi::pin! {
///     let a = async { 1 };
///     let b = async { 2 };
/// }
/// assert_eq!(a.await + b.await, 3);
/// # }
/// ```
#[macro_export]
macro_rules! pin {
    ($($variable:ident),* $(,)?) => {
        $(
            #[allow(unused_mut)]
            let mut $variable = ::core::pin::pin!($variable);
        )*
    };
    ($(let $variable:ident = $value:expr;)*) => {
        $(
            #[allow(unused_mut)]
            let mut $variable = ::core::pin::pin!($value);
        )*
    };
}
