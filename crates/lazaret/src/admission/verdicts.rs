//! Where models stand, by the ledger: a file by its crossings, orders and second looks; a revision by its files; a manifest
//! by what it lists.
//!
//! That something was cleared once never changes, whatever comes later: each rule here only ever adds to what is cleared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{Clock as _, CrossingId, LedgerError, Limit, Limits, Severity, Sha256, SystemClock};
use lazaret_input::{find_blob, json};
use lazaret_ledger::{AboutFile, LedgerReader, SqliteLedger, StoreError};
use lazaret_traffic::admission::judge::Verdicts;
use lazaret_traffic::admission::named::Model;
use lazaret_traffic::admission::standing::{Held, Standing, Trouble, Word};
use serde::Serialize;

use crate::commands::models::recall::LastWord;
use crate::compose::model_store_folder;
use crate::config::Config;
use crate::exit::CliError;

/// What is recorded once for each file and what was found in it.
pub(crate) const ALERT: &str = "models.alert";

/// Longest manifest that is read.
pub(crate) const MAX_MANIFEST: Limit = Limit::new("admission.max_manifest", 4 << 20);
/// Most crossings of a model, or files of one, that are looked at for a verdict.
pub(crate) const MAX_CROSSINGS: Limit = Limit::new("admission.max_crossings", 10_000);

/// Rows that are read at once.
const PAGE: u32 = 500;
/// Orders and alerts about one file that are read.
const MOST_ABOUT: usize = 1_000;
const DAY: u64 = 86_400_000;

/// Who has to do with findings in what was cleared, and how long they have.
#[derive(Debug, Clone)]
pub(crate) struct Duty {
    owner: String,
    days: u64,
}

/// What is recorded of an alert.
#[derive(Serialize)]
struct AlertEvent<'a> {
    rules: &'a [String],
    owner: &'a str,
    until: &'a str,
}

impl Duty {
    /// As the settings say.
    pub(crate) fn new(config: &Config) -> Result<Self, CliError> {
        let days = config.text("gates.models.alert_days");
        let days = days.parse().ok().filter(|days| (1..=3_660).contains(days)).ok_or_else(|| {
            CliError::Usage(format!(
                "`gates.models.alert_days`: `{days}` is no number of days, from 1 to 3660"
            ))
        })?;
        Ok(Self { owner: config.text("gates.models.owner").to_owned(), days })
    }

    /// What is wrong with a file that runs; none where nothing is.
    pub(crate) fn trouble(&self, ledger: &LedgerReader, file: Sha256) -> Result<Option<Trouble>, StoreError> {
        let mut standing = self.of_file(ledger, file)?;
        match standing.held {
            // It is held, and a part of something that was cleared before it came.
            Some(held) => {
                let owner = if self.owner.is_empty() { "nobody" } else { &self.owner };
                Ok(Some(self.trouble_of(ledger, file, held.rules, owner.to_owned())?))
            }
            None => Ok(standing.troubles.pop()),
        }
    }

    /// Records what is wrong with a file, unless that was done.
    pub(crate) fn raise(ledger: &SqliteLedger, trouble: &Trouble) -> Result<(), StoreError> {
        if Self::raised(ledger.reader(), trouble.sha256, &trouble.rules)?.is_some() {
            return Ok(());
        }
        let event = AlertEvent { rules: &trouble.rules, owner: &trouble.owner, until: &trouble.until };
        ledger.append_about(trouble.sha256, ALERT, &event)?;
        Ok(())
    }

    /// Until when the owner of a file has, if an alert for these findings was recorded.
    fn raised(ledger: &LedgerReader, file: Sha256, rules: &[String]) -> Result<Option<String>, StoreError> {
        for about in ledger.events_about(file, ALERT, MOST_ABOUT)? {
            let AboutFile::Event { event, .. } = about else { continue };
            let same = event.get("rules").and_then(|known| known.as_array()).is_some_and(|known| {
                known.iter().map(|rule| rule.as_str()).eq(rules.iter().map(|rule| Some(rule.as_str())))
            });
            if same {
                return Ok(event.get("until").and_then(|until| until.as_str()).map(str::to_owned));
            }
        }
        Ok(None)
    }

    /// Where one file stands.
    fn of_file(&self, ledger: &LedgerReader, file: Sha256) -> Result<Standing, StoreError> {
        let orders = ledger.orders_about(file, MOST_ABOUT)?;
        let admitted = orders.iter().find_map(|about| by_of(about, "admit-model"));
        let last = LastWord::of(ledger, file)?;
        let first = ledger.first_clear_entry_of_file(file)?;
        let Some(last) = last else {
            let Some(by) = admitted else { return Ok(Standing::UNSEEN) };
            // Admitted before it came; it has not come.
            let holds = ledger.admission(file, SystemClock.now())?.is_some();
            let trouble = if holds { None } else { Some(self.trouble_of(ledger, file, Vec::new(), by)?) };
            return Ok(cleared(file, trouble));
        };
        let by = orders.iter().find_map(|about| by_of(about, "request-model"));
        if first.is_none() && admitted.is_none() {
            let held = Held { sha256: file.to_string(), rules: grave(&last.rules), receipt: last.receipt };
            return Ok(Standing {
                word: Word::Held,
                files: vec![file],
                troubles: Vec::new(),
                held: Some(held),
            });
        }
        if last.lets_go(ledger, file)? {
            return Ok(cleared(file, None));
        }
        let brought = first.map(|first| ledger.opened_at(first.opened_at)).transpose()?.flatten();
        // The proxies bring models for whoever asks: their account is nobody who has to do with one.
        let person =
            brought.as_ref().filter(|opened| opened.route == opened.gate).map(|opened| &opened.actor.id);
        let fallback = Some(&self.owner).filter(|owner| !owner.is_empty());
        let owner = by.as_ref().or(person).or(fallback).or(admitted.as_ref()).cloned();
        let owner = owner.or(brought.map(|opened| opened.actor.id)).unwrap_or_else(|| "nobody".to_owned());
        Ok(cleared(file, Some(self.trouble_of(ledger, file, grave(&last.rules), owner)?)))
    }

    fn trouble_of(
        &self,
        ledger: &LedgerReader,
        file: Sha256,
        rules: Vec<String>,
        owner: String,
    ) -> Result<Trouble, StoreError> {
        let until = Self::raised(ledger, file, &rules)?;
        let until =
            until.unwrap_or_else(|| SystemClock.now().plus_millis(self.days.saturating_mul(DAY)).to_string());
        Ok(Trouble { sha256: file, rules, owner, until })
    }
}

fn cleared(file: Sha256, trouble: Option<Trouble>) -> Standing {
    Standing { word: Word::Cleared, files: vec![file], troubles: trouble.into_iter().collect(), held: None }
}

/// Who gave an order of a kind.
fn by_of(about: &AboutFile, what: &str) -> Option<String> {
    match about {
        AboutFile::Order { order, .. } if order.what == what => Some(order.by.clone()),
        _ => None,
    }
}

/// The rules that found something of medium or above; all, where none did.
fn grave(rules: &BTreeMap<String, Severity>) -> Vec<String> {
    let grave: Vec<String> = rules
        .iter()
        .filter(|(_, severity)| **severity >= Severity::Medium)
        .map(|(id, _)| id.clone())
        .collect();
    if grave.is_empty() { rules.keys().cloned().collect() } else { grave }
}

/// Verdicts by the ledger.
pub(crate) struct LedgerVerdicts {
    ledger: LedgerReader,
    store: PathBuf,
    duty: Duty,
    limits: Limits,
}

impl LedgerVerdicts {
    /// Over the ledger of a data directory, which others may write.
    pub(crate) fn open(config: &Config) -> Result<Self, CliError> {
        let ledger = crate::compose::ledger_of(config)?;
        Ok(Self {
            ledger: LedgerReader::open(&ledger)
                .map_err(|error| CliError::failed("the ledger could not be opened", error))?,
            store: model_store_folder(config, &config.path("data")),
            duty: Duty::new(config)?,
            limits: config.limits(),
        })
    }

    /// How long the ledger is.
    pub(crate) fn size(&self) -> Result<u64, StoreError> {
        self.ledger.size()
    }

    /// Every file that came, and every one that was admitted before it came.
    pub(crate) fn files(&self) -> Result<Vec<Sha256>, StoreError> {
        let mut files = Vec::new();
        loop {
            let page = self.ledger.files_spoken_of(files.last().copied(), PAGE)?;
            if page.is_empty() {
                return Ok(files);
            }
            files.extend(page);
        }
    }

    /// Every revision of every model.
    pub(crate) fn revisions(&self) -> Result<BTreeSet<Model>, StoreError> {
        let (mut revisions, mut after) = (BTreeSet::new(), None);
        loop {
            let names = self.ledger.models(after.as_deref(), PAGE)?;
            let Some(last) = names.last() else { return Ok(revisions) };
            after = Some(last.clone());
            for name in names {
                let mut before = None;
                loop {
                    let page = self.ledger.openings_of_model(&name, before, PAGE)?;
                    let Some(last) = page.last() else { break };
                    before = Some(last.opened_at);
                    let own = page.into_iter().filter_map(|one| one.opened.model?.revision);
                    revisions.extend(own.map(|revision| Model::Revision { name: name.clone(), revision }));
                }
            }
        }
    }

    fn stands(&self, model: &Model) -> Result<Standing, StoreError> {
        match model {
            Model::Digest(file) => self.digest(*file, 2),
            Model::Revision { name, revision } => self.revision(name, revision),
        }
    }

    /// A file; of a manifest also what it lists, and of an index what its manifests list.
    fn digest(&self, file: Sha256, depth: u8) -> Result<Standing, StoreError> {
        let own = self.duty.of_file(&self.ledger, file)?;
        let Some(depth) = depth.checked_sub(1) else { return Ok(own) };
        if own.word != Word::Cleared {
            return Ok(own);
        }
        let Some(Manifest { is_index, lists }) = self.manifest(file) else { return Ok(own) };
        let mut whole = own;
        let mut words = Vec::new();
        for listed in lists {
            let one = self.digest(listed, if is_index { depth } else { 0 })?;
            words.push(one.word);
            whole.files.extend(
                one.files.iter().filter(|file| !whole.files.contains(file)).copied().collect::<Vec<_>>(),
            );
            whole.troubles.extend(one.troubles);
            whole.held = whole.held.or(one.held);
        }
        // A manifest is all its layers. Of an index one platform is used, so one that was cleared is enough.
        let is_cleared = if is_index {
            words.contains(&Word::Cleared)
        } else {
            words.iter().all(|word| *word == Word::Cleared)
        };
        whole.word = match (is_cleared, &whole.held) {
            (true, _) => Word::Cleared,
            (false, Some(_)) => Word::Held,
            (false, None) => Word::Unseen,
        };
        if whole.word == Word::Cleared {
            whole.held = None;
        }
        Ok(whole)
    }

    /// What a manifest lists, if the file is one and lies in the registry.
    fn manifest(&self, file: Sha256) -> Option<Manifest> {
        let source = find_blob(&self.store, file).ok()??;
        MAX_MANIFEST.check(source.len()).ok()?;
        let bytes = source.whole(MAX_MANIFEST).ok()?;
        let parsed = json::parse(&bytes, &self.limits);
        let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
        let root = document.root();
        root.get("schemaVersion")?;
        let (is_index, list) = match (root.get("layers"), root.get("manifests")) {
            (Some(layers), None) => (false, layers),
            (None, Some(manifests)) => (true, manifests),
            _ => return None,
        };
        let lists =
            list.items().map(|one| Sha256::parse(one.get("digest")?.as_str()?.strip_prefix("sha256:")?));
        Some(Manifest { is_index, lists: lists.collect::<Option<_>>()? })
    }

    /// A revision was cleared once, if at some time all that was known of it had been. What is held of it since is trouble.
    fn revision(&self, name: &str, revision: &str) -> Result<Standing, StoreError> {
        let mut crossings = Vec::new();
        let mut before = None;
        let most = self.limits.get(MAX_CROSSINGS);
        let limit = |what| move |source| StoreError::Limit { what, source };
        let mut read: u64 = 0;
        loop {
            let page = self.ledger.openings_of_model(name, before, PAGE)?;
            let Some(last) = page.last() else { break };
            before = Some(last.opened_at);
            read = read.saturating_add(page.len() as u64);
            most.check(read).map_err(limit("the crossings of a model"))?;
            crossings.extend(page.into_iter().filter(|one| {
                one.opened.model.as_ref().and_then(|model| model.revision.as_deref()) == Some(revision)
            }));
        }
        let mut files: BTreeMap<Sha256, bool> = BTreeMap::new();
        let mut was_cleared = false;
        for crossing in crossings.into_iter().rev() {
            let Some(id) = CrossingId::parse(&crossing.opened.crossing) else { continue };
            let mut from = 0;
            loop {
                let page = self.ledger.entries(id, from, PAGE)?;
                let Some(last) = page.last() else { break };
                from = last.record.saturating_add(1);
                for entry in &page {
                    let Some(file) = entry.file.as_ref().and_then(|file| Sha256::parse(&file.sha256)) else {
                        continue;
                    };
                    let cleared = files.entry(file).or_insert(false);
                    *cleared |= crossing.is_complete && entry.held.is_none();
                }
                most.check(files.len() as u64).map_err(limit("the files of a model"))?;
            }
            was_cleared |= !files.is_empty() && files.values().all(|cleared| *cleared);
        }
        if files.is_empty() {
            return Ok(Standing::UNSEEN);
        }
        let mut whole = Standing::UNSEEN;
        whole.word = Word::Cleared;
        for file in files.into_keys() {
            let one = self.duty.of_file(&self.ledger, file)?;
            whole.files.push(file);
            whole.troubles.extend(one.troubles);
            match one.held {
                Some(_) if was_cleared => {
                    whole.troubles.extend(self.duty.trouble(&self.ledger, file)?);
                }
                Some(held) => {
                    whole.word = Word::Held;
                    whole.held = Some(held);
                }
                None => {}
            }
        }
        Ok(whole)
    }
}

struct Manifest {
    is_index: bool,
    lists: Vec<Sha256>,
}

impl Verdicts for LedgerVerdicts {
    fn look_up(&self, model: &Model) -> Result<Arc<Standing>, LedgerError> {
        let standing = self.stands(model).map_err(|error| error.when("tell where a model stands"))?;
        Ok(Arc::new(standing))
    }

    fn is_ready(&self) -> bool {
        self.ledger.size().is_ok()
    }
}
