//! Work that several clients wait for and that is done once: two that ask for the same file share its download. The work
//! goes on where those who asked go away, so that who asks again finds it done.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// What is under way, by its key.
pub struct Shared<T> {
    under_way: Arc<Mutex<HashMap<String, watch::Receiver<Option<T>>>>>,
}

impl<T: Clone + Send + Sync + 'static> Shared<T> {
    /// Nothing is under way.
    pub fn new() -> Self {
        Self { under_way: Arc::default() }
    }

    /// What the work of this key gives: that which is under way, or else this one, begun now. None if it broke off.
    pub async fn of(&self, key: &str, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let mut told = self.begin(key, work);
        let given = told.wait_for(Option::is_some).await.ok()?;
        given.clone()
    }

    fn begin(&self, key: &str, work: impl Future<Output = T> + Send + 'static) -> watch::Receiver<Option<T>> {
        let mut under_way = lock(&self.under_way);
        if let Some(told) = under_way.get(key) {
            return told.clone();
        }
        let (tell, told) = watch::channel(None);
        under_way.insert(key.to_owned(), told.clone());
        // Also where the work panics: its entry goes, and who waits is told that it broke off.
        let done = Done { under_way: Arc::clone(&self.under_way), key: key.to_owned() };
        tokio::spawn(async move {
            let given = work.await;
            drop(done);
            let _nobody_waits = tell.send(Some(given));
        });
        told
    }
}

impl<T: Clone + Send + Sync + 'static> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}

struct Done<T> {
    under_way: Arc<Mutex<HashMap<String, watch::Receiver<Option<T>>>>>,
    key: String,
}

impl<T> Drop for Done<T> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_two_ask_for_is_done_once_and_what_breaks_off_can_be_asked_again() {
        let (shared, times) = (Arc::new(Shared::new()), Arc::new(AtomicU32::new(0)));
        let ask = |key: &'static str| {
            let (shared, times) = (Arc::clone(&shared), Arc::clone(&times));
            async move {
                let work = async move {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    assert!(key != "bad", "breaks off");
                    times.fetch_add(1, Ordering::Relaxed)
                };
                shared.of(key, work).await
            }
        };
        let (one, two, other, bad) = tokio::join!(ask("a"), ask("a"), ask("b"), ask("bad"));
        assert_eq!((one, bad), (two, None));
        assert!(one != other && one.is_some() && other.is_some());
        assert_eq!(times.load(Ordering::Relaxed), 2);
        let given_up = tokio::time::timeout(Duration::from_millis(1), ask("c")).await;
        assert!(given_up.is_err());
        assert_eq!((ask("c").await, times.load(Ordering::Relaxed)), (Some(2), 3));
        assert!(ask("bad").await.is_none() && lock(&shared.under_way).is_empty());
    }
}
