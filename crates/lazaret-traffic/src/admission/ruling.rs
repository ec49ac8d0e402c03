//! What is said of models: to whoever asked, in words that name the place, the reason and the way out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::named::Model;
use super::standing::{Standing, Trouble, Word};
use super::uses::Use;

/// What is said of one use of a model.
pub(super) enum Said {
    /// It may run.
    Nothing,
    /// It may run, and this is to be known.
    Warn(String),
    /// It may not, for this reason.
    Refuse(String),
}

/// What was found about all uses.
#[derive(Default)]
pub(super) struct Ruling {
    /// Why it is refused.
    pub(super) refused: Vec<String>,
    /// What is warned of.
    pub(super) warnings: Vec<String>,
    /// The models that were looked up, by their names.
    pub(super) models: BTreeSet<String>,
    /// Where they stand.
    pub(super) standings: Vec<(Model, Arc<Standing>)>,
}

impl Ruling {
    /// Of one thing that is said.
    pub(super) fn of(said: Said) -> Self {
        let mut ruling = Self::default();
        ruling.add(said);
        ruling
    }

    /// Adds what is said of a use.
    pub(super) fn add(&mut self, said: Said) {
        match said {
            Said::Nothing => {}
            Said::Warn(text) => self.warnings.push(text),
            Said::Refuse(text) => self.refused.push(text),
        }
    }
}

/// What is said of a model that was looked up.
pub(super) fn said(used: &Use, model: &Model, standing: &Standing) -> Said {
    let at = &used.at;
    match standing.word {
        Word::Cleared => match standing.troubles.as_slice() {
            [] => Said::Nothing,
            [first, more @ ..] => Said::Warn(warning(model, first, more.len())),
        },
        Word::Held => {
            let held = standing.held.clone().unwrap_or_default();
            let (sha256, rules) = (held.sha256, held.rules.join(", "));
            let since = if held.observed { ": it was let through while observing, with" } else { ":" };
            Said::Refuse(format!(
                "{at}: {model} is held{since} {rules}; receipt {}. Who needs it asks for it: `lazaret models request {sha256}`, and \
                 somebody else admits it",
                held.receipt
            ))
        }
        Word::Unseen => Said::Refuse(format!(
            "{at}: {model} was never inspected here. Pass it (`lazaret models pass MODEL --name NAME`) or fetch it through \
             the proxies, then try again"
        )),
    }
}

/// Short enough that the API server does not cut it: the digest, what is wrong, who has to do with it, until when.
fn warning(model: &Model, trouble: &Trouble, more: usize) -> String {
    let short = |text: &str| text.chars().take(20).collect::<String>();
    let model = match model {
        Model::Digest(sha256) => format!("sha256:{}…", short(&sha256.to_string())),
        Model::Revision { name, revision } => {
            format!("{}@{}", name.chars().take(60).collect::<String>(), short(revision))
        }
    };
    let first = trouble.rules.first().map_or("its admission is over", String::as_str);
    let rules = match trouble.rules.len().saturating_add(more) {
        0 | 1 => first.to_owned(),
        found => format!("{first} and {} more", found.saturating_sub(1)),
    };
    let day = trouble.until.get(..10).unwrap_or(&trouble.until);
    format!("{model} was cleared before; since then: {rules}. {} has until {day}", trouble.owner)
}
