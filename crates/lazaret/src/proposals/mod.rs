//! Entries that people would like in the hospital's knowledge: proposed by one, weighed on the hospital's gold, approved
//! or rejected by another. Who they are is told by their tokens.
//!
//! | file | what is in it |
//! |---|---|
//! | `reviewers` | who someone is, by their token |
//! | `store` | the file beside the hospital's knowledge that the proposals are kept in |
//! | `figures` | what an entry does to the gold, in counts and shares |
//! | `gold` | the notes of the gold with what is found in them, and what an entry would do to that |
//! | `beside` | a note of the gold beside what is found in it |
//! | `decide` | an approval or a rejection, recorded and carried out, and what a crash left of one |

use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{Clock as _, Label, SystemClock, hex};
use lazaret_ledger::merkle::sha256;
use lazaret_phi::score::effect::Effect;
use lazaret_phi::{Answers, EntryKind, MAX_KNOWLEDGE, NewEntry, Scanner, with_lines};
use serde::{Deserialize, Serialize};

use crate::cli::one_line;
use crate::config::Config;
use crate::exit::{CliError, read_text};
use crate::knowledge;

pub(crate) mod beside;
mod decide;
mod figures;
mod gold;
pub(crate) mod reviewers;
mod store;

pub(crate) use decide::{Decided, Word};
pub(crate) use figures::{SHARES, ShareOf, Side, Weighed, interval, percent, places};
use gold::Bench;
pub(crate) use gold::{Found, FoundIn};
use store::{Kept, Store};
pub(crate) use store::{MAX_PROPOSALS, MAX_PROPOSALS_FILE};

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Nobody decided yet.
    Open,
    /// Somebody approved it, and the process ended before it was in the file.
    Approving,
    /// It is in the file.
    Approved,
    /// It never will be.
    Rejected,
}

impl State {
    /// As a person reads it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approving => "approval cut short",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// One proposal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proposal {
    /// Its number, from 1.
    pub(crate) id: u64,
    pub(crate) state: State,
    /// The entry it would make.
    pub(crate) entry: EntryWords,
    /// Who proposed it.
    pub(crate) by: String,
    /// When.
    pub(crate) at: String,
    /// Why.
    pub(crate) reason: String,
    /// What it did to the gold when it was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weighed: Option<Weighed>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Decision>,
}

/// An entry as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryWords {
    pub(crate) kind: String,
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) after: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ward: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) section: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
}

/// A decision.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// Who.
    pub(crate) by: String,
    /// When.
    pub(crate) at: String,
    /// Why.
    pub(crate) reason: String,
    /// The crossing that records it.
    pub(crate) receipt: String,
}

impl EntryWords {
    fn of(entry: &NewEntry) -> Self {
        Self {
            kind: entry.kind.name().to_owned(),
            text: entry.text.clone(),
            label: entry.label.map(|label| label.to_string()),
            after: entry.after.clone(),
            ward: entry.ward.clone(),
            author: entry.author.clone(),
            section: entry.section.clone(),
            until: entry.until.clone(),
        }
    }

    /// The entry; none where the words are not ours.
    pub(crate) fn entry(&self) -> Option<NewEntry> {
        Some(NewEntry {
            kind: EntryKind::parse(&self.kind)?,
            text: self.text.clone(),
            label: match &self.label {
                Some(label) => Some(Label::parse(label)?),
                None => None,
            },
            after: self.after.clone(),
            ward: self.ward.clone(),
            author: self.author.clone(),
            section: self.section.clone(),
            until: self.until.clone(),
        })
    }

    /// What it does and where, without a text or a name: `allow NAME in section`.
    pub(crate) fn kind_and_scope(&self) -> String {
        let label = self.label.as_ref().map_or_else(String::new, |label| format!(" {label}"));
        let scopes = [("ward", &self.ward), ("author", &self.author), ("section", &self.section)];
        let scopes: Vec<&str> = scopes.iter().filter_map(|(name, of)| of.as_ref().map(|_| *name)).collect();
        let scopes = if scopes.is_empty() { String::new() } else { format!(" in {}", scopes.join(" and ")) };
        format!("{}{label}{scopes}", self.kind)
    }
}

/// Why something was not done. The words name no text of an entry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// It makes no sense, or may not be done by this person.
    #[error("{0}")]
    Wrong(String),
    /// Something else changed meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// It would do harm, or nobody knows, and nobody said that it shall be done all the same.
    #[error("{0}")]
    Unconfirmed(String),
    /// A part failed.
    #[error(transparent)]
    Failed(#[from] CliError),
}

impl From<Refused> for CliError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(error) => error,
            other => Self::Usage(other.to_string()),
        }
    }
}

/// The proposals, with what they are weighed by. One for a process.
pub(crate) struct Proposals {
    config: Config,
    knowledge: PathBuf,
    store: Store,
    bench: Bench,
}

/// What an approver sees of an entry.
pub(crate) struct View {
    /// The lines it would be in the file.
    pub(crate) lines: String,
    /// What it does to the gold; none where there is no gold.
    pub(crate) effect: Option<Effect>,
    pub(crate) weighed: Option<Weighed>,
    /// The knowledge and the gold that were looked at: a decision that was made on others is refused.
    pub(crate) seen: String,
}

impl Proposals {
    /// Of the file that the configuration names.
    pub(crate) fn open(config: &Config) -> Result<Self, CliError> {
        let path = knowledge::path(config).ok_or_else(|| {
            let why = "there is no file of the hospital's knowledge: set `phi.knowledge` in lazaret.toml";
            CliError::Usage(why.to_owned())
        })?;
        // The one place, by whatever link it was named.
        let path = path.canonicalize().map_err(|error| {
            CliError::Usage(format!(
                "{}: {error}; a file of the one line `version = 1` will do",
                path.display()
            ))
        })?;
        Ok(Self {
            store: Store::beside(&path, config.limits()),
            bench: Bench::new(config),
            knowledge: path,
            config: config.clone(),
        })
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Result<Vec<Proposal>, CliError> {
        self.store.read()
    }

    /// One of them.
    pub(crate) fn one(&self, id: u64) -> Result<Proposal, Refused> {
        let all = self.all()?;
        all.into_iter().find(|one| one.id == id).ok_or_else(|| no_such(id))
    }

    /// Proposes an entry. Returns when it is kept.
    pub(crate) fn propose(
        &self,
        by: &str,
        entry: &NewEntry,
        reason: &str,
    ) -> Result<(Proposal, View), Refused> {
        one_line(reason).map_err(|_| Refused::Wrong("a reason is one line and says something".to_owned()))?;
        entry.check(SystemClock.now(), &self.config.limits()).map_err(Refused::Wrong)?;
        let view = self.weigh_entry(by, entry, reason)?;
        let words = EntryWords::of(entry);
        let mut kept = self.store.lock()?;
        let same = |one: &&Proposal| one.state == State::Open && one.entry == words;
        if let Some(other) = kept.proposals.iter().find(same) {
            return Err(Refused::Wrong(format!("proposal {} says the same and is open", other.id)));
        }
        let proposal = Proposal {
            id: kept.next_id(),
            state: State::Open,
            entry: words,
            by: by.to_owned(),
            at: SystemClock.now().to_string(),
            reason: reason.to_owned(),
            weighed: view.weighed.clone(),
            decision: None,
        };
        kept.proposals.push(proposal.clone());
        kept.save()?;
        Ok((proposal, view))
    }

    /// The gold as it is now with what a scanner finds in it; none where no gold is named.
    pub(crate) fn gold(&self, scanner: &Scanner) -> Result<Option<Arc<Found>>, CliError> {
        self.bench.found(scanner)
    }

    /// What a proposal would do now.
    pub(crate) fn view(&self, proposal: &Proposal) -> Result<View, Refused> {
        let entry = proposal.entry.entry().ok_or_else(not_ours)?;
        self.weigh_entry(&proposal.by, &entry, &proposal.reason)
    }

    /// The same of an entry that nobody proposed yet.
    pub(crate) fn weigh_entry(&self, by: &str, entry: &NewEntry, reason: &str) -> Result<View, Refused> {
        let file = self.file()?;
        let lines = entry.lines(&Answers { owner: by, approver: "", reason });
        self.weigh(&file, lines)
    }

    /// Weighs lines at the end of the file as it was read.
    fn weigh(&self, file: &str, lines: String) -> Result<View, Refused> {
        let (before, after) = (self.parse(file)?, self.parse(&with_lines(file, &lines)));
        let after = after.map_err(|error| {
            // Line numbers would be those of a file that nobody has.
            Refused::Wrong(format!("the file would be refused with this entry: {error}"))
        })?;
        let digest = before.digest().to_owned();
        let scanner = |known| knowledge::scanner_knowing(&self.config, Some(Arc::new(known)));
        let weighed = self.bench.weigh(&scanner(before)?, &scanner(after)?)?;
        let seen = |gold: &str| digest_of(format!("{digest} {gold}").as_bytes());
        Ok(match weighed {
            Some((effect, gold)) => View {
                lines,
                weighed: Some(Weighed::of(&effect, &gold, &digest)),
                effect: Some(effect),
                seen: seen(&gold),
            },
            None => View { lines, effect: None, weighed: None, seen: seen("") },
        })
    }

    /// The file as it is now.
    fn file(&self) -> Result<String, CliError> {
        read_text(&self.knowledge, self.config.limits().get(MAX_KNOWLEDGE))
    }

    fn parse(&self, text: &str) -> Result<lazaret_phi::Knowledge, CliError> {
        knowledge::parse(&self.knowledge, text, &self.config)
    }
}

fn no_such(id: u64) -> Refused {
    Refused::Wrong(format!("there is no proposal {id}"))
}

fn not_ours() -> Refused {
    Refused::Wrong("the proposal is of another form than this version knows".to_owned())
}

/// `sha256:…`
fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&sha256(bytes)))
}
