//! Verdicts: the least intrusive form the policy permits.

use std::fmt;

use serde::Serialize;

/// What may happen to one record. In the order in which the policy is asked: the first permitted is the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Crosses as it is.
    Allow,
    /// Crosses with the profile's edits: tokens, shifted dates, generalised values.
    Tokenise,
    /// Crosses with everything detected taken out.
    Redact,
    /// Kept back, encrypted; a person may release it.
    Quarantine,
    /// Refused; kept as evidence.
    Block,
    /// Crosses by break-glass.
    Override,
}

impl Verdict {
    /// The five the policy is asked for, least intrusive first.
    pub const ASKED: [Self; 5] = [Self::Allow, Self::Tokenise, Self::Redact, Self::Quarantine, Self::Block];

    /// The word in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Tokenise => "tokenise",
            Self::Redact => "redact",
            Self::Quarantine => "quarantine",
            Self::Block => "block",
            Self::Override => "override",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allow, Self::Tokenise, Self::Redact, Self::Quarantine, Self::Block, Self::Override]
            .into_iter()
            .find(|verdict| verdict.name() == text)
    }

    /// Whether the record is kept back.
    pub const fn holds(self) -> bool {
        matches!(self, Self::Quarantine | Self::Block)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
