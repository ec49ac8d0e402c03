//! The first pass: what a record says of the subjects it describes, for the vault to remember.

use std::collections::HashMap;

use super::{Judge, subject_of};
use crate::{Crossing, Findings, KnownFact, Record, Subject, VaultError};

impl Judge {
    /// Learns what a record says of its subjects. Returns how many facts.
    pub(crate) fn learn(&self, crossing: &Crossing, record: &dyn Record) -> Result<u64, VaultError> {
        let mut findings = Findings::new();
        let Some(reading) = record.read(&self.limits, &mut findings) else { return Ok(0) };
        let mut by_subject: Vec<(Subject, Vec<KnownFact>)> = Vec::new();
        let mut places: HashMap<Subject, usize> = HashMap::new();
        // A reading that fails while it is visited is reported when the record itself passes.
        let _whole = reading.facts(&mut |subject, label, text| {
            let subject = subject_of(crossing, subject.id);
            let fact = KnownFact { label, text: text.to_owned().into() };
            if let Some((_, facts)) = places.get(&subject).and_then(|place| by_subject.get_mut(*place)) {
                facts.push(fact);
            } else {
                places.insert(subject.clone(), by_subject.len());
                by_subject.push((subject, vec![fact]));
            }
        });
        let mut learnt = 0_u64;
        for (subject, facts) in &by_subject {
            self.vault.learn(subject, facts)?;
            learnt = learnt.saturating_add(facts.len() as u64);
        }
        Ok(learnt)
    }
}
