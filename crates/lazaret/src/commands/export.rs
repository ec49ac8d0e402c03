//! `lazaret keys export`: keys of some columns of the lake leave the vault, for a reader outside. An order, recorded and
//! sealed before the first key is unwrapped. The keys go into a new file of the owner's and nowhere else.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lazaret_core::{Clock as _, CrossingId, DataKeys as _, Ordered, Sensitive, SystemClock, Timestamp};
use lazaret_input::NewFile;
use lazaret_vault::DatasetKey;
use serde::{Serialize, Serializer};

use crate::compose::{Crossings, Data};
use crate::config::{Config, nearest};
use crate::exit::CliError;
use crate::report::json_document;

/// What was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) datasets: &'a [String],
    pub(crate) columns: &'a [String],
    pub(crate) reader: &'a str,
    pub(crate) by: &'a str,
    pub(crate) second: Option<&'a str>,
    pub(crate) reason: &'a str,
    pub(crate) to: &'a Path,
}

/// The file as its reader finds it.
#[derive(Serialize)]
struct Exported<'a> {
    form: &'static str,
    receipt: CrossingId,
    #[serde(rename = "for")]
    reader: &'a str,
    by: &'a str,
    written: Timestamp,
    datasets: BTreeMap<&'a str, Vec<ExportedKey<'a>>>,
}

/// The form of the file; another number would be another form.
const FORM: &str = "lazaret-keys/1";

#[derive(Serialize)]
struct ExportedKey<'a> {
    id: &'a str,
    opens: &'a str,
    version: u64,
    #[serde(serialize_with = "exposed")]
    key: Sensitive<String>,
}

/// The one place where a key is written out: into the file that was ordered.
fn exposed<S: Serializer>(key: &Sensitive<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(key.expose())
}

/// Which keys, without the keys.
type Chosen<'a> = BTreeMap<&'a str, Vec<DatasetKey>>;

/// Does what was asked: everything that can be refused is, then the order is recorded, then the keys are written.
pub(crate) fn export(
    data: &Data,
    config: &Config,
    asked: &Asked<'_>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if asked.reader.trim().is_empty() {
        return Err(CliError::Usage("keys are handed to somebody (--for)".to_owned()));
    }
    let chosen = choose(data, asked)?;
    outside(asked.to, &data.folder, "the data directory")?;
    outside(asked.to, &config.path("lake"), "the lake")?;
    let crossings = Crossings::new(config, asked.reader, None, None, None)?;
    let order = Crossings::order(Ordered::ExportKeys, &named(&chosen), asked.by, asked.second, asked.reason);
    let crossing = crossings.ordered(order)?;
    // Made before the order, so that none is recorded where nothing can be written; gone again if one fails.
    let mut file = NewFile::create(asked.to)
        .map_err(|error| CliError::Usage(format!("{}: {error}", asked.to.display())))?;
    let receipt = data.carry_out(crossing)?;
    let exported = Exported {
        form: FORM,
        receipt,
        reader: asked.reader,
        by: asked.by,
        written: SystemClock.now(),
        datasets: unwrapped(data, &chosen)?,
    };
    json_document(&mut file, &exported)
        .and_then(|()| file.commit())
        .map_err(|error| CliError::failed(asked.to.display().to_string(), error))?;
    said(asked, receipt, &chosen, json, out)
}

/// The footer's keys of each dataset, and those of the columns asked for.
fn choose<'a>(data: &Data, asked: &Asked<'a>) -> Result<Chosen<'a>, CliError> {
    let mut chosen = BTreeMap::new();
    for dataset in asked.datasets {
        let mut keys = data.vault.dataset_keys(dataset).map_err(CliError::vault)?;
        if keys.is_empty() {
            let known = data.vault.datasets().map_err(CliError::vault)?;
            let way_out = match nearest(dataset, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`lazaret bom` lists the datasets".to_owned(),
            };
            return Err(CliError::Usage(format!("the vault has no keys of `{dataset}`; {way_out}")));
        }
        keys.retain(|key| key.column.as_ref().is_none_or(|column| asked.columns.contains(column)));
        if keys.iter().all(|key| key.column.is_none()) {
            let asked = asked.columns.join(" and no ");
            return Err(CliError::Usage(format!("`{dataset}` has no {asked} columns")));
        }
        chosen.insert(dataset.as_str(), keys);
    }
    Ok(chosen)
}

/// What a key opens, as the file and the ledger say it.
fn opens(key: &DatasetKey) -> &str {
    key.column.as_deref().unwrap_or("footer")
}

/// The keys as the ledger names them: `lake/Patient: footer v1 dk-…, clinical v1 dk-…`.
fn named(chosen: &Chosen<'_>) -> String {
    let name = |key: &DatasetKey| format!("{} v{} {}", opens(key), key.version, key.id);
    let names = |keys: &[DatasetKey]| keys.iter().map(name).collect::<Vec<_>>().join(", ");
    let datasets = chosen.iter().map(|(dataset, keys)| format!("{dataset}: {}", names(keys)));
    datasets.collect::<Vec<_>>().join("; ")
}

fn unwrapped<'a>(
    data: &Data,
    chosen: &'a Chosen<'a>,
) -> Result<BTreeMap<&'a str, Vec<ExportedKey<'a>>>, CliError> {
    let one = |key: &'a DatasetKey| {
        let unwrapped = data.vault.by_id(&key.id).map_err(|error| CliError::failed("the vault", error))?;
        let text = Sensitive::new(BASE64.encode(unwrapped.key.expose()));
        Ok(ExportedKey { id: &key.id, opens: opens(key), version: key.version, key: text })
    };
    let all = |keys: &'a Vec<DatasetKey>| keys.iter().map(one).collect::<Result<Vec<_>, CliError>>();
    chosen.iter().map(|(dataset, keys)| Ok((*dataset, all(keys)?))).collect()
}

/// Keys never lie beside what they open: whoever copies the one would copy the other.
fn outside(file: &Path, folder: &Path, what: &str) -> Result<(), CliError> {
    let above = file.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let above =
        above.canonicalize().map_err(|error| CliError::Usage(format!("{}: {error}", above.display())))?;
    match folder.canonicalize() {
        Ok(folder) if above.starts_with(&folder) => Err(CliError::Usage(format!(
            "{} is in {what}: keys never lie beside what they open",
            file.display()
        ))),
        // A folder that is not there has nothing in it.
        _ => Ok(()),
    }
}

fn said(
    asked: &Asked<'_>,
    receipt: CrossingId,
    chosen: &Chosen<'_>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if json {
        let document = serde_json::json!({
            "file": asked.to.display().to_string(),
            "for": asked.reader,
            "receipt": receipt,
            "datasets": chosen,
        });
        return Ok(json_document(out, &document)?);
    }
    for (dataset, keys) in chosen {
        let mut parts: Vec<&str> = keys.iter().map(opens).collect();
        parts.dedup();
        writeln!(out, "{dataset}: {}", parts.join(", "))?;
    }
    writeln!(out, "keys for {} written to {}; receipt {receipt}", asked.reader, asked.to.display())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use lazaret_ingest::lake::Class;

    #[test]
    fn every_class_of_columns_can_be_asked_for() {
        let cli = crate::cli::Cli::command();
        let export = cli.find_subcommand("keys").and_then(|keys| keys.find_subcommand("export")).unwrap();
        let columns = export.get_arguments().find(|argument| argument.get_id() == "columns").unwrap();
        let known: Vec<String> =
            columns.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        assert_eq!(known, Class::ALL.map(Class::name));
    }
}
