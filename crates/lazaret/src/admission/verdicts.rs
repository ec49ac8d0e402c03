//! Where models stand, by the ledger: a file by its crossings, orders and second looks; a revision by its files; a manifest
//! by what it lists.
//!
//! What a file does depends on what it is taken for: it is judged under the name that is known of it, where one is (a revision's
//! file, a layer that its manifest names), else under all that it had. That something was cleared once never changes, whatever
//! comes later: each rule here only ever adds to what is cleared. What mode observe let through was not cleared by that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use lazaret_core::{Clock as _, LedgerError, Limit, Limits, Severity, Sha256, SystemClock};
use lazaret_input::find_blob;
use lazaret_input::json::{self, JsonKind, Node};
use lazaret_ledger::{AboutFile, LedgerReader, SinceNamed, SpokenOf, SqliteLedger, StoreError};
use lazaret_models::folder_and_name;
use lazaret_traffic::admission::judge::Verdicts;
use lazaret_traffic::admission::named::Model;
use lazaret_traffic::admission::standing::{Held, Standing, Trouble, Word};
use lazaret_traffic::updates::oci::given_names;
use lazaret_traffic::updates::oci::manifest::{PLATFORM_KEYS, reads_as, respelled};
use serde::Serialize;

use crate::admission::recorded::{RUNS, RunEvent};
use crate::admission::revisions::{Came, Revisions};
use crate::commands::models::recall::{LastWord, RESCANNED};
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

    /// What is wrong with a file that runs, under a name or under all that it has; none where nothing is.
    pub(crate) fn trouble(
        &self,
        ledger: &LedgerReader,
        file: Sha256,
        name: Option<&str>,
    ) -> Result<Option<Trouble>, StoreError> {
        let mut standing = self.of_file(ledger, file, name)?;
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

    /// Where one file stands, under a name or under all that it has.
    fn of_file(
        &self,
        ledger: &LedgerReader,
        file: Sha256,
        name: Option<&str>,
    ) -> Result<Standing, StoreError> {
        let by_of = |what| Ok::<_, StoreError>(ledger.last_order(file, what)?.map(|order| order.by));
        let admitted = by_of("admit-model")?;
        let (last, was_cleared) = match name {
            Some(name) => {
                let since = ledger.since_named(file, folder_and_name(name).1, RESCANNED)?;
                let was_cleared = since.is_some_and(|since| since.cleared.is_some());
                (LastWord::under(ledger, file, name)?, was_cleared)
            }
            None => (LastWord::of(ledger, file)?, was_cleared_under_all(ledger, file)?),
        };
        let Some(last) = last else {
            let Some(by) = admitted else { return Ok(Standing::UNSEEN) };
            // Admitted before it came; it has not come.
            let holds = ledger.admission(file, SystemClock.now())?.is_some();
            let trouble = if holds { None } else { Some(self.trouble_of(ledger, file, Vec::new(), by)?) };
            return Ok(cleared(file, trouble));
        };
        if !was_cleared && admitted.is_none() {
            let observed = !last.held && last.is_bad();
            let (sha256, rules) = (file.to_string(), grave(&last.rules));
            let held = Held { sha256, rules, receipt: last.receipt, observed };
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
        let first = ledger.first_clear_entry_of_file(file)?;
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

/// Whether there was a time at which a file was cleared under each name that it had by then. One under which it came later says
/// nothing of those who know it by its digest since before.
fn was_cleared_under_all(ledger: &LedgerReader, file: Sha256) -> Result<bool, StoreError> {
    let mut names: Vec<SinceNamed> = Vec::new();
    for step in ledger.steps_of_file(file) {
        names.extend(ledger.since_named(file, &step?, RESCANNED)?);
    }
    names.sort_unstable_by_key(|name| name.came);
    let (mut names, mut since) = (names.into_iter().peekable(), 0);
    while let Some(name) = names.next() {
        let Some(cleared) = name.cleared else { return Ok(false) };
        since = cleared.max(since);
        if names.peek().is_none_or(|next| since < next.came) {
            return Ok(true);
        }
    }
    Ok(false)
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
    /// The same ledger where this process has it open: not ready once that takes nothing more.
    written: Option<Weak<SqliteLedger>>,
}

impl LedgerVerdicts {
    /// Over the ledger of a data directory, which others may write.
    pub(crate) fn open(config: &Config, written: Option<&Arc<SqliteLedger>>) -> Result<Self, CliError> {
        let ledger = crate::compose::ledger_of(config)?;
        Ok(Self {
            ledger: LedgerReader::open(&ledger)
                .map_err(|error| CliError::failed("the ledger could not be opened", error))?,
            store: model_store_folder(config, &config.path("data")),
            duty: Duty::new(config)?,
            limits: config.limits(),
            revisions: Revisions::default(),
            platforms: config.text("gates.models.platforms").split_whitespace().map(str::to_owned).collect(),
            written: written.map(Arc::downgrade),
        })
    }

    /// Over a ledger and a store that a test has made.
    #[cfg(test)]
    pub(super) fn over(ledger: &std::path::Path, store: PathBuf) -> Self {
        let duty = Duty { owner: String::new(), days: 30 };
        let ledger = LedgerReader::open(ledger).unwrap();
        let (limits, revisions, platforms, written) = Default::default();
        Self { ledger, store, duty, limits, revisions, platforms, written }
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
                let standing = self.digest(*file, 2, &mut seen)?;
                Ok((standing, seen.into_iter().map(|(file, _)| file).collect()))
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
    /// `seen` are the files that were counted already, each with its name, so that no list makes endless work.
    fn digest(
        &self,
        file: Sha256,
        depth: u8,
        seen: &mut BTreeSet<(Sha256, Option<String>)>,
    ) -> Result<Standing, StoreError> {
        seen.insert((file, None));
        let limit = |source| StoreError::Limit { what: "the files of a model", source };
        self.limits.get(MAX_CROSSINGS).check(seen.len() as u64).map_err(limit)?;
        let own = self.duty.of_file(&self.ledger, file, None)?;
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
                self.digest(listed.0, depth, seen)?
            } else {
                seen.insert(listed.clone());
                self.limits.get(MAX_CROSSINGS).check(seen.len() as u64).map_err(limit)?;
                self.duty.of_file(&self.ledger, listed.0, listed.1.as_deref())?
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
        if !layers.is_empty() {
            let mut named = Vec::new();
            for layer in list.items() {
                let Some(digest) = digest_of(&layer) else { return Ok(Listed::Unclear) };
                let Some(given) = names_of_layer(layer, digest) else { return Ok(Listed::Unclear) };
                if given.is_empty() {
                    named.push((digest, None));
                }
                named.extend(given.into_iter().map(|name| (digest, Some(name))));
            }
            return Ok(Listed::Layers(named));
        }
        let all: Option<Vec<(Sha256, bool)>> =
            list.items().map(|one| Some((digest_of(&one)?, self.may_run(one)))).collect();
        let Some(all) = all else { return Ok(Listed::Unclear) };
        let any = all.iter().any(|(_, may_run)| *may_run);
        let used = all.into_iter().filter(|(_, may_run)| *may_run || !any);
        Ok(Listed::Manifests(used.map(|(digest, _)| (digest, None)).collect()))
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
        let Came { mut files, given, mut was_cleared, .. } =
            self.revisions.came(&self.ledger, name, revision, self.limits.get(MAX_CROSSINGS))?;
        for file in given {
            files.entry(file).or_insert(true);
        }
        if files.is_empty() {
            return Ok(Standing::UNSEEN);
        }
        // What was let in as this once stays let in.
        let of_runs =
            RunEvent::named(&Model::Revision { name: name.to_owned(), revision: revision.to_owned() });
        for ((file, _), _) in files.iter().filter(|(_, cleared)| **cleared) {
            was_cleared = was_cleared || self.ledger.has_event_of_model(*file, RUNS, &of_runs)?;
        }
        let mut whole = Standing::UNSEEN;
        whole.word = Word::Cleared;
        for (file, step) in files.into_keys() {
            let one = self.duty.of_file(&self.ledger, file, Some(&step))?;
            if whole.files.last() != Some(&file) {
                whole.files.push(file);
            }
            whole.troubles.extend(one.troubles);
            match one.held {
                Some(_) if was_cleared => {
                    whole.troubles.extend(self.duty.trouble(&self.ledger, file, Some(&step))?);
                }
                Some(held) => {
                    whole.word = Word::Held;
                    whole.held = Some(held);
                }
                None if one.word == Word::Unseen && !was_cleared && whole.word == Word::Cleared => {
                    whole.word = Word::Unseen;
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
    /// The layers of a manifest, under each name that it gives them.
    Layers(Vec<(Sha256, Option<String>)>),
    /// The manifests of an index, which have none.
    Manifests(Vec<(Sha256, Option<String>)>),
    /// It looks like one, and others may read it otherwise.
    Unclear,
}

/// The names that a manifest gives a layer, as the proxies inspect it under them: none where it gives none, and nothing where
/// that can be read in two ways.
fn names_of_layer(layer: Node<'_, '_>, digest: Sha256) -> Option<BTreeSet<String>> {
    let annotations = layer.get("annotations");
    let is_clear = respelled(layer, &["annotations", "mediaType"]).is_none()
        && annotations.as_ref().is_none_or(|annotations| {
            annotations.kind() == JsonKind::Object
                && annotations.members().all(|member| member.value.as_str().is_some())
        });
    let annotation = |key: &str| annotations.as_ref()?.get(key)?.as_str();
    let media_type = layer.get("mediaType").and_then(|media_type| media_type.as_str()).unwrap_or_default();
    is_clear.then(|| given_names(media_type, annotation, &format!("sha256:{digest}")))
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
        let is_writing =
            self.written.as_ref().and_then(Weak::upgrade).is_none_or(|ledger| ledger.is_writing());
        is_writing && self.ledger.size().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use lazaret_traffic::admission::standing::Standing;

    use super::*;
    use crate::commands::models::recall::PULLED;
    use crate::server::tests::models::{Crosses, SCALER, pass, sha256};
    use crate::server::tests::vault;

    struct House {
        folder: tempfile::TempDir,
        vault: Arc<lazaret_vault::SqliteVault>,
        ledger: SqliteLedger,
    }

    impl House {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
            let clock = Arc::new(SystemClock);
            let ledger = SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), clock).unwrap();
            Self { folder, vault, ledger }
        }

        fn pass(&self, crosses: &Crosses<'_>) {
            pass(&self.ledger, &self.vault, self.folder.path(), crosses);
        }

        fn stands(&self, model: &Model) -> Standing {
            let (ledger, store) = (self.folder.path().join("ledger.db"), self.folder.path().join("models"));
            LedgerVerdicts::over(&ledger, store).stands(model).unwrap().0
        }

        /// Of a manifest with this layer.
        fn stands_as_layer(&self, layer: &[u8], more: &str) -> Standing {
            let manifest = format!(
                r#"{{"schemaVersion":2,"layers":[{{"mediaType":"x/y","digest":"sha256:{}","size":1{more}}}]}}"#,
                sha256(layer)
            );
            let bytes = manifest.as_bytes();
            self.pass(&Crosses { file: "manifest.json", bytes, revision: None, ..SCALER });
            self.stands(&Model::Digest(sha256(bytes)))
        }
    }

    fn revision(name: &str, revision: &str) -> Model {
        Model::Revision { name: name.to_owned(), revision: revision.to_owned() }
    }

    #[test]
    fn a_layer_is_judged_under_the_names_of_its_manifest_and_a_bare_digest_under_all() {
        let house = House::new();
        let code = Crosses { model: "code", file: "a/m.py", bytes: b"os.system()", kept: false, ..SCALER };
        house.pass(&Crosses { held: Some("m.py@1"), ..code });
        house.pass(&Crosses { model: "notes", file: "m.txt", ..code });
        assert_eq!(house.stands(&Model::Digest(sha256(code.bytes))).word, Word::Held);
        assert_eq!(house.stands(&revision("code", "1")).word, Word::Held);
        assert_eq!(house.stands(&revision("notes", "1")).word, Word::Cleared);
        let titled =
            |title: &str| format!(r#","annotations":{{"org.opencontainers.image.title":"{title}"}}"#);
        for (more, word) in [
            (titled("b/m.txt"), Word::Cleared),
            (titled("b/m.py"), Word::Held),
            (titled("b/other.py"), Word::Unseen),
            (
                format!(r#"{},"org.cncf.model.filepath":"m.py"}}"#, titled("m.txt").trim_end_matches('}')),
                Word::Held,
            ),
            (titled("m.txt").replace("annotations", "Annotations"), Word::Unseen),
            (String::new(), Word::Held),
        ] {
            assert_eq!(house.stands_as_layer(code.bytes, &more).word, word, "{more}");
        }

        // What is known by its digest since before it came under a name under which it is held stays cleared.
        let later = Crosses { bytes: b"later()", ..code };
        house.pass(&Crosses { model: "notes", revision: Some("2"), file: "m.txt", ..later });
        house.pass(&Crosses { revision: Some("2"), held: Some("m.py@1"), ..later });
        let standing = house.stands(&Model::Digest(sha256(later.bytes)));
        assert_eq!((standing.word, standing.troubles.len()), (Word::Cleared, 1));
    }

    #[test]
    fn what_was_let_through_while_observing_is_not_cleared_by_that() {
        let house = House::new();
        let bad = Crosses { file: "m.pkl", bytes: b"bad", held: Some("@1"), observed: true, ..SCALER };
        house.pass(&bad);
        let model = revision(bad.model, "1");
        for named in [Model::Digest(sha256(bad.bytes)), model.clone()] {
            let standing = house.stands(&named);
            assert_eq!(standing.word, Word::Held);
            assert!(standing.held.unwrap().observed);
        }
        assert_eq!(house.stands_as_layer(bad.bytes, "").word, Word::Held);
        // Rules that no longer find anything clear it; what they find later is trouble.
        let look = |verdict: &str| {
            let event = serde_json::json!({ "verdict": verdict, "step": "m.pkl" });
            house.ledger.append_about(sha256(bad.bytes), RESCANNED, &event).unwrap();
        };
        look("allow");
        assert_eq!(house.stands(&model).word, Word::Cleared);
        look("block");
        let standing = house.stands(&model);
        assert_eq!((standing.word, standing.troubles.len()), (Word::Cleared, 1));
    }

    #[test]
    fn what_was_given_out_as_one_of_a_revision_belongs_to_it() {
        let house = House::new();
        house.pass(&Crosses { model: "hosp/r1", file: "model.bin", ..SCALER });
        let given = |file: &str| {
            let pulled =
                serde_json::json!({ "by": "ci", "model": "hosp/r3", "revision": "c0", "file": file });
            house.ledger.append_about(sha256(SCALER.bytes), PULLED, &pulled).unwrap();
        };
        given("a/model.bin");
        let (model, files) = (revision("hosp/r3", "c0"), vec![sha256(SCALER.bytes)]);
        assert_eq!(
            house.stands(&model),
            Standing { word: Word::Cleared, files, troubles: Vec::new(), held: None }
        );
        let ledger = house.folder.path().join("ledger.db");
        let verdicts = LedgerVerdicts::over(&ledger, house.folder.path().join("models"));
        assert!(verdicts.revisions().unwrap().contains(&model));
        assert!(verdicts.spoken_of(0, 100).unwrap().1.contains(&model));
        // One under which it never came is not cleared by that.
        given("a/model.py");
        assert_eq!(house.stands(&model).word, Word::Unseen);
    }
}
