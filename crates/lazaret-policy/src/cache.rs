//! Answers given before. Records of one batch ask a handful of different questions, so nearly every decision is
//! a look-up here.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{PoisonError, RwLock};

use lazaret_core::{Crossing, Decision, FindingSummary, Limit, Limits};
use rustc_hash::FxHashMap;

use crate::Question;

/// Most answers kept. When a shard is full it is emptied.
pub const MAX_CACHED: Limit = Limit::new("policy.max_cached", 4_096);

/// Longest record kind of a kept answer: kinds are words of a format, and a longer one comes from no format.
const MAX_KIND_BYTES: usize = 128;

/// How many shards, so that threads seldom wait for one another. A power of two.
const SHARDS: usize = 16;

/// Keyed by a hash under a random key, which nobody outside can foresee; equality decides.
type Shard = FxHashMap<u64, (Question, Decision)>;

/// A bounded cache of answers.
pub(crate) struct Cache {
    hasher: RandomState,
    shards: [RwLock<Shard>; SHARDS],
    /// Most answers of one shard.
    most: usize,
}

impl Cache {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = usize::try_from(limits.get(MAX_CACHED).most()).unwrap_or(usize::MAX) / SHARDS;
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| RwLock::default()), most }
    }

    /// The key of a question that was not made yet.
    pub(crate) fn key(&self, crossing: &Crossing, findings: &FindingSummary) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        crossing.actor.hash(&mut hasher);
        crossing.gate.hash(&mut hasher);
        crossing.to.hash(&mut hasher);
        crossing.recipient.hash(&mut hasher);
        crossing.route.hash(&mut hasher);
        crossing.purpose.hash(&mut hasher);
        crossing.basis.hash(&mut hasher);
        crossing.mode.hash(&mut hasher);
        crossing.care_critical.is_some().hash(&mut hasher);
        findings.hash(&mut hasher);
        hasher.finish()
    }

    /// The answer given before.
    pub(crate) fn get(&self, key: u64, crossing: &Crossing, findings: &FindingSummary) -> Option<Decision> {
        let shard = self.shard(key)?.read().unwrap_or_else(PoisonError::into_inner);
        let (question, decision) = shard.get(&key)?;
        question.is_of(crossing, findings).then(|| decision.clone())
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: u64, question: Question, decision: Decision) {
        if question.record_kind.len() > MAX_KIND_BYTES {
            return;
        }
        let Some(shard) = self.shard(key) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= self.most {
            shard.clear();
        }
        shard.insert(key, (question, decision));
    }

    fn shard(&self, key: u64) -> Option<&RwLock<Shard>> {
        // The top bits choose the shard; the map inside uses the others.
        let index = usize::try_from(key >> 60).ok()?;
        self.shards.get(index)
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}
