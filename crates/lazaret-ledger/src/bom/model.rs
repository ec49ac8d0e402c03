//! The bill of materials of a model as CycloneDX JSON, 1.6 and 1.7 (ECMA-424): a `machine-learning-model` with its card, its
//! files, the datasets it was trained on, and what was found in it.
//!
//! Everything is read from the ledger's entries, which each statement names; nothing is typed in by hand.

use std::collections::BTreeMap;

use lazaret_core::{Sha256, hex};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::bom::cyclonedx::{indexes, property, with_serial_number};
use crate::bom::{BomError, CycloneDx, bom_view};
use crate::files::AboutFile;
use crate::merkle::sha256;
use crate::read::{CrossingWords, EntryWords, FileWords, FindingWords, LedgerReader, ModelWords};

/// Crossings of a model, or entries of a crossing, that are read at once.
const PAGE: u32 = 1_000;

/// A file of a model, as the newest crossing that had it left it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFile {
    /// The file.
    pub file: FileWords,
    /// What happened to it.
    pub entry: EntryWords,
    /// In which crossing.
    pub crossing: String,
    /// The index of that crossing's opened entry.
    pub opened_at: u64,
    /// The index of that crossing's sealed entry.
    pub sealed_at: u64,
}

/// One revision of a model, put together from all crossings of its files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelView {
    /// What it said it is, and comes from.
    pub words: ModelWords,
    /// When it was last added to.
    pub timestamp: String,
    /// Its files in the registry, by name.
    pub files: BTreeMap<String, ModelFile>,
    /// Files that were held: they are not in the registry.
    pub held: BTreeMap<String, ModelFile>,
    /// Its crossings, newest first.
    pub crossings: Vec<CrossingWords>,
    /// All revisions of the model, newest first.
    pub revisions: Vec<ModelRevision>,
    /// Whether all crossings of the model, and all of its files, were read.
    pub complete: bool,
}

/// A revision of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelRevision {
    /// Its name; none for crossings that named none.
    pub revision: Option<String>,
    /// When its first and its last crossing began.
    pub first: String,
    /// The last.
    pub last: String,
    /// How many crossings it has.
    pub crossings: u64,
    /// The last of them.
    pub crossing: String,
}

/// The bill of materials of a model's revision, or of its newest: canonical JSON, the same bytes for the same ledger.
/// `title` says what a rule means, `looks` is the kind of events that tell what a second look found.
pub fn model_bom(
    reader: &LedgerReader,
    name: &str,
    revision: Option<&str>,
    version: CycloneDx,
    looks: &str,
    title: &dyn Fn(&str) -> Option<String>,
) -> Result<String, BomError> {
    let model = model_view(reader, name, revision, (u64::MAX, usize::MAX))?.ok_or(BomError::NoModel)?;
    with_serial_number(document(reader, &model, version, &vulnerabilities(reader, &model, looks, title)?)?)
}

/// A model's revision, or its newest; of the model's complete crossings the newest so many are read, and of its files so many.
/// None where no crossing brought it.
pub fn model_view(
    reader: &LedgerReader,
    name: &str,
    revision: Option<&str>,
    (most_crossings, most_files): (u64, usize),
) -> Result<Option<ModelView>, BomError> {
    let (mut found, mut before): (Option<ModelView>, _) = (None, None);
    let (mut revisions, mut read) = (Vec::new(), 0_u64);
    'pages: loop {
        let page = reader.crossings_of_model(name, before, PAGE)?;
        let Some(last) = page.last() else { break };
        before = Some(last.opened_at);
        for crossing in page {
            let Some(words) = crossing.opened.model.clone() else { continue };
            let Some(sealed) = crossing.sealed.as_ref().filter(|sealed| sealed.seal.ending == "complete")
            else {
                continue;
            };
            if read == most_crossings {
                if let Some(found) = &mut found {
                    found.complete = false;
                }
                break 'pages;
            }
            read = read.saturating_add(1);
            add_revision(&mut revisions, &words, &crossing);
            // The newest crossing says which revision is meant, where nobody does.
            let wanted = found.as_ref().map_or_else(
                || revision.map_or_else(|| words.revision.clone(), |revision| Some(revision.to_owned())),
                |found| found.words.revision.clone(),
            );
            if words.revision != wanted {
                continue;
            }
            let model = found.get_or_insert_with(|| ModelView {
                words: words.clone(),
                timestamp: sealed.seal.ended.clone(),
                files: BTreeMap::new(),
                held: BTreeMap::new(),
                crossings: Vec::new(),
                revisions: Vec::new(),
                complete: true,
            });
            model.words.learn(&words);
            let (id, places) = (crossing.opened.crossing.clone(), (crossing.opened_at, sealed.sealed_at));
            model.crossings.push(crossing);
            add_files(reader, model, &id, places, most_files)?;
        }
    }
    Ok(found.map(|found| ModelView { revisions, ..found }))
}

/// Counts a crossing, of those newest first, to its revision.
fn add_revision(revisions: &mut Vec<ModelRevision>, words: &ModelWords, crossing: &CrossingWords) {
    let started = &crossing.opened.started;
    match revisions.iter_mut().find(|known| known.revision == words.revision) {
        Some(known) => {
            known.first.clone_from(started);
            known.crossings = known.crossings.saturating_add(1);
        }
        None => revisions.push(ModelRevision {
            revision: words.revision.clone(),
            first: started.clone(),
            last: started.clone(),
            crossings: 1,
            crossing: crossing.opened.crossing.clone(),
        }),
    }
}

impl ModelWords {
    /// What an older crossing of the same revision said and a newer did not.
    fn learn(&mut self, older: &Self) {
        for dataset in &older.datasets {
            if !self.datasets.contains(dataset) {
                self.datasets.push(dataset.clone());
            }
        }
        for (to, from) in [
            (&mut self.code, &older.code),
            (&mut self.run, &older.run),
            (&mut self.signer, &older.signer),
            (&mut self.builder, &older.builder),
        ] {
            if to.is_none() {
                to.clone_from(from);
            }
        }
    }
}

fn add_files(
    reader: &LedgerReader,
    model: &mut ModelView,
    crossing: &str,
    (opened_at, sealed_at): (u64, u64),
    most: usize,
) -> Result<(), BomError> {
    let Some(id) = lazaret_core::CrossingId::parse(crossing) else { return Ok(()) };
    let mut from = 0;
    loop {
        let page = reader.entries(id, from, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        from = last.record.saturating_add(1);
        for entry in page {
            let Some(file) = entry.file.clone() else { continue };
            if model.files.contains_key(&file.name) || model.held.contains_key(&file.name) {
                continue; // a newer crossing had it
            }
            if model.files.len().saturating_add(model.held.len()) >= most {
                model.complete = false;
                return Ok(());
            }
            let to = if entry.held.is_some() { &mut model.held } else { &mut model.files };
            let name = file.name.clone();
            to.insert(name, ModelFile { file, entry, crossing: crossing.to_owned(), opened_at, sealed_at });
        }
    }
}

fn document(
    reader: &LedgerReader,
    model: &ModelView,
    version: CycloneDx,
    vulnerabilities: &[Value],
) -> Result<Value, BomError> {
    let own = model_ref(&model.words);
    let files: Vec<&ModelFile> = model.files.values().collect();
    let mut components: Vec<Value> = files.iter().map(|file| file_component(&model.words, file)).collect();
    let mut refs: Vec<String> = files.iter().map(|file| file_ref(&model.words, &file.file)).collect();
    // What was held is told with what was found in it; nothing depends on it.
    components.extend(model.held.values().map(|file| file_component(&model.words, file)));
    for dataset in &model.words.datasets {
        components.push(dataset_component(reader, dataset)?);
        refs.push(dataset_ref(dataset));
    }
    let mut dependencies = vec![json!({ "ref": own, "dependsOn": refs })];
    dependencies.extend(refs.iter().map(|part| json!({ "ref": part })));
    Ok(json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{}.schema.json", version.name()),
        "bomFormat": "CycloneDX",
        "specVersion": version.name(),
        "version": 1,
        "metadata": {
            "timestamp": model.timestamp,
            "tools": {"components": [
                {"type": "application", "name": "lazaret", "version": env!("CARGO_PKG_VERSION")},
            ]},
            "component": component(reader, model, &own)?,
        },
        "components": components,
        "dependencies": dependencies,
        "vulnerabilities": vulnerabilities,
    }))
}

fn component(reader: &LedgerReader, model: &ModelView, own: &str) -> Result<Value, BomError> {
    let words = &model.words;
    let mut properties =
        vec![property("lazaret:ledger-origin", &reader.origin()?), property("lazaret:model", &words.name)];
    for (name, value) in [
        ("lazaret:trained-by.code", &words.code),
        ("lazaret:trained-by.run", &words.run),
        ("lazaret:signer", &words.signer),
        ("lazaret:builder", &words.builder),
    ] {
        properties.extend(value.iter().map(|value| property(name, value)));
    }
    for crossing in &model.crossings {
        let sealed_at = crossing.sealed.as_ref().map(|sealed| sealed.sealed_at);
        let at = std::iter::once(crossing.opened_at).chain(sealed_at).collect();
        properties.push(property("lazaret:crossing", &crossing.opened.crossing));
        properties.push(property("lazaret:ledger-index", &indexes(&at)));
    }
    properties.extend(
        model
            .held
            .values()
            .map(|held| property("lazaret:held", &format!("{} {}", held.file.sha256, held.file.name))),
    );
    let mut component = Map::new();
    let mut put = |key: &str, value: Value| component.insert(key.to_owned(), value);
    put("type", json!("machine-learning-model"));
    put("bom-ref", json!(own));
    match words.name.rsplit_once('/') {
        Some((group, name)) => {
            put("group", json!(group));
            put("name", json!(name));
        }
        None => {
            put("name", json!(words.name));
        }
    }
    if let Some(revision) = &words.revision {
        put("version", json!(revision));
    }
    if let [only] = model.files.values().collect::<Vec<_>>().as_slice() {
        put("hashes", hashes(&only.file));
    }
    let datasets: Vec<Value> =
        words.datasets.iter().map(|name| json!({ "ref": dataset_ref(name) })).collect();
    let mut parameters = Map::new();
    if !datasets.is_empty() {
        parameters.insert("datasets".to_owned(), json!(datasets));
    }
    let formats: std::collections::BTreeSet<&str> =
        model.files.values().map(|file| file.entry.format.as_str()).collect();
    let card: Vec<Value> = formats.iter().map(|format| property("lazaret:format", format)).collect();
    put("modelCard", json!({ "modelParameters": parameters, "properties": card }));
    put("properties", json!(properties));
    Ok(Value::Object(component))
}

fn file_component(model: &ModelWords, file: &ModelFile) -> Value {
    let is_held = file.entry.held.is_some().to_string();
    json!({
        "type": "file",
        "bom-ref": file_ref(model, &file.file),
        "name": file.file.name,
        "hashes": hashes(&file.file),
        "properties": [
            property("lazaret:bytes", &file.file.bytes.to_string()),
            property("lazaret:crossing", &file.crossing),
            property("lazaret:format", &file.entry.format),
            property("lazaret:held", &is_held),
            property("lazaret:ledger-index", &file.sealed_at.to_string()),
            property("lazaret:record", &file.entry.record.to_string()),
            property("lazaret:verdict", &file.entry.verdict),
        ],
    })
}

fn hashes(file: &FileWords) -> Value {
    json!([{ "alg": "SHA-256", "content": file.sha256 }])
}

/// A dataset that the model was trained on, with what the ledger knows of it, if it knows it.
fn dataset_component(reader: &LedgerReader, dataset: &str) -> Result<Value, BomError> {
    let mut data = Map::new();
    data.insert("type".to_owned(), json!("dataset"));
    data.insert("name".to_owned(), json!(dataset));
    let known = match bom_view(reader, dataset, None) {
        Ok(view) => {
            let sentences = view.phi.iter().map(|phi| format!("{}: {} found", phi.label, phi.found));
            data.insert("classification".to_owned(), json!(view.classification.join("; ")));
            data.insert("sensitiveData".to_owned(), json!(sentences.collect::<Vec<_>>()));
            true
        }
        Err(BomError::NoDataset) => false,
        Err(error) => return Err(error),
    };
    Ok(json!({
        "type": "data",
        "bom-ref": dataset_ref(dataset),
        "name": dataset,
        "data": [data],
        "properties": [property("lazaret:in-this-ledger", if known { "true" } else { "false" })],
    }))
}

/// What was found in the files, by a second look where there was one since, one for each rule and place. What is only worth
/// knowing is no vulnerability.
fn vulnerabilities(
    reader: &LedgerReader,
    model: &ModelView,
    looks: &str,
    title: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Value>, BomError> {
    let mut all = Vec::new();
    for file in model.files.values().chain(model.held.values()) {
        let (findings, index) = found_last(reader, file, looks)?;
        for finding in findings.iter().filter(|finding| finding.severity != "info") {
            let fault = format!("{}\n{}\n{}", finding.id, file.file.sha256, finding.at);
            let fingerprint = hex(sha256(fault.as_bytes()).get(..16).unwrap_or_default());
            let mut one = Map::new();
            let mut put = |key: &str, value: Value| one.insert(key.to_owned(), value);
            put("bom-ref", json!(format!("finding:{fingerprint}")));
            put("id", json!(finding.id));
            put("source", json!({ "name": "lazaret" }));
            put(
                "ratings",
                json!([{ "source": { "name": "lazaret" }, "severity": finding.severity, "method": "other" }]),
            );
            if let Some(title) = title(&finding.id) {
                put("description", json!(title));
            }
            put("affects", json!([{ "ref": file_ref(&model.words, &file.file) }]));
            put(
                "properties",
                json!([
                    property("lazaret:at", &finding.at),
                    property("lazaret:held", &file.entry.held.is_some().to_string()),
                    property("lazaret:ledger-index", &index.to_string()),
                ]),
            );
            all.push((fingerprint, Value::Object(one)));
        }
    }
    // One fault at one place of one file is one entry, however many files of the model are the same.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.dedup_by(|(one, _), (other, _)| one == other);
    Ok(all.into_iter().map(|(_, one)| one).collect())
}

/// What was found in a file last, and the index of the entry that says so.
fn found_last(
    reader: &LedgerReader,
    file: &ModelFile,
    looks: &str,
) -> Result<(Vec<FindingWords>, u64), BomError> {
    let crossed = || (file.entry.findings.clone(), file.sealed_at);
    let Some(sha256) = Sha256::parse(&file.file.sha256) else { return Ok(crossed()) };
    let step = file.file.name.rsplit('/').next().unwrap_or_default();
    let look = reader.last_event_of_step(sha256, looks, step, file.opened_at)?;
    let Some(AboutFile::Event { at, event, .. }) = look else { return Ok(crossed()) };
    // One of an older version may name none.
    let found = event.get("findings").cloned().map(serde_json::from_value);
    Ok(found.and_then(Result::ok).map_or_else(crossed, |found| (found, at)))
}

fn model_ref(model: &ModelWords) -> String {
    match &model.revision {
        Some(revision) => format!("model:{}@{revision}", model.name),
        None => format!("model:{}", model.name),
    }
}

fn file_ref(model: &ModelWords, file: &FileWords) -> String {
    format!("file:{}#{}", model.name, file.name)
}

fn dataset_ref(dataset: &str) -> String {
    format!("dataset:{dataset}")
}
