//! What becomes of the identifiers found in a record that may cross: the replacements its profile asks for, and
//! the record written with them.

use std::collections::{BTreeMap, BTreeSet};

use super::doing::{Doing, Grave};
use super::looking::{Hit, Inspected};
use super::{Judge, Task, bump};
use crate::{
    Action, Crossing, Edit, Edits, Finding, Locator, Numbering, TokenForm, TokenRequest, UNINSPECTABLE,
    VaultError,
};

/// A record with its identifiers replaced.
pub(super) struct Edited {
    pub(super) bytes: Vec<u8>,
    /// How many edits, by `label action`.
    pub(super) made: BTreeMap<String, u64>,
}

impl Judge {
    /// Edits a record; the finding says why it could not be written, if it could not.
    pub(super) fn edited(
        &self,
        task: Task<'_>,
        inspected: &Inspected<'_>,
        redact_all: bool,
    ) -> Result<Result<Edited, Finding>, Grave> {
        task.doings.set(Doing::Vault);
        let (edits, made) = self.edits(task, &inspected.hits, redact_all)?;
        task.doings.set(Doing::Writing);
        let mut bytes = Vec::with_capacity(task.record.bytes().len());
        let why = match inspected.reading.as_ref().map(|reading| reading.write(&edits, &mut bytes)) {
            Some(Ok(())) => return Ok(Ok(Edited { bytes, made })),
            Some(Err(refused)) => refused.to_string(),
            None => "the record was not read".to_owned(),
        };
        let what = format!("the edits could not be written ({why}); the record is held");
        Ok(Err(Finding::new(&UNINSPECTABLE, Locator::document(), what)))
    }

    /// The edits the profile asks for, and a count of them by `label action`.
    fn edits(
        &self,
        task: Task<'_>,
        hits: &[Hit],
        redact_all: bool,
    ) -> Result<(Edits, BTreeMap<String, u64>), VaultError> {
        let mut edits = Edits::none();
        let mut made = BTreeMap::new();
        let mut numbering = self.rewriter.numbering();
        // A remark goes whole, with what was found in it, or stays but for what was found in it.
        let remarks: BTreeSet<usize> =
            hits.iter().filter(|hit| hit.is_remark).map(|hit| hit.segment).collect();
        for hit in hits {
            let goes_whole = redact_all && remarks.contains(&hit.segment);
            if hit.is_remark && !redact_all || goes_whole && !hit.is_remark {
                continue;
            }
            let action = if redact_all { Action::Redact } else { task.profile.action(hit.label) };
            let Some((done, with)) = self.replacement(task.crossing, hit, action, numbering.as_mut())? else {
                continue;
            };
            bump(&mut made, format!("{} {}", hit.label, done.name()));
            let edit = Edit { span: hit.span, with: with.into(), whole: hit.whole };
            edits.push(hit.segment, edit).map_err(|overlap| VaultError {
                what: "make edits that do not overlap",
                cause: Some(Box::new(overlap)),
            })?;
        }
        Ok((edits, made))
    }

    /// What stands in the place of a hit. What has no such form is redacted.
    fn replacement(
        &self,
        crossing: &Crossing,
        hit: &Hit,
        action: Action,
        numbering: &mut dyn Numbering,
    ) -> Result<Option<(Action, String)>, VaultError> {
        let value = hit.value.expose().as_str();
        let made = match action {
            Action::Keep => return Ok(None),
            // What is no text (a photo) has no other form.
            _ if value.is_empty() => None,
            Action::Redact => None,
            Action::Token => {
                let form = if hit.whole { TokenForm::Id } else { TokenForm::Text };
                // In text the words that say what a number is stay; an element's value is its own.
                let own = if hit.whole { 0 } else { self.rewriter.own_value(hit.label, value) };
                let (words, value) = value.split_at_checked(own).unwrap_or(("", value));
                let token = self.vault.token(&TokenRequest {
                    subject: hit.subject.as_ref(),
                    label: hit.label,
                    domain: &hit.domain,
                    system: &crossing.system,
                    value,
                    purpose: &crossing.purpose,
                    basis: crossing.basis,
                    form,
                })?;
                Some(format!("{words}{token}"))
            }
            Action::Shift => match &hit.subject {
                Some(subject) => {
                    let days = self.vault.shift_days(subject, &crossing.purpose)?;
                    self.rewriter.shift(hit.label, value, days)
                }
                None => None,
            },
            Action::Generalise => self.rewriter.generalise(hit.label, value),
            Action::Surrogate => {
                let identity = self.rewriter.identity(hit.label, value);
                let seed = self.vault.digest(hit.subject.as_ref(), identity.as_bytes())?;
                self.rewriter.surrogate(hit.label, value, &seed)
            }
        };
        Ok(Some(match made {
            Some(with) => (action, with),
            None if hit.whole => (Action::Redact, String::new()),
            // What is no text is nothing that could be met again.
            None if value.is_empty() => (Action::Redact, format!("[{}]", hit.label.kind.name())),
            None => {
                let number = numbering.number(hit.label, value);
                (Action::Redact, format!("[{} {number}]", hit.label.kind.name()))
            }
        }))
    }
}
