//! A pool of numbers.

use bb8::{ManageConnection, Pool, RunError};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::{NONE, alone, threads};

struct Numbers(AtomicUsize);

impl ManageConnection for Numbers {
    type Connection = usize;
    type Error = Infallible;

    async fn connect(&self) -> Result<usize, Infallible> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(self.0.fetch_add(1, Ordering::Relaxed))
    }

    async fn is_valid(&self, _: &mut usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, number: &mut usize) -> bool {
        *number == 0
    }
}

#[test]
fn a_pool_of_four_serves_a_hundred_tasks_and_replaces_what_breaks() {
    alone(async || {
        let pool = Pool::builder().max_size(4).min_idle(1).connection_timeout(Duration::from_millis(200));
        let pool = pool.build(Numbers(AtomicUsize::new(0))).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let pool = pool.clone();
            tasks.spawn(async move { *pool.get().await.unwrap() });
        }
        let numbers = tasks.join_all().await;
        assert_eq!(numbers.iter().filter(|number| **number == 0).count(), 1);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(pool.get_owned().await.unwrap());
        }
        assert!(matches!(pool.get().await.unwrap_err(), RunError::TimedOut));
        assert_eq!(threads(), NONE);
    });
}
