//! Values that belong to a task, as thread-locals belong to a thread.
//!
//! A value lies in its [`TaskLocalFuture`], and is swapped into a thread-local for the duration of each poll. So all
//! code that runs in that poll sees it, and no other code does.
//!
//! Invariant: a scope swaps out what it has swapped in, even if the poll panics, so scopes nest.
//!
//! In tokio: `task/task_local.rs`.

use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

/// Declares values that belong to a task: [`LocalKey`]s.
///
/// Attributes and visibility stand in front, as for a thread-local. There is no initial value: it is
/// [given](LocalKey::scope) for the duration of a future.
///
/// # Examples
///
/// ```
/// ayi::task_local! {
///     /// Whose request this is.
///     pub static USER: String;
///     static REQUEST: u32;
/// }
///
/// # #[ayi::main]
/// # async fn main() {
/// let request = USER.scope("mei".into(), async {
///     assert_eq!(USER.with(|user| user.len()), 3);
///     REQUEST.scope(7, async { REQUEST.get() }).await
/// });
/// assert_eq!(request.await, 7);
/// assert!(USER.try_with(|_| ()).is_err());
/// # }
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local! { $(#[$attribute])* $visibility static $name: $type }
        $crate::task_local! { $($rest)* }
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = {
            // Items have no hygiene: a shorter name could hide a name in `$type`.
            ::std::thread_local! {
                static __AYI_VALUE: ::core::cell::RefCell<::core::option::Option<$type>> =
                    const { ::core::cell::RefCell::new(::core::option::Option::None) };
            }
            $crate::task::LocalKey::__new(&__AYI_VALUE)
        };
    };
}

/// The key of a value that belongs to a task. [`task_local!`](crate::task_local) declares one.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// ayi::task_local! {
///     static REQUEST: u64;
/// }
/// REQUEST.scope(7, async { assert_eq!(REQUEST.get(), 7) }).await;
/// # }
/// ```
pub struct LocalKey<T: 'static> {
    /// The value of the innermost scope that is being polled.
    current: &'static thread::LocalKey<RefCell<Option<T>>>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(current: &'static thread::LocalKey<RefCell<Option<T>>>) -> LocalKey<T> {
        LocalKey { current }
    }

    /// Returns a future that runs `future` with this value. The value is dropped with the future, unless it is
    /// [taken](TaskLocalFuture::take_value) out.
    ///
    /// Tasks that `future` spawns do not have the value: give it to them in a scope of their own.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    ///
    /// # Panics
    ///
    /// Panics when polled within [`with`](LocalKey::with) of the same key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// let number = REQUEST.scope(7, async {
    ///     ayi::task::yield_now().await;
    ///     REQUEST.with(|number| *number)
    /// });
    /// assert_eq!(number.await, 7);
    /// # }
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture { key: self, value: Some(value), future: Some(future) }
    }

    /// Runs `f` with this value.
    ///
    /// # Panics
    ///
    /// Panics if `f` does, or within [`with`](LocalKey::with) of the same key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// assert_eq!(REQUEST.sync_scope(7, || REQUEST.get()), 7);
    /// # }
    /// ```
    #[track_caller]
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let mut value = Some(value);
        self.with_value(&mut value, f)
    }

    /// Lends the value to `f`.
    ///
    /// # Panics
    ///
    /// Panics outside a scope of this key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// REQUEST.sync_scope(7, || REQUEST.with(|number| println!("request {number}")));
    /// # }
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Lends the value to `f`.
    ///
    /// # Errors
    ///
    /// Fails outside a scope of this key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// match REQUEST.try_with(|number| *number) {
    ///     Ok(number) => println!("request {number}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let result = self.current.try_with(|current| current.borrow().as_ref().map(f));
        result.ok().flatten().ok_or(AccessError(()))
    }

    /// Returns a copy of the value.
    ///
    /// # Panics
    ///
    /// Panics outside a scope of this key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// assert_eq!(REQUEST.sync_scope(7, || REQUEST.get()), 7);
    /// # }
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Returns a copy of the value.
    ///
    /// # Errors
    ///
    /// Fails outside a scope of this key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// assert!(REQUEST.try_get().is_err()); // no scope
    /// # }
    /// ```
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    /// Runs `f` while `value` is in the thread-local.
    #[track_caller]
    fn with_value<R>(&'static self, value: &mut Option<T>, f: impl FnOnce() -> R) -> R {
        self.try_with_value(value, f).expect(
            "a scope of a task-local cannot begin here: its value is lent out (LocalKey::with), or the thread ends",
        )
    }

    /// Runs `f` like `with_value`. Returns `None` without running `f` if the value cannot be swapped now.
    fn try_with_value<R>(&'static self, value: &mut Option<T>, f: impl FnOnce() -> R) -> Option<R> {
        struct SwapBack<'a, T: 'static>(&'static LocalKey<T>, &'a mut Option<T>);
        impl<T: 'static> Drop for SwapBack<'_, T> {
            fn drop(&mut self) {
                // The swap was possible a moment ago, and what `f` borrowed has ended with it.
                let _ = self.0.swap(self.1);
            }
        }
        self.swap(value)?;
        let _swap_back = SwapBack(self, value);
        Some(f())
    }

    /// Swaps the value. Returns `None` if that is impossible now.
    fn swap(&'static self, value: &mut Option<T>) -> Option<()> {
        let swapped = self.current.try_with(|current| {
            std::mem::swap(&mut *current.try_borrow_mut().ok()?, value);
            Some(())
        });
        swapped.ok()?
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey")
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`].
    #[must_use = "a TaskLocalFuture does nothing unless it is awaited"]
    pub struct TaskLocalFuture<T: 'static, F> {
        key: &'static LocalKey<T>,
        value: Option<T>,
        // `None` once it is done.
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The future's drop sees the value as its polls did, if possible.
            if this.future.is_some() {
                this.key.try_with_value(this.value, || this.future.set(None));
            }
        }
    }
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// Takes the value out. Later polls of the future find none.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use std::pin::pin;
    /// ayi::task_local! {
    ///     static REQUEST: u64;
    /// }
    /// let mut future = pin!(REQUEST.scope(7, async {}));
    /// future.as_mut().await;
    /// assert_eq!(future.take_value(), Some(7));
    /// # }
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let mut future = this.future.as_mut();
        this.key.with_value(this.value, || {
            let running =
                future.as_mut().as_pin_mut().expect("a TaskLocalFuture was polled after it was done");
            let output = running.poll(cx);
            if output.is_ready() {
                future.set(None);
            }
            output
        })
    }
}

impl<T: 'static + fmt::Debug, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").field("value", &self.value).finish_non_exhaustive()
    }
}

/// There is no value: this code does not run in a scope of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task-local value not set: this code runs outside of LocalKey::scope")
    }
}

impl std::error::Error for AccessError {}
