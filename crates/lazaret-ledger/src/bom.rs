//! The bill of materials of a dataset: what PHI went in, from where, what became of it, on which basis and for
//! which purpose, by which policy and detectors. Every statement names the ledger's entries it is read from;
//! nothing is typed in by hand, and no clock is asked, so the same ledger gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::canonical::CanonicalError;
use crate::read::{CountWords, CrossingWords, LedgerReader, OutputWords, SealedWords};
use crate::store::StoreError;

mod cyclonedx;
mod model;

pub use cyclonedx::{CycloneDx, bom};
pub use model::{ModelFile, ModelRevision, ModelView, model_bom, model_view};

/// What is said of data whose identifiers were removed: never more than was done.
pub const RESIDUE: &str = "identifiers of these kinds removed as detected; what no detector found may remain";

/// Entries read at once while they are counted.
const PAGE: u32 = 2_000;

/// Why there is no bill of materials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BomError {
    /// No complete crossing made such a dataset.
    #[error("no complete crossing made this dataset; `lazaret ledger show --datasets` lists those there are")]
    NoDataset,
    /// No complete crossing brought such a model, or such a revision of it.
    #[error("no complete crossing brought this model; `lazaret models bom` lists those there are")]
    NoModel,
    /// The ledger failed.
    #[error("the ledger could not be read")]
    Store(#[from] StoreError),
    /// It could not be written.
    #[error("the bill of materials could not be written")]
    Canonical(#[from] CanonicalError),
}

/// A statement and the ledger's entries it is read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stated {
    /// What is stated.
    pub value: String,
    /// Indexes of the entries that state it.
    pub at: BTreeSet<u64>,
}

/// What became of one kind of identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BomPhi {
    /// The label: `NAME.patient`.
    pub label: String,
    /// How many were found.
    pub found: u64,
    /// How many were edited, by action: `token`, `redact`, `surrogate`, `shift`, `generalise`, `keep`.
    pub actions: BTreeMap<String, u64>,
    /// Found and neither edited nor kept on purpose: nothing unless the gate only observed.
    pub unedited: u64,
    /// The entries that state it.
    pub at: BTreeSet<u64>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BomSource {
    /// Its system.
    pub system: String,
    /// Keyed digest of its name, hex.
    pub digest: String,
    /// The entries that state it.
    pub at: BTreeSet<u64>,
}

/// A file of the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BomOutput {
    /// The file.
    #[serde(flatten)]
    pub output: OutputWords,
    /// The entry that states it.
    pub at: u64,
}

/// A crossing that made the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BomCrossing {
    /// Its id.
    pub crossing: String,
    /// The index of its opened entry.
    pub opened_at: u64,
    /// The index of its sealed entry.
    pub sealed_at: u64,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: String,
    /// Records it saw.
    pub records: u64,
    /// Records it held: they are not in the dataset.
    pub held: u64,
}

/// What a bill of materials says, for a page or any other form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BomView {
    /// The dataset.
    pub dataset: String,
    /// The one destination it is in, by id: one may be made anew under an old name.
    pub destination: Option<String>,
    /// Earlier destinations of that name, by id: they have bills of their own.
    pub earlier: Vec<String>,
    /// The log's name.
    pub origin: String,
    /// When the last crossing that made it was sealed.
    pub timestamp: String,
    /// Records in it.
    pub records: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// What kind of data it is, in words for people.
    pub classification: Vec<String>,
    /// Whether the counts of identifiers are those of the dataset's own records; if not, they are those of the
    /// whole crossings, with records that were held or went elsewhere.
    pub exact: bool,
    /// What PHI was found, and what became of it.
    pub phi: Vec<BomPhi>,
    /// Special protection its records claim.
    pub sensitivity: Vec<Stated>,
    /// From where.
    pub sources: Vec<BomSource>,
    /// On which bases.
    pub bases: Vec<Stated>,
    /// For which purposes.
    pub purposes: Vec<Stated>,
    /// By which profiles.
    pub profiles: Vec<Stated>,
    /// By which policies, by digest.
    pub policies: Vec<Stated>,
    /// By which formats and detectors, with versions.
    pub detectors: Vec<Stated>,
    /// Under which modes.
    pub modes: Vec<Stated>,
    /// To which destinations.
    pub destinations: Vec<Stated>,
    /// Its files.
    pub outputs: Vec<BomOutput>,
    /// The crossings that made it.
    pub crossings: Vec<BomCrossing>,
}

/// Reads what a bill of materials says of a dataset; `lake` also means `lake/Patient`. Of the destinations that bore
/// its name the one of this id, or the one written to last.
pub fn bom_view(
    reader: &LedgerReader,
    dataset: &str,
    destination: Option<&str>,
) -> Result<BomView, BomError> {
    let mut gathered = Gathered { exact: true, ..Gathered::default() };
    for opened_at in reader.crossings_of_dataset(dataset, destination)? {
        let missing = StoreError::Damaged("a crossing is missing");
        let crossing = reader.crossing_at(opened_at)?.ok_or(missing)?;
        gathered.add(reader, dataset, &crossing)?;
    }
    if gathered.crossings.is_empty() {
        return Err(BomError::NoDataset);
    }
    let mut earlier = reader.destinations_of_dataset(dataset)?;
    let last = earlier.pop().flatten();
    let destination = destination.map(str::to_owned).or(last);
    let earlier = earlier.into_iter().flatten().take_while(|id| Some(id) != destination.as_ref()).collect();
    let view = gathered.view(dataset, reader.origin()?);
    Ok(BomView { destination, earlier, ..view })
}

type Statements = BTreeMap<String, BTreeSet<u64>>;

/// Identifiers of one label: found, by action, and the entries that state it.
#[derive(Default)]
struct PhiSum {
    found: u64,
    actions: BTreeMap<String, u64>,
    at: BTreeSet<u64>,
}

#[derive(Default)]
struct Gathered {
    exact: bool,
    phi: BTreeMap<String, PhiSum>,
    sensitivity: Statements,
    sources: BTreeMap<(String, String), BTreeSet<u64>>,
    bases: Statements,
    purposes: Statements,
    profiles: Statements,
    policies: Statements,
    detectors: Statements,
    modes: Statements,
    destinations: Statements,
    outputs: Vec<BomOutput>,
    crossings: Vec<BomCrossing>,
}

impl Gathered {
    fn add(
        &mut self,
        reader: &LedgerReader,
        dataset: &str,
        crossing: &CrossingWords,
    ) -> Result<(), BomError> {
        let Some(sealed) = &crossing.sealed else { return Ok(()) };
        let (opened, at) = (&crossing.opened, crossing.opened_at);
        for (statements, value) in [
            (&mut self.bases, &opened.basis),
            (&mut self.purposes, &opened.purpose),
            (&mut self.profiles, &opened.profile),
            (&mut self.policies, &opened.policy),
            (&mut self.modes, &opened.mode),
            (&mut self.destinations, &opened.to),
        ] {
            statements.entry(value.clone()).or_default().insert(at);
        }
        for detector in &opened.detectors {
            self.detectors.entry(detector.clone()).or_default().insert(at);
        }
        self.sources.entry((opened.system.clone(), opened.from.clone())).or_default().insert(at);
        let is_own = |output: &OutputWords| is_within(&output.dataset, dataset);
        let own = sealed.seal.outputs.iter().filter(|output| is_own(output));
        self.outputs.extend(own.map(|output| BomOutput { output: output.clone(), at: sealed.sealed_at }));
        self.count(reader, dataset, crossing, sealed)?;
        self.crossings.push(BomCrossing {
            crossing: opened.crossing.clone(),
            opened_at: at,
            sealed_at: sealed.sealed_at,
            started: opened.started.clone(),
            ended: sealed.seal.ended.clone(),
            records: sealed.seal.counts.records,
            held: sealed.seal.counts.held(),
        });
        Ok(())
    }

    /// Counts the identifiers of the dataset's own records; where it cannot be told which those are, of the
    /// whole crossing.
    fn count(
        &mut self,
        reader: &LedgerReader,
        dataset: &str,
        crossing: &CrossingWords,
        sealed: &SealedWords,
    ) -> Result<(), BomError> {
        let own = own_counts(reader, dataset, crossing, sealed)?;
        self.exact &= own.is_some();
        let counts = own.as_ref().map_or(&sealed.seal.counts, |(counts, _)| counts);
        for (label, count) in &counts.phi {
            let sum = self.phi.entry(label.clone()).or_default();
            sum.found = sum.found.saturating_add(*count);
            sum.at.insert(sealed.sealed_at);
        }
        // A gate that only observes records the edits it would have made.
        if crossing.opened.mode == "enforce" {
            for (edit, count) in &counts.edits {
                let (label, action) = edit.rsplit_once(' ').unwrap_or((edit, "edited"));
                let sum = self.phi.entry(label.to_owned()).or_default();
                let made = sum.actions.entry(action.to_owned()).or_default();
                *made = made.saturating_add(*count);
                sum.at.insert(sealed.sealed_at);
            }
        }
        for word in own.into_iter().flat_map(|(_, sensitivity)| sensitivity) {
            self.sensitivity.entry(word).or_default().insert(sealed.sealed_at);
        }
        Ok(())
    }

    fn view(self, dataset: &str, origin: String) -> BomView {
        let sum = |of: fn(&OutputWords) -> u64| {
            self.outputs.iter().fold(0_u64, |sum, output| sum.saturating_add(of(&output.output)))
        };
        let observed = self.modes.contains_key("observe");
        BomView {
            dataset: dataset.to_owned(),
            destination: None,
            earlier: Vec::new(),
            origin,
            timestamp: self.crossings.iter().map(|crossing| crossing.ended.clone()).max().unwrap_or_default(),
            records: sum(|output| output.records),
            bytes: sum(|output| output.bytes),
            classification: classification(self.bases.keys(), observed),
            exact: self.exact,
            phi: self.phi.into_iter().map(|(label, sum)| phi(label, sum)).collect(),
            sensitivity: stated(self.sensitivity),
            sources: self
                .sources
                .into_iter()
                .map(|((system, digest), at)| BomSource { system, digest, at })
                .collect(),
            bases: stated(self.bases),
            purposes: stated(self.purposes),
            profiles: stated(self.profiles),
            policies: stated(self.policies),
            detectors: stated(self.detectors),
            modes: stated(self.modes),
            destinations: stated(self.destinations),
            outputs: self.outputs,
            crossings: self.crossings,
        }
    }
}

/// The counts over the records that went into the dataset, with the sensitivity they claim. Told by kind
/// (`lake/Patient` holds the records of kind `Patient`) and believed only if their number is the outputs'.
pub(crate) fn own_counts(
    reader: &LedgerReader,
    dataset: &str,
    crossing: &CrossingWords,
    sealed: &SealedWords,
) -> Result<Option<(CountWords, BTreeSet<String>)>, StoreError> {
    let outputs = &sealed.seal.outputs;
    let all_own = outputs.iter().all(|output| is_within(&output.dataset, dataset));
    let kinds: BTreeSet<&str> = outputs
        .iter()
        .filter(|output| is_within(&output.dataset, dataset))
        .map(|output| output.dataset.rsplit_once('/').map_or(output.dataset.as_str(), |(_, kind)| kind))
        .collect();
    let expected = outputs
        .iter()
        .filter(|output| is_within(&output.dataset, dataset))
        .fold(0_u64, |sum, output| sum.saturating_add(output.records));
    let id = lazaret_core::CrossingId::parse(&crossing.opened.crossing);
    let id = id.ok_or(StoreError::Damaged("a crossing's id is no UUID"))?;
    let mut counts = CountWords::default();
    let mut sensitivity = BTreeSet::new();
    let mut from = 0;
    loop {
        let entries = reader.entries(id, from, PAGE)?;
        let Some(last) = entries.last() else { break };
        from = last.record.saturating_add(1);
        for entry in entries {
            if !entry.went_out() || !(all_own || kinds.contains(entry.kind.as_str())) {
                continue;
            }
            counts.records = counts.records.saturating_add(1);
            for (sums, own) in [(&mut counts.phi, entry.phi), (&mut counts.edits, entry.edits)] {
                for (key, count) in own {
                    let sum = sums.entry(key).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
            sensitivity.extend(entry.sensitivity);
        }
        if from > crate::store::MAX_RECORDS.most() {
            break;
        }
    }
    Ok((counts.records == expected).then_some((counts, sensitivity)))
}

/// Whether a dataset is the one asked for, or a part of it.
fn is_within(name: &str, dataset: &str) -> bool {
    name.strip_prefix(dataset).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn phi(label: String, sum: PhiSum) -> BomPhi {
    let PhiSum { found, actions, at } = sum;
    let edited = actions.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    BomPhi { label, found, unedited: found.saturating_sub(edited), actions, at }
}

fn stated(statements: Statements) -> Vec<Stated> {
    statements.into_iter().map(|(value, at)| Stated { value, at }).collect()
}

/// What kind of data it is: as much as the bases allow to be said.
fn classification<'b>(bases: impl Iterator<Item = &'b String>, observed: bool) -> Vec<String> {
    let mut said: Vec<String> = bases
        .map(|basis| match basis.as_str() {
            "safe-harbor" => format!("safe-harbor (45 CFR 164.514(b)(2)): {RESIDUE}"),
            "expert" => {
                "expert (45 CFR 164.514(b)(1)): edited as the expert's report allows, on its conditions"
                    .to_owned()
            }
            "limited-data-set" => {
                "limited data set (45 CFR 164.514(e)): still PHI, under a data use agreement".to_owned()
            }
            "identified" => "PHI, identified: under the purpose and authorisation stated".to_owned(),
            other => format!("PHI, on the basis {other}"),
        })
        .collect();
    if observed {
        said.push("PHI, identified: a gate that made it only observed and changed nothing".to_owned());
    }
    said
}
