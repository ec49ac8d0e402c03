//! `lazaret vulns`: the database of known faults, and what is said of them.

mod vex;

use std::collections::BTreeMap;
use std::io::Write;

use lazaret_core::{Clock as _, SystemClock};
use lazaret_models::vulnerabilities::{Advisories as _, Advisory, compared_name, graveness, version_has};
use serde_json::{Value, json};

use crate::cli::{VulnsCommand, VulnsImportArgs, VulnsListArgs, VulnsPlace, VulnsShowArgs};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::{json_document, table, thousands};
use crate::vulnerabilities::{DatabaseStatus, Source, Vulnerabilities};

/// Most packages that are listed.
const MOST_PACKAGES: u32 = 50;

/// Runs the command.
pub(crate) fn run(
    command: &VulnsCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    match command {
        VulnsCommand::Import(args) => import(args, config, json, out),
        VulnsCommand::Status(place) => status(&open(config, place)?, json, out),
        VulnsCommand::List(args) => list(args, config, json, out),
        VulnsCommand::Show(args) => show(args, config, json, out),
        VulnsCommand::Vex(command) => vex::run(command, config, json, out),
    }
}

/// Opens the database for reading.
fn open(config: &Config, place: &VulnsPlace) -> Result<Vulnerabilities, CliError> {
    Vulnerabilities::open(&Vulnerabilities::place(config, place.database.as_deref()))
}

fn import(
    args: &VulnsImportArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    if args.replace && args.files.len() > 1 {
        return Err(CliError::Usage(
            "`--replace` takes one file: each would drop what is in the others".to_owned(),
        ));
    }
    let database =
        Vulnerabilities::open_or_make(&Vulnerabilities::place(config, args.place.database.as_deref()))?;
    let (mut refused, mut documents) = (0_u64, Vec::new());
    for file in &args.files {
        let (source, reasons) = database.import(file, args.replace, SystemClock.now(), &config.limits())?;
        refused = refused.saturating_add(source.refused);
        let reasons: Vec<String> = reasons.iter().map(|(place, error)| format!("{place}: {error}")).collect();
        if json {
            documents.push(json!({ "source": source, "refused": reasons }));
        } else {
            write_import(&source, &reasons, out)?;
        }
    }
    if json {
        json_document(out, &documents)?;
    }
    Ok(if refused == 0 { Exit::Clear } else { Exit::Findings })
}

fn write_import(source: &Source, reasons: &[String], out: &mut impl Write) -> Result<(), CliError> {
    let told = |count: u64, what: &str| {
        if count == 0 { String::new() } else { format!(", {} {what}", thousands(count)) }
    };
    writeln!(
        out,
        "{}: {} records{}{}{}{}",
        source.name,
        thousands(source.records),
        told(source.taken, "taken"),
        told(source.older, "older than what is there"),
        told(source.removed, "others removed"),
        told(source.refused, "refused")
    )?;
    for reason in reasons {
        writeln!(out, "  refused: {reason}")?;
    }
    if source.refused > reasons.len() as u64 {
        writeln!(out, "  and {} more", thousands(source.refused.saturating_sub(reasons.len() as u64)))?;
    }
    writeln!(out, "ecosystems: {}; newest record {}", source.ecosystems.join(", "), source.newest)?;
    Ok(())
}

fn status(database: &Vulnerabilities, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let status: DatabaseStatus = database.status()?;
    if json {
        json_document(out, &status)?;
        return Ok(Exit::Clear);
    }
    writeln!(out, "records     {}, {} withdrawn", thousands(status.records), thousands(status.withdrawn))?;
    for (ecosystem, records) in &status.ecosystems {
        writeln!(out, "  {ecosystem}: {}", thousands(*records))?;
    }
    writeln!(out, "newest      {}", status.newest)?;
    writeln!(out, "statements  {}", thousands(status.statements))?;
    for source in &status.sources {
        writeln!(
            out,
            "imported    {} {}, {} records, sha256 {}",
            source.imported,
            source.name,
            thousands(source.records),
            source.sha256
        )?;
    }
    Ok(Exit::Clear)
}

fn list(args: &VulnsListArgs, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let database = open(config, &args.place)?;
    let Some(package) = &args.package else {
        let packages = database.packages(MOST_PACKAGES)?;
        if json {
            let list: Vec<Value> = packages
                .iter()
                .map(|(ecosystem, name, records)| json!({ "ecosystem": ecosystem, "name": name, "records": records }))
                .collect();
            json_document(out, &list)?;
            return Ok(Exit::Clear);
        }
        let mut rows = table(["ecosystem", "package", "records"]);
        for (ecosystem, name, records) in packages {
            rows.add_row([ecosystem, name, thousands(records)]);
        }
        writeln!(out, "{rows}")?;
        return Ok(Exit::Clear);
    };
    let (name, version) =
        package.split_once("==").map_or((package.as_str(), None), |(name, version)| (name, Some(version)));
    let name = compared_name(&args.ecosystem, name);
    let found = database.of_package(&args.ecosystem, &name);
    let found = found.map_err(|error| CliError::failed("the vulnerabilities", error))?;
    let has = |advisory: &&Advisory| {
        version.is_none_or(|version| {
            version_has(&advisory.record, &args.ecosystem, &name, version) != Some(false)
        })
    };
    // Records of one fault are one line.
    let mut faults: BTreeMap<&str, &Advisory> = BTreeMap::new();
    for advisory in found.iter().filter(has) {
        faults.entry(&advisory.fault).or_insert(advisory);
    }
    if json {
        let list: Vec<Value> = faults.values().map(|advisory| document(advisory)).collect();
        json_document(out, &list)?;
        return Ok(Exit::Clear);
    }
    if faults.is_empty() {
        let known = if database.covers(&args.ecosystem)? {
            "no fault of it is known"
        } else {
            "no record of this ecosystem is there"
        };
        writeln!(out, "{package}: {known}")?;
        return Ok(Exit::Clear);
    }
    let mut rows = table(["fault", "also", "severity", "what"]);
    for advisory in faults.values() {
        let also: Vec<&str> =
            advisory.names.iter().map(String::as_str).filter(|name| *name != advisory.fault).collect();
        let grave = graveness(&advisory.record, None);
        rows.add_row([
            advisory.fault.as_str(),
            &also.join(", "),
            grave.severity.name(),
            &advisory.record.summary,
        ]);
    }
    writeln!(out, "{rows}")?;
    Ok(Exit::Clear)
}

fn show(args: &VulnsShowArgs, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let database = open(config, &args.place)?;
    let found = database.by_name(&args.id)?;
    let [first, ..] = found.as_slice() else {
        return Err(CliError::Usage(format!(
            "no record is called `{}`; `lazaret vulns list PACKAGE` lists those of a package",
            args.id
        )));
    };
    if json {
        let list: Vec<Value> = found.iter().map(document).collect();
        json_document(out, &list)?;
        return Ok(Exit::Clear);
    }
    let names: Vec<&str> = first.names.iter().map(String::as_str).collect();
    writeln!(out, "{}\n  names     {}", first.fault, names.join(", "))?;
    for advisory in &found {
        let record = &advisory.record;
        let grave = graveness(record, None);
        let score = grave.score.map_or_else(String::new, |score| format!(", CVSS {score:.1}"));
        writeln!(out, "{}  {}", record.id, record.summary)?;
        writeln!(out, "  severity  {}{score}", grave.severity)?;
        writeln!(out, "  dates     published {}, changed {}", record.published, record.modified)?;
        if let Some(withdrawn) = &record.withdrawn {
            writeln!(out, "  withdrawn {withdrawn}: it says nothing any more")?;
        }
        for affected in &record.affected {
            let ranges = lazaret_models::vulnerabilities::ranges_in_words(affected);
            writeln!(out, "  affects   {} {}: {ranges}", affected.ecosystem, affected.name)?;
        }
    }
    Ok(Exit::Clear)
}

fn document(advisory: &Advisory) -> Value {
    let grave = graveness(&advisory.record, None);
    json!({
        "fault": advisory.fault,
        "names": advisory.names,
        "severity": grave.severity,
        "score": grave.score,
        "record": advisory.record,
    })
}
