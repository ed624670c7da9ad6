//! Waiting for something to come true. Nothing here asserts how long it took.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

/// How long anything may take before a test gives up on it: far more than a slow machine needs.
pub const DEADLINE: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// What `look` finds, as soon as it finds something.
///
/// # Panics
/// When it finds nothing until the deadline; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        sleep(BETWEEN_LOOKS).await;
    }
}

/// The future's output.
///
/// # Panics
/// When it is not there until the deadline; `what` says what was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"))
}
