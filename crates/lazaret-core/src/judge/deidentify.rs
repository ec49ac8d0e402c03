//! What becomes of the identifiers found in a record that may cross: the replacements its profile asks for, and
//! the record written with them.

use std::collections::{BTreeMap, BTreeSet};

use super::looking::{Hit, Inspected};
use super::{Judge, Task, bump};
use crate::{
    Action, Crossing, Edit, Edits, Finding, Label, Locator, Reading, Record, Sensitive, Subject, TokenForm,
    TokenRequest, UNINSPECTABLE, VaultError,
};

/// The edits of a record, made but for the numbers of its placeholders.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Placeholders stand in them without their numbers.
    pub(crate) edits: Edits,
    /// In the order in which they stand in the record.
    pub(crate) unnumbered: Vec<Unnumbered>,
    /// How many edits, by `label action`.
    pub(super) made: BTreeMap<String, u64>,
    /// The patient the record is about.
    pub(super) subject: Option<Subject>,
}

/// A placeholder that is to be numbered.
#[derive(Debug)]
pub(crate) struct Unnumbered {
    pub(crate) segment: usize,
    /// Which of the segment's edits.
    pub(crate) nth: usize,
    pub(crate) label: Label,
    pub(crate) value: Sensitive<String>,
    pub(crate) subject: Option<Subject>,
}

/// What stands in the place of a hit.
struct Replacement {
    done: Action,
    with: String,
    /// Whether it is a placeholder that is to be numbered.
    is_numbered: bool,
}

impl Draft {
    /// The record with the edits made; the finding says why it could not be written, if it could not.
    pub(super) fn written(
        &self,
        record: &dyn Record,
        reading: Option<&(dyn Reading + '_)>,
    ) -> Result<Vec<u8>, Finding> {
        let mut bytes = Vec::with_capacity(record.body().held().map_or(0, <[u8]>::len));
        let why = match reading.map(|reading| reading.write(&self.edits, &mut bytes)) {
            Some(Ok(())) => return Ok(bytes),
            Some(Err(refused)) => refused.to_string(),
            None => "the record was not read".to_owned(),
        };
        let what = format!("the edits could not be written ({why}); the record is held");
        Err(Finding::new(&UNINSPECTABLE, Locator::document(), what))
    }
}

impl Judge {
    /// The edits the profile asks for.
    pub(super) fn draft(
        &self,
        task: Task<'_>,
        inspected: &Inspected<'_>,
        redact_all: bool,
    ) -> Result<Draft, VaultError> {
        let hits = &inspected.hits;
        let mut draft = Draft {
            edits: Edits::none(),
            unnumbered: Vec::new(),
            made: BTreeMap::new(),
            subject: inspected.subject.clone(),
        };
        // A remark goes whole, with what was found in it, or stays but for what was found in it.
        let remarks: BTreeSet<usize> =
            hits.iter().filter(|hit| hit.is_remark).map(|hit| hit.segment).collect();
        for hit in hits {
            let goes_whole = redact_all && remarks.contains(&hit.segment);
            if hit.is_remark && !redact_all || goes_whole && !hit.is_remark {
                continue;
            }
            let action = if redact_all { Action::Redact } else { task.profile.action(hit.label) };
            let Some(Replacement { done, with, is_numbered }) =
                self.replacement(task.crossing, hit, action)?
            else {
                continue;
            };
            bump(&mut draft.made, format!("{} {}", hit.label, done.name()));
            if is_numbered {
                draft.unnumbered.push(Unnumbered {
                    segment: hit.segment,
                    nth: draft.edits.of(hit.segment).len(),
                    label: hit.label,
                    value: hit.value.clone(),
                    subject: hit.subject.clone(),
                });
            }
            let edit = Edit { span: hit.span, with: with.into(), whole: hit.whole };
            draft.edits.push(hit.segment, edit).map_err(|overlap| VaultError {
                what: "make edits that do not overlap",
                cause: Some(Box::new(overlap)),
            })?;
        }
        Ok(draft)
    }

    /// What stands in the place of a hit. What has no such form is redacted.
    fn replacement(
        &self,
        crossing: &Crossing,
        hit: &Hit,
        action: Action,
    ) -> Result<Option<Replacement>, VaultError> {
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
            Some(with) => Replacement { done: action, with, is_numbered: false },
            None if hit.whole => {
                Replacement { done: Action::Redact, with: String::new(), is_numbered: false }
            }
            // What is no text is nothing that could be met again.
            None => Replacement {
                done: Action::Redact,
                with: format!("[{}]", hit.label.kind.name()),
                is_numbered: !value.is_empty(),
            },
        }))
    }
}
