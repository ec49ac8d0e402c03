//! How slowly bytes may come or go. A wait for the next bytes alone bounds nothing: whoever sends one byte each time holds
//! for ever a place that others wait for. So a file has a time by its size, too.

use std::time::{Duration, Instant};

use lazaret_core::{Limit, LimitExceeded};

/// Most seconds that a MiB may take on its way, beside the one wait that anybody may take.
pub const MAX_SECONDS: Limit = Limit::new("traffic.max_seconds_per_mib", 60);

const MIB: u64 = 1 << 20;

/// One file or page on its way.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How long the next bytes may take.
    wait: Duration,
    most: Limit,
    /// How long somebody was waited for.
    waited: Duration,
    /// How many bytes came or went.
    bytes: u64,
}

/// Why nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// Nothing came.
    Silent,
    /// Too little came.
    Slow(LimitExceeded),
}

impl Pace {
    pub(crate) const fn new(wait: Duration, most: Limit) -> Self {
        Self { wait, most, waited: Duration::ZERO, bytes: 0 }
    }

    /// Waits for what comes next. Only this time counts: what is done with it here is nobody else's slowness.
    pub(crate) async fn next<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Late> {
        let left = self.allowed().saturating_sub(self.waited);
        let began = Instant::now();
        let given = tokio::time::timeout(self.wait.min(left), next).await;
        self.waited = self.waited.saturating_add(began.elapsed());
        match given {
            Ok(given) => Ok(given),
            Err(_) if left < self.wait => Err(Late::Slow(self.exceeded())),
            Err(_) => Err(Late::Silent),
        }
    }

    /// Counts bytes that came.
    pub(crate) const fn came(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts bytes that went while somebody was waited for.
    pub(crate) fn went(&mut self, bytes: u64, waited: Duration) -> Result<(), LimitExceeded> {
        self.came(bytes);
        self.waited = self.waited.saturating_add(waited);
        if self.waited > self.allowed() { Err(self.exceeded()) } else { Ok(()) }
    }

    /// How long all that came may have been waited for.
    fn allowed(&self) -> Duration {
        let millis = u128::from(self.bytes)
            .saturating_mul(u128::from(self.most.most()).saturating_mul(1000))
            .checked_div(u128::from(MIB))
            .unwrap_or(u128::MAX);
        self.wait.saturating_add(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    fn exceeded(&self) -> LimitExceeded {
        let beyond = self.waited.saturating_sub(self.wait).as_secs();
        let a_mib = u128::from(beyond).saturating_mul(u128::from(MIB)).checked_div(u128::from(self.bytes));
        let found = u64::try_from(a_mib.unwrap_or(u128::MAX)).unwrap_or(u64::MAX);
        self.most.exceeded(found.max(self.most.most().saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn who_sends_a_byte_at_a_time_is_not_waited_for_for_ever() {
        let mut pace = Pace::new(Duration::from_millis(50), MAX_SECONDS);
        let mut bytes = 0;
        let late = loop {
            match pace.next(tokio::time::sleep(Duration::from_millis(10))).await {
                Ok(()) => pace.came(1),
                Err(late) => break late,
            }
            bytes += 1;
        };
        assert!(bytes < 6 && matches!(late, Late::Slow(limit) if limit.key == MAX_SECONDS.key()), "{late:?}");
        let mut quick = Pace::new(Duration::from_millis(50), MAX_SECONDS);
        for _ in 0..20 {
            quick.next(tokio::time::sleep(Duration::from_millis(10))).await.unwrap();
            quick.came(1 << 20);
        }
        assert_eq!(quick.next(std::future::pending::<()>()).await, Err(Late::Silent));
    }

    #[test]
    fn what_goes_has_a_time_by_its_size() {
        let mut pace = Pace::new(SECOND, MAX_SECONDS.with(2));
        assert!(pace.went(1 << 20, 3 * SECOND).is_ok());
        let limit = pace.went(0, 2 * SECOND).unwrap_err();
        assert_eq!((limit.most, limit.found), (2, 4));
        assert_eq!(
            Pace::new(SECOND, MAX_SECONDS.with(u64::MAX)).went(0, 2 * SECOND).unwrap_err().found,
            u64::MAX
        );
    }
}
