//! `lazaret vulns vex`: statements in and out.

use std::io::Write;

use lazaret_core::{Clock as _, CrossingId, SystemClock, chain};
use lazaret_input::read_file;
use lazaret_models::vulnerabilities::{
    MAX_MATCHES, MAX_VEX, Match, VexDocument, VexFormat, VexHead, check, write_vex,
};
use lazaret_models::{look_file, sha256_of};
use lazaret_vault::SystemRandom;
use serde_json::json;

use super::open;
use crate::cli::{VexCommand, VexExportArgs, VexImportArgs, VexOutput, VulnsPlace};
use crate::commands::models::files_of;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::{json_document, table, thousands};
use crate::vulnerabilities::Vulnerabilities;

pub(super) fn run(
    command: &VexCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    match command {
        VexCommand::Import(args) => import(args, config, json, out),
        VexCommand::List(place) => list(place, config, json, out),
        VexCommand::Export(args) => export(args, config, out),
    }
}

fn import(args: &VexImportArgs, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let limits = config.limits();
    let mut documents = Vec::new();
    // All are read before any is stored.
    for file in &args.files {
        let wrong = |why: String| CliError::Usage(format!("{}: {why}", file.display()));
        let bytes = read_file(file, limits.get(MAX_VEX)).map_err(|error| wrong(chain(&error)))?;
        let mut document = VexDocument::read(&bytes, &limits).map_err(|error| wrong(error.to_string()))?;
        for statement in &mut document.statements {
            statement.owner.clone_from(&args.owner);
            statement.until = args.until.as_ref().map(|day| format!("{day}T00:00:00Z"));
        }
        documents.push(document);
    }
    let database =
        Vulnerabilities::open_or_make(&Vulnerabilities::place(config, args.place.database.as_deref()))?;
    for document in &documents {
        database.import_vex(document)?;
    }
    if json {
        let told = |document: &VexDocument| {
            json!({ "id": document.id, "format": document.format, "author": document.author,
                "statements": document.statements.len(), "left_out": document.left_out })
        };
        json_document(out, &documents.iter().map(told).collect::<Vec<_>>())?;
        return Ok(Exit::Clear);
    }
    for document in &documents {
        let count = match document.statements.len() {
            1 => "1 statement".to_owned(),
            count => format!("{} statements", thousands(count as u64)),
        };
        writeln!(out, "{} ({}) by {}: {count}", document.id, document.format, document.author)?;
        if document.left_out > 0 {
            writeln!(
                out,
                "  {} more are about products without a package URL or SHA-256, or about ranges of versions, and never count",
                thousands(document.left_out)
            )?;
        }
    }
    Ok(Exit::Clear)
}

fn list(place: &VulnsPlace, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let statements = open(config, place)?.all_statements()?;
    if json {
        json_document(out, &statements)?;
        return Ok(Exit::Clear);
    }
    let mut rows = table(["fault", "product", "status", "why", "by", "until"]);
    for statement in &statements {
        let names: Vec<&str> = statement.names.iter().map(String::as_str).collect();
        let products: Vec<String> = statement.products.iter().map(ToString::to_string).collect();
        rows.add_row([
            names.join(", "),
            products.join(", "),
            statement.status.to_string(),
            statement.reason().unwrap_or("-").to_owned(),
            statement.author.clone(),
            statement.until.as_deref().and_then(|until| until.get(..10)).unwrap_or("-").to_owned(),
        ]);
    }
    writeln!(out, "{rows}")?;
    Ok(Exit::Clear)
}

fn export(args: &VexExportArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let database = open(config, &args.place)?;
    let (limits, now) = (config.limits(), SystemClock.now());
    let mut files: Vec<(Option<String>, Vec<Match>)> = Vec::new();
    for file in files_of(&args.paths)? {
        let what = || format!("{} could not be looked at", file.path.display());
        let report = look_file(&file.path, &limits).map_err(|error| CliError::failed(what(), error))?;
        let mut digest = || sha256_of(&file.path);
        let checked = check(&report.components, &database, now, &mut digest, limits.get(MAX_MATCHES));
        let matches = checked.map_err(|error| CliError::failed(what(), error))?.matches;
        if !matches.is_empty() {
            files.push((sha256_of(&file.path), matches));
        }
    }
    let uuid = CrossingId::new(now, &SystemRandom);
    let uuid = uuid.map_err(|error| CliError::failed("the document's id", error))?;
    let head = VexHead { author: args.author.clone(), at: now.to_string(), uuid: uuid.to_string() };
    let format = match args.format {
        VexOutput::Openvex => VexFormat::OpenVex,
        VexOutput::Cyclonedx => VexFormat::CycloneDx,
    };
    let Some(document) = write_vex(format, &head, &files) else {
        return Err(CliError::Usage(
            "no known fault was found, and a VEX document without statements is none".to_owned(),
        ));
    };
    json_document(out, &document)?;
    Ok(Exit::Clear)
}
