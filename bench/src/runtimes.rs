//! The runtimes that are compared, each used on one thread as its documentation recommends.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// One of the runtimes: the little that all of them have.
pub trait Runtime: 'static {
    /// Runs `future` in a new runtime.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// It is `Send`, because tokio's `spawn` requires that: its `LocalSet` is slower.
    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static;

    fn sleep(duration: Duration) -> impl Future<Output = ()>;

    /// Runs `f` on a thread of the runtime's pool.
    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T>;
}

/// Makes a function for each of them, with its name.
macro_rules! on_all {
    ($($function:ident)::+ as $type:ty) => {
        [
            ("ayi", $($function)::+::<$crate::runtimes::Ayi> as $type),
            ("tokio", $($function)::+::<$crate::runtimes::Tokio>),
            ("smol", $($function)::+::<$crate::runtimes::Smol>),
            ("monoio epoll", $($function)::+::<$crate::runtimes::MonoioEpoll>),
            ("monoio io_uring", $($function)::+::<$crate::runtimes::MonoioUring>),
            ("glommio", $($function)::+::<$crate::runtimes::Glommio>),
            ("compio", $($function)::+::<$crate::runtimes::Compio>),
        ]
    };
}
pub(crate) use on_all;

/// Takes the output out of what a JoinHandle returns, without another future in between.
struct Joined<H, R, T>(H, fn(R) -> T);

impl<R, H: Future<Output = R> + Unpin, T> Future for Joined<H, R, T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(self.1)
    }
}

pub struct Ayi;

impl Runtime for Ayi {
    fn block_on<F: Future>(future: F) -> F::Output {
        ayi::runtime::Runtime::new().unwrap().block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Joined(ayi::spawn(future), Result::unwrap)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        ayi::time::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        Joined(ayi::task::spawn_blocking(f), Result::unwrap)
    }
}

/// `current_thread`.
pub struct Tokio;

impl Runtime for Tokio {
    fn block_on<F: Future>(future: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Joined(tokio::spawn(future), Result::unwrap)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        Joined(tokio::task::spawn_blocking(f), Result::unwrap)
    }
}

/// `LocalExecutor`.
pub struct Smol;

thread_local! {
    static SMOL: Rc<smol::LocalExecutor<'static>> = Rc::default();
}

impl Runtime for Smol {
    fn block_on<F: Future>(future: F) -> F::Output {
        let executor = SMOL.with(Rc::clone);
        smol::block_on(executor.run(future))
    }

    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        SMOL.with(|executor| executor.spawn(future))
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        Joined(smol::Timer::after(duration), drop)
    }

    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        smol::unblock(f)
    }
}

/// What monoio does in the same way on either of its drivers.
macro_rules! monoio {
    ($name:ident, $driver:ident) => {
        pub struct $name;

        impl Runtime for $name {
            fn block_on<F: Future>(future: F) -> F::Output {
                // A pool lives as long as its runtime; it makes its thread when it is first used.
                let pool = Box::new(monoio::blocking::DefaultThreadPool::new(1));
                let builder = monoio::RuntimeBuilder::<monoio::$driver>::new().enable_timer();
                builder.attach_thread_pool(pool).build().unwrap().block_on(future)
            }

            fn spawn<F>(future: F) -> impl Future<Output = F::Output>
            where
                F: Future<Output: Send + 'static> + Send + 'static,
            {
                monoio::spawn(future)
            }

            fn sleep(duration: Duration) -> impl Future<Output = ()> {
                monoio::time::sleep(duration)
            }

            fn spawn_blocking<T: Send + 'static>(
                f: impl FnOnce() -> T + Send + 'static,
            ) -> impl Future<Output = T> {
                let call = monoio::spawn_blocking(f);
                async { call.await.ok().expect("the pool runs") }
            }
        }
    };
}

monoio!(MonoioEpoll, LegacyDriver);
monoio!(MonoioUring, IoUringDriver);

pub struct Glommio;

impl Runtime for Glommio {
    fn block_on<F: Future>(future: F) -> F::Output {
        glommio::LocalExecutorBuilder::new(glommio::Placement::Unbound).make().unwrap().run(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        glommio::spawn_local(future)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        glommio::timer::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        glommio::executor().spawn_blocking(f)
    }
}

/// On io_uring.
pub struct Compio;

impl Runtime for Compio {
    fn block_on<F: Future>(future: F) -> F::Output {
        compio::runtime::Runtime::new().unwrap().block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Joined(compio::runtime::spawn(future), |joined: Result<_, _>| joined.expect("it ends"))
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        compio::runtime::time::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        Joined(compio::runtime::spawn_blocking(f), |joined: Result<_, _>| joined.expect("it ends"))
    }
}
