//! A pool of numbers.

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleResult, Timeouts};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::{NONE, alone, threads};

#[derive(Debug)]
struct Numbers(AtomicUsize);

impl Manager for Numbers {
    type Type = usize;
    type Error = Infallible;

    async fn create(&self) -> Result<usize, Infallible> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed))
    }

    async fn recycle(&self, _: &mut usize, _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

#[test]
fn a_pool_of_four_serves_a_hundred_tasks() {
    alone(async || {
        let pool: Pool<Numbers> = Pool::builder(Numbers(AtomicUsize::new(0)))
            .max_size(4)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let pool = pool.clone();
            tasks.spawn(async move {
                let number: Object<Numbers> = pool.get().await.unwrap();
                tokio::task::yield_now().await;
                *number
            });
        }
        assert!(tasks.join_all().await.into_iter().all(|number| number < 4));
        let held = [pool.get().await, pool.get().await, pool.get().await, pool.get().await];
        let wait = Timeouts::wait_millis(20);
        assert!(matches!(pool.timeout_get(&wait).await.unwrap_err(), PoolError::Timeout(_)));
        drop(held);
        assert!(pool.timeout_get(&Timeouts { wait: Some(Duration::from_secs(9)), ..wait }).await.is_ok());
        assert_eq!(threads(), NONE);
    });
}
