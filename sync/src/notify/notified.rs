//! The futures that wait for a notification.

use super::Notify;
use super::wait::Wait;
use pin_project_lite::pin_project;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`Notify::notified`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = ayi::sync::Notify::new();
    /// let notified: ayi::sync::futures::Notified<'_> = news.notified();
    /// news.notify_waiters();
    /// notified.await;
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Notified<'a> {
        notify: &'a Notify,
        wait: Wait,
        // Here it need not be pinned. In tokio it has to be, and programs may not count on more.
        #[pin]
        pinned: PhantomPinned,
    }

    impl PinnedDrop for Notified<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.wait.leave(this.notify);
        }
    }
}

pin_project! {
    /// The future of [`Notify::notified_owned`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Notify;
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = Arc::new(Notify::new());
    /// let notified: ayi::sync::futures::OwnedNotified = news.clone().notified_owned();
    /// news.notify_waiters();
    /// ayi::spawn(notified).await.unwrap();
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct OwnedNotified {
        notify: Arc<Notify>,
        wait: Wait,
        // Like in `Notified`.
        #[pin]
        pinned: PhantomPinned,
    }

    impl PinnedDrop for OwnedNotified {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.wait.leave(this.notify);
        }
    }
}

impl<'a> Notified<'a> {
    #[inline]
    pub(super) fn new(notify: &'a Notify) -> Notified<'a> {
        Notified { notify, wait: Wait::Begin(notify.calls()), pinned: PhantomPinned }
    }

    /// Takes the place in the queue without a poll, and returns whether the future is ready already.
    ///
    /// So whoever looks at a condition after this does not miss the [`notify_one`](Notify::notify_one) that tells of its
    /// change. If it returns `true`, the notification counts as told: it does not go on to others if the future is
    /// dropped.
    ///
    /// # Examples
    ///
    /// Several readers of a list, of whom each may have to be told:
    ///
    /// ```
    /// use ayi::sync::Notify;
    /// use std::pin::pin;
    /// use std::sync::Mutex;
    ///
    /// async fn next(items: &Mutex<Vec<u32>>, news: &Notify) -> u32 {
    ///     loop {
    ///         let mut notified = pin!(news.notified());
    ///         notified.as_mut().enable();
    ///         if let Some(item) = items.lock().unwrap().pop() {
    ///             return item;
    ///         }
    ///         notified.await;
    ///     }
    /// }
    /// # #[ayi::main]
    /// # async fn main() {
    /// assert_eq!(next(&Mutex::new(vec![7]), &Notify::new()).await, 7);
    /// # }
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.wait.enable(this.notify)
    }
}

impl OwnedNotified {
    #[inline]
    pub(super) fn new(notify: Arc<Notify>) -> OwnedNotified {
        OwnedNotified { wait: Wait::Begin(notify.calls()), notify, pinned: PhantomPinned }
    }

    /// Takes the place in the queue without a poll, like [`Notified::enable`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Notify;
    /// use std::pin::pin;
    /// use std::sync::Arc;
    /// let news = Arc::new(Notify::new());
    /// let mut notified = pin!(news.clone().notified_owned());
    /// assert!(!notified.as_mut().enable());
    /// news.notify_one();
    /// assert!(notified.enable());
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.wait.enable(this.notify)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.wait.poll(this.notify, cx)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.wait.poll(this.notify, cx)
    }
}
