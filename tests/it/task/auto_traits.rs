//! Which types may be sent to other threads and shared with them, and which not. The compiler decides it; these tests
//! only compare.

use ayi::io::unix::{AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard};
use ayi::io::{DuplexStream, Interest, Ready, SimplexStream, TimeoutStream, WriteBuffer};
use ayi::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixSocket, UnixStream, tcp,
    unix,
};
use ayi::runtime::{
    Builder, CancellationToken, Core, CorePanic, CoresBuilder, DropGuard, EnterGuard, Handle, RunningTask,
    Runtime, RuntimeMetrics, ShutdownReport, TryCurrentError, UnhandledPanic, WaitForCancellationFuture,
    WaitForCancellationFutureOwned,
};
use ayi::sync::futures::{Notified, OwnedNotified};
use ayi::sync::{
    AcquireError, Barrier, MappedMutexGuard, Mutex, MutexGuard, Notify, OnceCell, OwnedMappedMutexGuard,
    OwnedMutexGuard, OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    OwnedSemaphorePermit, RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore,
    SemaphorePermit, SetOnce, TryAcquireError,
};
use ayi::task::coop::{Coop, Unconstrained};
use ayi::task::{
    self, AbortHandle, Id, JoinError, JoinHandle, JoinSet, LocalEnterGuard, LocalKey, LocalSet,
    TaskLocalFuture,
};
use ayi::time::{Elapsed, Instant, Interval, Sleep, Timeout};
use std::cell::Cell;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// An inherent constant of this type hides the trait's, if its bound holds.
struct Is<T: ?Sized>(PhantomData<T>);

trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNPIN: bool = false;
}

impl<T: ?Sized> Otherwise for Is<T> {}

impl<T: ?Sized + Send> Is<T> {
    const SEND: bool = true;
}

impl<T: ?Sized + Sync> Is<T> {
    const SYNC: bool = true;
}

impl<T: ?Sized + Unpin> Is<T> {
    const UNPIN: bool = true;
}

macro_rules! table {
    ($($type:ty: $send:expr, $sync:expr, $unpin:expr;)*) => {
        [$((stringify!($type), (Is::<$type>::SEND, Is::<$type>::SYNC, Is::<$type>::UNPIN), ($send, $sync, $unpin))),*]
    };
}

#[test]
fn the_table_can_tell() {
    assert_eq!((Is::<Cell<u8>>::SEND, Is::<Cell<u8>>::SYNC), (true, false));
    assert_eq!((Is::<Rc<u8>>::SEND, Is::<Rc<u8>>::SYNC), (false, false));
    assert_eq!((Is::<u8>::SEND, Is::<u8>::SYNC), (true, true));
    assert_eq!((Is::<std::marker::PhantomPinned>::UNPIN, Is::<u8>::UNPIN), (false, true));
}

/// The columns are `Send`, `Sync` and `Unpin`.
#[test]
fn types() {
    type NotSend = Rc<u8>;
    type NotSync = Cell<u8>;
    type NotUnpin = std::marker::PhantomPinned;
    let table = table! {
        Runtime: true, true, true;
        EnterGuard<'static>: false, false, true;
        Handle: true, true, true;
        Builder: true, true, true;
        TryCurrentError: true, true, true;
        RuntimeMetrics: true, true, true;
        ayi::runtime::Id: true, true, true;
        UnhandledPanic: true, true, true;
        CoresBuilder: true, true, true;
        Core: true, true, true;
        CorePanic: true, true, true;
        CancellationToken: true, true, true;
        WaitForCancellationFuture<'static>: true, true, true;
        WaitForCancellationFutureOwned: true, true, true;
        DropGuard: true, true, true;
        RunningTask: true, true, true;
        ShutdownReport: true, true, true;

        // It can only give the output away, to one owner.
        JoinHandle<u8>: true, true, true;
        JoinHandle<NotSync>: true, true, true;
        JoinHandle<NotUnpin>: true, true, true;
        JoinHandle<NotSend>: false, false, true;
        JoinHandle<*mut u8>: false, false, true;
        AbortHandle: true, true, true;
        JoinError: true, true, true;
        Id: true, true, true;

        Semaphore: true, true, true;
        SemaphorePermit<'static>: true, true, true;
        OwnedSemaphorePermit: true, true, true;

        Sleep: true, true, true;
        Interval: true, true, true;
        Instant: true, true, true;
        Elapsed: true, true, true;
        Timeout<std::future::Ready<u8>>: true, true, true;
        Timeout<std::future::Ready<NotSync>>: true, false, true;
        Timeout<std::future::Ready<NotSend>>: false, false, true;
        Timeout<NotUnpin>: true, true, false;

        JoinSet<u8>: true, true, true;
        JoinSet<NotSync>: true, true, true;
        JoinSet<NotSend>: false, false, true;
        LocalSet: false, false, true;
        LocalEnterGuard: false, false, true;
        LocalKey<NotSend>: true, true, true;
        TaskLocalFuture<u8, std::future::Ready<u8>>: true, true, true;
        TaskLocalFuture<NotSend, std::future::Ready<u8>>: false, false, true;
        TaskLocalFuture<u8, NotUnpin>: true, true, false;
        task::Builder<'static>: true, true, true;
        Coop<std::future::Ready<u8>>: true, true, true;
        Unconstrained<NotSend>: false, false, true;

        TcpStream: true, true, true;
        TcpListener: true, true, true;
        TcpSocket: true, true, true;
        tcp::ReadHalf<'static>: true, true, true;
        tcp::WriteHalf<'static>: true, true, true;
        tcp::OwnedReadHalf: true, true, true;
        tcp::OwnedWriteHalf: true, true, true;
        UdpSocket: true, true, true;
        UnixStream: true, true, true;
        UnixListener: true, true, true;
        UnixDatagram: true, true, true;
        UnixSocket: true, true, true;
        unix::OwnedReadHalf: true, true, true;
        unix::OwnedWriteHalf: true, true, true;
        unix::pipe::Sender: true, true, true;
        unix::pipe::Receiver: true, true, true;
        AsyncFd<OwnedFd>: true, true, true;
        AsyncFdReadyGuard<'static, OwnedFd>: true, true, true;
        AsyncFdReadyMutGuard<'static, OwnedFd>: true, true, true;
        DuplexStream: true, true, true;
        SimplexStream: true, true, true;
        ayi::io::ReadHalf<DuplexStream>: true, true, true;
        ayi::io::WriteHalf<NotSend>: false, false, true;
        TimeoutStream<DuplexStream>: true, true, true;
        TimeoutStream<NotSend>: false, false, true;
        WriteBuffer: true, true, true;
        Interest: true, true, true;
        Ready: true, true, true;
    };
    for (name, is, expected) in table {
        assert_eq!(is, expected, "{name}");
    }
}

/// `Cell` may be sent and not shared, `Rc` neither.
#[test]
fn locks_and_guards_are_like_their_values() {
    let table = table! {
        Mutex<u8>: true, true, true;
        Mutex<Cell<u8>>: true, true, true;
        Mutex<Rc<u8>>: false, false, true;
        MutexGuard<'static, u8>: true, true, true;
        MutexGuard<'static, Cell<u8>>: true, false, true;
        MutexGuard<'static, Rc<u8>>: false, false, true;
        MappedMutexGuard<'static, u8>: true, true, true;
        MappedMutexGuard<'static, Cell<u8>>: true, false, true;
        MappedMutexGuard<'static, Rc<u8>>: false, false, true;
        OwnedMutexGuard<u8>: true, true, true;
        OwnedMutexGuard<Cell<u8>>: true, false, true;
        OwnedMutexGuard<Rc<u8>>: false, false, true;
        OwnedMappedMutexGuard<u8>: true, true, true;
        OwnedMappedMutexGuard<Cell<u8>, u8>: true, false, true;
        OwnedMappedMutexGuard<u8, Cell<u8>>: true, false, true;
        OwnedMappedMutexGuard<Rc<u8>, u8>: false, false, true;
        OwnedMappedMutexGuard<u8, Rc<u8>>: false, false, true;
        RwLock<u8>: true, true, true;
        RwLock<Cell<u8>>: true, false, true;
        RwLock<Rc<u8>>: false, false, true;
        RwLockReadGuard<'static, u8>: true, true, true;
        RwLockReadGuard<'static, Cell<u8>>: false, false, true;
        RwLockWriteGuard<'static, u8>: true, true, true;
        RwLockWriteGuard<'static, Cell<u8>>: false, false, true;
        RwLockMappedWriteGuard<'static, u8>: true, true, true;
        RwLockMappedWriteGuard<'static, Cell<u8>>: false, false, true;
        RwLockMappedWriteGuard<'static, Rc<u8>>: false, false, true;
        OwnedRwLockReadGuard<u8>: true, true, true;
        OwnedRwLockReadGuard<Cell<u8>, u8>: false, false, true;
        OwnedRwLockReadGuard<u8, Cell<u8>>: false, false, true;
        OwnedRwLockWriteGuard<u8>: true, true, true;
        OwnedRwLockWriteGuard<Cell<u8>>: false, false, true;
        OwnedRwLockMappedWriteGuard<u8>: true, true, true;
        OwnedRwLockMappedWriteGuard<Cell<u8>, u8>: false, false, true;
        OwnedRwLockMappedWriteGuard<u8, Rc<u8>>: false, false, true;
        OnceCell<u8>: true, true, true;
        OnceCell<Cell<u8>>: true, false, true;
        OnceCell<Rc<u8>>: false, false, true;
        SetOnce<u8>: true, true, true;
        SetOnce<Cell<u8>>: true, false, true;
        SetOnce<Rc<u8>>: false, false, true;
        Barrier: true, true, true;
        Notify: true, true, true;
        Notified<'static>: true, true, false;
        OwnedNotified: true, true, false;
    };
    for (name, is, should_be) in table {
        assert_eq!(is, should_be, "{name}: Send, Sync, Unpin");
    }
}

/// Spawning on a `Handle`, and axum and hyper, need the futures of async functions to be `Send`.
#[test]
fn futures_of_async_functions_are_send() {
    fn is_send<T: Send>(_: impl FnOnce() -> T) {}
    use ayi::io::{AsyncReadExt, AsyncWriteExt};
    is_send(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (mut stream, _) = listener.accept().await?;
        let mut other = TcpStream::connect("127.0.0.1:1").await?;
        stream.read_exact(&mut [0]).await?;
        other.write_all(b"x").await?;
        let fd = AsyncFd::new(stream.into_std()?)?;
        drop(fd.readable().await?);
        ayi::time::sleep(ayi::time::Duration::ZERO).await;
        ayi::time::interval(ayi::time::Duration::MAX).tick().await;
        ayi::time::timeout(ayi::time::Duration::ZERO, ayi::task::yield_now()).await?;
        let task: JoinHandle<u8> = ayi::task::spawn_blocking(|| 1);
        drop(task.await);
        std::io::Result::Ok(())
    });
}

#[test]
fn a_panic_may_pass_by() {
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_unwind_safe::<Runtime>();
    is_unwind_safe::<Handle>();
    is_unwind_safe::<RuntimeMetrics>();
    is_unwind_safe::<JoinHandle<u8>>();
    is_unwind_safe::<AbortHandle>();
    is_unwind_safe::<JoinError>();
    is_unwind_safe::<Sleep>();
    is_unwind_safe::<Interval>();
    is_unwind_safe::<TcpStream>();
    is_unwind_safe::<TcpListener>();
    is_unwind_safe::<AsyncFd<OwnedFd>>();
}

/// Errors convert to `Box<dyn Error + Send + Sync>`, which is what most programs use.
#[test]
fn errors_are_errors() {
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    is_error::<JoinError>();
    is_error::<Elapsed>();
    is_error::<TryCurrentError>();
    is_error::<AcquireError>();
    is_error::<TryAcquireError>();
}
