//! Where models stand, by the ledger: a file by its crossings, orders and second looks; a revision by its files; a manifest
//! by what it lists.
//!
//! That something was cleared once never changes, whatever comes later: each rule here only ever adds to what is cleared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{Clock as _, LedgerError, Limit, Limits, Severity, Sha256, SystemClock};
use lazaret_input::find_blob;
use lazaret_input::json::{self, Node};
use lazaret_ledger::{AboutFile, LedgerReader, SpokenOf, SqliteLedger, StoreError};
use lazaret_traffic::admission::judge::Verdicts;
use lazaret_traffic::admission::named::Model;
use lazaret_traffic::admission::standing::{Held, Standing, Trouble, Word};
use lazaret_traffic::updates::oci::manifest::{PLATFORM_KEYS, reads_as, respelled};
use serde::Serialize;

use crate::admission::recorded::{RUNS, RunEvent};
use crate::admission::revisions::{Came, Revisions};
use crate::commands::models::recall::LastWord;
use crate::compose::model_store_folder;
use crate::config::Config;
use crate::exit::CliError;

/// What is recorded once for each file and what was found in it.
pub(crate) const ALERT: &str = "models.alert";

/// Longest manifest that is read.
pub(crate) const MAX_MANIFEST: Limit = Limit::new("admission.max_manifest", 16 << 20);
/// Most files of a model that are looked at for a verdict.
pub(crate) const MAX_CROSSINGS: Limit = Limit::new("admission.max_crossings", 10_000);

/// Rows that are read at once.
const PAGE: u32 = 500;
/// Alerts about one file that are read, the newest: there is one for each set of rules that found something.
const MOST_ALERTS: u32 = 1_000;
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
        for about in ledger.events_about(file, ALERT, MOST_ALERTS)? {
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
        let by_of = |what| Ok::<_, StoreError>(ledger.last_order(file, what)?.map(|order| order.by));
        let admitted = by_of("admit-model")?;
        let last = LastWord::of(ledger, file)?;
        let first = ledger.first_clear_entry_of_file(file)?;
        let Some(last) = last else {
            let Some(by) = admitted else { return Ok(Standing::UNSEEN) };
            // Admitted before it came; it has not come.
            let holds = ledger.admission(file, SystemClock.now())?.is_some();
            let trouble = if holds { None } else { Some(self.trouble_of(ledger, file, Vec::new(), by)?) };
            return Ok(cleared(file, trouble));
        };
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
        let by = by_of("request-model")?;
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
    revisions: Revisions,
    /// The platforms of the cluster: `linux/amd64`.
    platforms: Vec<String>,
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
            revisions: Revisions::default(),
            platforms: config.text("gates.models.platforms").split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// Over a ledger and a store that a test has made.
    #[cfg(test)]
    pub(super) fn over(ledger: &std::path::Path, store: PathBuf) -> Self {
        let duty = Duty { owner: String::new(), days: 30 };
        let ledger = LedgerReader::open(ledger).unwrap();
        let (limits, revisions, platforms) = Default::default();
        Self { ledger, store, duty, limits, revisions, platforms }
    }

    /// Whether an older version has written the ledger last.
    pub(crate) fn is_of_older_schema(&self) -> Result<bool, StoreError> {
        self.ledger.is_of_older_schema()
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
        let (mut revisions, mut after): (_, Option<(String, String)>) = (BTreeSet::new(), None);
        loop {
            let named = after.as_ref().map(|(name, revision)| (name.as_str(), revision.as_str()));
            let page = self.ledger.revisions(named, PAGE)?;
            let Some(last) = page.last() else { return Ok(revisions) };
            after = Some(last.clone());
            revisions.extend(page.into_iter().map(|(name, revision)| Model::Revision { name, revision }));
        }
    }

    /// Which models are spoken of in leaves of the ledger, from an index on up to another: files, and revisions.
    pub(crate) fn spoken_of(
        &self,
        from: u64,
        to: u64,
    ) -> Result<(BTreeSet<Sha256>, BTreeSet<Model>), StoreError> {
        let SpokenOf { files, revisions } = self.ledger.spoken_of(from, to)?;
        let revisions = revisions.into_iter().map(|(name, revision)| Model::Revision { name, revision });
        Ok((files, revisions.collect()))
    }

    /// Where a model stands, and the files by which that is told.
    pub(crate) fn stands(&self, model: &Model) -> Result<(Standing, BTreeSet<Sha256>), StoreError> {
        match model {
            Model::Digest(file) => {
                let mut seen = BTreeSet::new();
                Ok((self.digest(*file, 2, &mut seen)?, seen))
            }
            Model::Revision { name, revision } => {
                let standing = self.revision(name, revision)?;
                let files = standing.files.iter().copied().collect();
                Ok((standing, files))
            }
        }
    }

    /// When the first of the admissions of files that hold now ends.
    pub(crate) fn admitted_until(&self, files: &BTreeSet<Sha256>) -> Result<Option<String>, StoreError> {
        let (mut first, now): (Option<String>, _) = (None, SystemClock.now());
        for file in files {
            let word = self.ledger.last_word(*file)?;
            let until = word.filter(|(_, _, order)| order.admits(now)).and_then(|(_, _, order)| order.until);
            first = match (first, until) {
                (Some(first), Some(until)) => Some(first.min(until)),
                (first, until) => first.or(until),
            };
        }
        Ok(first)
    }

    /// A file; of a manifest also what it lists, and of an index what its manifests list.
    ///
    /// `seen` are the files that were counted already, so that no list makes endless work.
    fn digest(&self, file: Sha256, depth: u8, seen: &mut BTreeSet<Sha256>) -> Result<Standing, StoreError> {
        seen.insert(file);
        let limit = |source| StoreError::Limit { what: "the files of a model", source };
        self.limits.get(MAX_CROSSINGS).check(seen.len() as u64).map_err(limit)?;
        let own = self.duty.of_file(&self.ledger, file)?;
        if own.word != Word::Cleared {
            return Ok(own);
        }
        let (is_index, lists) = match self.manifest(file)? {
            Listed::Nothing => return Ok(own),
            Listed::Layers(lists) => (false, lists),
            Listed::Manifests(lists) => (true, lists),
            // What pulls it may read in it what nobody looked at.
            Listed::Unclear => return Ok(Standing { word: Word::Unseen, ..own }),
        };
        let Some(depth) = depth.checked_sub(1) else { return Ok(Standing { word: Word::Unseen, ..own }) };
        let mut whole = own;
        let mut is_cleared = true;
        for listed in lists {
            if seen.contains(&listed) {
                continue;
            }
            let one = if is_index {
                self.digest(listed, depth, seen)?
            } else {
                seen.insert(listed);
                self.limits.get(MAX_CROSSINGS).check(seen.len() as u64).map_err(limit)?;
                self.duty.of_file(&self.ledger, listed)?
            };
            is_cleared &= one.word == Word::Cleared;
            whole.files.extend(one.files);
            whole.troubles.extend(one.troubles);
            whole.held = whole.held.or(one.held);
        }
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

    /// What a manifest lists, if the file is one and lies in the registry. Of an index the manifests of the platforms that the
    /// settings name, and those that name none; all, where there is none of them.
    fn manifest(&self, file: Sha256) -> Result<Listed, StoreError> {
        let unreadable = StoreError::Damaged("a file of the store of models cannot be read");
        let Ok(found) = find_blob(&self.store, file) else { return Err(unreadable) };
        let Some(source) = found else {
            return Ok(Listed::Nothing);
        };
        let most = self.limits.get(MAX_MANIFEST);
        if most.check(source.len()).is_err() {
            return Ok(Listed::Nothing); // no client takes one of this length
        }
        let Ok(bytes) = source.whole(most) else { return Err(unreadable) };
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Ok(Listed::Nothing);
        }
        let parsed = json::parse(&bytes, &self.limits);
        let Some(document) = parsed.document else {
            return Ok(if contains(&bytes, b"sha256:") { Listed::Unclear } else { Listed::Nothing });
        };
        let root = document.root();
        // Other readers compare keys without case, and take the last of those that are equal.
        let of = |key: &str| -> Vec<Node<'_, '_>> {
            let members = root.members().filter(|member| reads_as(member.key, key));
            members.map(|member| member.value).collect()
        };
        let (layers, manifests) = (of("layers"), of("manifests"));
        let lists_digests = |nodes: &[Node<'_, '_>]| {
            nodes
                .iter()
                .flat_map(Node::items)
                .any(|item| item.members().any(|member| reads_as(member.key, "digest")))
        };
        if !lists_digests(&layers) && !lists_digests(&manifests) {
            return Ok(Listed::Nothing);
        }
        let is_strict = parsed.faults.is_empty()
            && layers.len().saturating_add(manifests.len()) == 1
            && (root.get("layers").is_some() || root.get("manifests").is_some());
        let list = layers.first().or(manifests.first()).filter(|_| is_strict);
        let Some(list) = list else { return Ok(Listed::Unclear) };
        let digest_of = |one: &Node<'_, '_>| -> Option<Sha256> {
            let keys = one.members().filter(|member| reads_as(member.key, "digest")).count();
            Sha256::parse(one.get("digest")?.as_str()?.strip_prefix("sha256:")?).filter(|_| keys == 1)
        };
        let all: Option<Vec<(Sha256, bool)>> =
            list.items().map(|one| Some((digest_of(&one)?, self.may_run(one)))).collect();
        let Some(all) = all else { return Ok(Listed::Unclear) };
        if !layers.is_empty() {
            return Ok(Listed::Layers(all.into_iter().map(|(digest, _)| digest).collect()));
        }
        let any = all.iter().any(|(_, may_run)| *may_run);
        let used = all.into_iter().filter(|(_, may_run)| *may_run || !any);
        Ok(Listed::Manifests(used.map(|(digest, _)| digest).collect()))
    }

    /// Whether a manifest of an index is for a platform of the cluster, or does not say for which in one way.
    fn may_run(&self, one: Node<'_, '_>) -> bool {
        let Some(platform) = one.get("platform") else { return true };
        if respelled(one, &["platform"]).or_else(|| respelled(platform, &PLATFORM_KEYS)).is_some() {
            return true;
        }
        let word = |key: &str| platform.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        let platform = format!("{}/{}", word("os"), word("architecture"));
        self.platforms.contains(&platform)
    }

    /// A revision was cleared once, if at some time it came whole and all of it was cleared, or if it was let in. What is held of
    /// it since is trouble.
    fn revision(&self, name: &str, revision: &str) -> Result<Standing, StoreError> {
        let Came { files, mut was_cleared, .. } =
            self.revisions.came(&self.ledger, name, revision, self.limits.get(MAX_CROSSINGS))?;
        if files.is_empty() {
            return Ok(Standing::UNSEEN);
        }
        // What was let in as this once stays let in.
        let of_runs =
            RunEvent::named(&Model::Revision { name: name.to_owned(), revision: revision.to_owned() });
        for (file, _) in files.iter().filter(|(_, cleared)| **cleared) {
            was_cleared = was_cleared || self.ledger.has_event_of_model(*file, RUNS, &of_runs)?;
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

/// What a file lists, as runtimes that pull images read it.
enum Listed {
    /// It is no manifest.
    Nothing,
    /// The layers of a manifest.
    Layers(Vec<Sha256>),
    /// The manifests of an index.
    Manifests(Vec<Sha256>),
    /// It looks like one, and others may read it otherwise.
    Unclear,
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

impl Verdicts for LedgerVerdicts {
    fn look_up(&self, model: &Model) -> Result<Arc<Standing>, LedgerError> {
        let (standing, _) = self.stands(model).map_err(|error| error.when("tell where a model stands"))?;
        Ok(Arc::new(standing))
    }

    fn is_ready(&self) -> bool {
        self.ledger.size().is_ok()
    }
}
