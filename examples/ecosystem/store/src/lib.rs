//! Accounts in PostgreSQL, and a counter of visits in Redis.

use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use sqlx::PgPool;

/// Makes accounts with a hundred coins each.
pub async fn open_accounts(pool: &PgPool, accounts: i32) -> sqlx::Result<()> {
    sqlx::query("CREATE TABLE accounts (id int PRIMARY KEY, coins bigint NOT NULL CHECK (coins >= 0))")
        .execute(pool)
        .await?;
    sqlx::query("INSERT INTO accounts SELECT id, 100 FROM generate_series(1, $1) AS id")
        .bind(accounts)
        .execute(pool)
        .await?;
    Ok(())
}

/// Carries coins from one account to another, or changes nothing.
pub async fn carry(pool: &PgPool, from: i32, to: i32, coins: i64) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    // Always in the order of their ids: otherwise two of these could wait for each other.
    let mut changes = [(from, -coins), (to, coins)];
    changes.sort();
    for (id, change) in changes {
        let update =
            sqlx::query("UPDATE accounts SET coins = coins + $2 WHERE id = $1").bind(id).bind(change);
        update.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Returns the sum of all coins.
pub async fn coins(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT sum(coins)::bigint FROM accounts").fetch_one(pool).await
}

/// Counts a visitor, and returns how many there were.
pub async fn visit(redis: &mut ConnectionManager, page: &str) -> redis::RedisResult<u64> {
    redis.incr(format!("visits:{page}"), 1).await
}
