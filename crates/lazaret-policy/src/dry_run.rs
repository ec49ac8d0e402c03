//! What another policy set would have decided about records that crossed before.

use std::collections::HashMap;

use lazaret_core::Verdict;
use serde::Serialize;

use crate::{CedarPolicy, Question};

/// What a policy set answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A decision.
    Decided {
        /// The verdict.
        verdict: Verdict,
        /// The ids of the policies that decided.
        policies: Vec<String>,
    },
    /// The policies could not be evaluated: nothing would cross.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    fn of(policy: &CedarPolicy, question: &Question) -> Self {
        match policy.answer(question) {
            Ok(decision) => Self::Decided { verdict: decision.verdict, policies: decision.policies.to_vec() },
            Err(error) => Self::Failed { reason: error.reason },
        }
    }

    /// The verdict; none if nothing would cross because the policies fail.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Decided { verdict, .. } => Some(*verdict),
            Self::Failed { .. } => None,
        }
    }
}

/// A question that the two policy sets answer with different verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What is asked.
    pub question: Question,
    /// How many records asked it.
    pub records: u64,
    /// The number of the first of them, from 0, in the order given.
    pub first: u64,
    /// What the policies in force decide.
    pub old: Outcome,
    /// What the changed policies decide.
    pub new: Outcome,
}

/// The differences between two policy sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DryRun {
    /// How many records were asked about.
    pub records: u64,
    /// How many of them would have another verdict.
    pub changed: u64,
    /// How many would cross that do not now.
    pub loosened: u64,
    /// How many would be held that cross now.
    pub tightened: u64,
    /// Each differing question once, in the order of its first record.
    pub differences: Vec<Difference>,
}

/// Asks both policy sets about every record, and gives the differences.
///
/// Records that ask the same question are asked about once, so memory and time grow with the number of different
/// questions.
pub fn dry_run(
    old: &CedarPolicy,
    new: &CedarPolicy,
    questions: impl IntoIterator<Item = Question>,
) -> DryRun {
    let mut run = DryRun::default();
    let mut asked: HashMap<Question, (u64, u64)> = HashMap::new();
    for question in questions {
        let first = run.records;
        let (_, records) = asked.entry(question).or_insert((first, 0));
        *records = records.saturating_add(1);
        run.records = run.records.saturating_add(1);
    }
    for (question, (first, records)) in asked {
        let (before, after) = (Outcome::of(old, &question), Outcome::of(new, &question));
        if before.verdict() == after.verdict() {
            continue;
        }
        let crosses = |outcome: &Outcome| outcome.verdict().is_some_and(|verdict| !verdict.holds());
        run.changed = run.changed.saturating_add(records);
        match (crosses(&before), crosses(&after)) {
            (false, true) => run.loosened = run.loosened.saturating_add(records),
            (true, false) => run.tightened = run.tightened.saturating_add(records),
            _ => {}
        }
        run.differences.push(Difference { question, records, first, old: before, new: after });
    }
    run.differences.sort_by_key(|difference| difference.first);
    run
}
