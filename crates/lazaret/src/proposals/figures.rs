//! What an entry does to the gold, in counts and shares: kept with the proposal, shown to the approver, told to the ledger.

use lazaret_phi::score::effect::{Effect, Figures, Places};
use lazaret_phi::score::{share, wilson};
use serde::{Deserialize, Serialize};

/// What an entry does to the gold, in counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Weighed {
    /// Digest of the gold.
    pub(crate) gold: String,
    /// Digest of the knowledge it was weighed against.
    pub(crate) knowledge: String,
    pub(crate) worse: bool,
    pub(crate) notes: u64,
    pub(crate) before: Side,
    pub(crate) after: Side,
    /// Gold spans of which more is found.
    pub(crate) found: u64,
    /// Gold spans of which less is found: they pass.
    pub(crate) lost: u64,
    /// Places that are no identifier and would be masked.
    pub(crate) masked: u64,
    /// Places that are none and no longer would be.
    pub(crate) freed: u64,
}

/// The figures of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Side {
    /// Gold spans found.
    pub(crate) found: u64,
    /// Gold spans.
    pub(crate) gold: u64,
    /// Predictions that are right.
    pub(crate) right: u64,
    /// Predictions.
    pub(crate) predicted: u64,
    /// Characters of gold spans that stay in the text.
    pub(crate) left: u64,
    /// Characters of gold spans.
    pub(crate) characters: u64,
}

impl From<&Figures> for Side {
    fn from(of: &Figures) -> Self {
        let hits = of.hits;
        let (found, gold, right, predicted) = (hits.found, hits.gold, hits.right, hits.predicted);
        Self { found, gold, right, predicted, left: of.left, characters: of.phi }
    }
}

impl Weighed {
    pub(super) fn of(effect: &Effect, gold: &str, knowledge: &str) -> Self {
        Self {
            gold: gold.to_owned(),
            knowledge: knowledge.to_owned(),
            worse: effect.is_worse(),
            notes: effect.notes,
            before: Side::from(&effect.before),
            after: Side::from(&effect.after),
            found: effect.found.count,
            lost: effect.lost.count,
            masked: effect.masked.count,
            freed: effect.freed.count,
        }
    }

    /// In a few words.
    pub(crate) fn verdict(&self) -> &'static str {
        match self {
            Self { worse: true, .. } => "worse",
            Self { found: 0, freed: 0, .. } => "no change",
            _ => "better",
        }
    }

    /// What it does, in one sentence that names no text.
    pub(crate) fn sentence(&self) -> String {
        let spans = |count: u64, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            count => {
                Some(format!("{count} {}", what.replace("span ", "spans ").replace("place ", "places ")))
            }
        };
        let parts: Vec<String> = [
            spans(self.lost, "gold span would pass that is found now, whole or in part"),
            spans(self.masked, "place that is no identifier would be masked"),
            spans(self.found, "gold span more would be found"),
            spans(self.freed, "place that is no identifier would no longer be masked"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { "nothing changes on the gold".to_owned() } else { parts.join("; ") }
    }
}

/// Part and whole of a share.
pub(crate) type ShareOf = fn(&Side) -> (u64, u64);

/// The shares that are shown.
pub(crate) const SHARES: [(&str, ShareOf); 3] = [
    ("recall", |side| (side.found, side.gold)),
    ("precision", |side| (side.right, side.predicted)),
    ("characters left", |side| (side.left, side.characters)),
];

/// The places of an effect with what each is, harm first.
pub(crate) fn places(effect: &Effect) -> [(&'static str, &Places); 4] {
    [
        ("gold that would pass, whole or in part", &effect.lost),
        ("no identifier, and would be masked", &effect.masked),
        ("gold that would be found", &effect.found),
        ("no identifier, and would no longer be masked", &effect.freed),
    ]
}

/// `97.22 % of 36`.
pub(crate) fn percent(part: u64, of: u64) -> String {
    share(part, of).map_or_else(|| "\u{2013}".to_owned(), |share| format!("{:.2} % of {of}", 100.0 * share))
}

/// `85.83 to 99.51`.
pub(crate) fn interval(part: u64, of: u64) -> String {
    let interval = wilson::interval(part, of);
    interval.map_or_else(
        || "\u{2013}".to_owned(),
        |interval| format!("{:.2} to {:.2}", 100.0 * interval.low, 100.0 * interval.high),
    )
}
