//! Where a file of the registry stands: what was decided about it last, by whom, and since when.

use lazaret_core::{Sha256, Timestamp};
use lazaret_ledger::{LedgerReader, StoreError};

use super::recall::LastWord;

/// Where a file stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stands {
    /// It was cleared, and a second look would hold it.
    FoundBad,
    /// It is kept back, and nobody has decided.
    Held,
    /// Persons decided that it does not pass, or no longer.
    Refused,
    /// It would have been held; the gate observed.
    LetThrough,
    /// By an order that holds now.
    Admitted,
    /// Nothing holds it.
    Cleared,
}

impl Stands {
    pub(crate) const ALL: [Self; 6] =
        [Self::FoundBad, Self::Held, Self::Refused, Self::LetThrough, Self::Admitted, Self::Cleared];

    /// As pages say it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FoundBad => "found bad",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::LetThrough => "let through",
            Self::Admitted => "admitted",
            Self::Cleared => "cleared",
        }
    }

    /// As addresses name it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::FoundBad => "found-bad",
            Self::LetThrough => "let-through",
            other => other.name(),
        }
    }
}

/// Where a file stands, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) stands: Stands,
    pub(crate) since: String,
    /// Who brought it, looked again, or decided.
    pub(crate) by: Option<String>,
    pub(crate) second: Option<String>,
    /// When an admission ends.
    pub(crate) until: Option<String>,
}

/// Where a file stands at a time: under a name, or else as the worst under any of its names. Nothing of one that never came.
pub(crate) fn standing(
    ledger: &LedgerReader,
    file: Sha256,
    name: Option<&str>,
    at: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    if let Some(name) = name {
        return under(ledger, file, name, at);
    }
    let mut worst: Option<Standing> = None;
    for step in ledger.steps_of_file(file) {
        let Some(found) = under(ledger, file, &step?, at)? else { continue };
        if worst.as_ref().is_none_or(|worst| found.stands < worst.stands) {
            worst = Some(found);
        }
    }
    Ok(worst)
}

fn under(
    ledger: &LedgerReader,
    file: Sha256,
    name: &str,
    at: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let Some(last) = LastWord::under(ledger, file, name)? else { return Ok(None) };
    let (bad, takes_two) = (last.is_bad(), last.takes_two());
    let opened = ledger.opened_at(last.opened_at)?.ok_or(StoreError::Damaged("an entry is missing"))?;
    let of_crossing = |stands| Standing {
        stands,
        since: opened.started.clone(),
        by: Some(opened.asked_by().to_owned()),
        second: None,
        until: None,
    };
    // By an order alone it was cleared, and the order may be over.
    if !bad && !last.by_order {
        return Ok(Some(of_crossing(Stands::Cleared)));
    }
    let word = ledger.last_word(file)?;
    let decided = |stands, when: String, order: lazaret_ledger::OrderWords| Standing {
        stands,
        since: when,
        by: Some(order.by),
        second: order.second,
        until: order.until,
    };
    Ok(Some(match (word, last.looked) {
        (Some((_, when, order)), _) if order.admits(at) && (order.second.is_some() || !takes_two) => {
            decided(Stands::Admitted, when, order)
        }
        (_, Some(when)) if bad && !last.held => {
            Standing { stands: Stands::FoundBad, since: when, by: None, second: None, until: None }
        }
        // An admission that is over holds nothing open, and was no refusal.
        (Some((_, when, order)), _) if order.what != "admit-model" => {
            decided(Stands::Refused, when, lazaret_ledger::OrderWords { until: None, ..order })
        }
        _ if last.held || last.by_order => of_crossing(Stands::Held),
        _ => of_crossing(Stands::LetThrough),
    }))
}
