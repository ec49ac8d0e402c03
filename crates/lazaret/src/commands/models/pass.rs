//! `lazaret models pass`: a model through the checkpoint into the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use lazaret_core::{Mode, ModelOrigin, Severity, Stored};

use super::lying::Lying;
use super::write_findings;
use crate::cli::ModelsPassArgs;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::orders;
use crate::registry::{Brings, FileFate, Passed, Registry, model_name, origin_word};
use crate::report::{exit_of, json_document, json_line, table};

/// The setting that `--mode` goes before.
const MODE: &str = "gates.models.mode";

/// Passes a model: here, or in the server that has the ledger open.
pub(super) fn run(
    args: &ModelsPassArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    origin(args)?;
    config.with(&[(MODE, args.mode.as_deref())]).models_mode()?;
    let mut files = Lying::of(&args.model, &args.signature)?;
    if let Some(exit) = orders::hand_over_typed(config, files.files(), out)? {
        return Ok(exit);
    }
    let data = Data::open(config)?;
    let exit = carry_out(args, &mut files, &data, config, json, out)?;
    data.close()?;
    Ok(exit)
}

/// The same over data that is open for writing, with files from wherever they come.
pub(crate) fn carry_out(
    args: &ModelsPassArgs,
    files: &mut dyn Brings,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let origin = origin(args)?;
    let registry = Registry::open(data, &config.with(&[(MODE, args.mode.as_deref())]))?;
    let received = files.receive(&registry)?;
    named_apart(&received)?;
    let crossing = registry.crossing(&args.model.to_string_lossy(), origin)?;
    let passed = registry
        .pass(crossing, received)
        .map_err(|stopped| CliError::failed(args.model.display().to_string(), stopped))?;
    report(args, &passed, json, out)?;
    let worst = passed.files.iter().flat_map(|file| &file.findings).map(|finding| finding.severity).max();
    Ok(exit_of(&passed.receipt.sealed.seal.counts, worst))
}

/// Refuses two files of one name: what is said of one would be said of the other.
pub(crate) fn named_apart(files: &[Stored]) -> Result<(), CliError> {
    let names = files.iter().filter_map(|stored| stored.source.hint().name);
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return Err(CliError::Usage(format!("{name}: two files of this name; give one of them another")));
        }
    }
    Ok(())
}

fn origin(args: &ModelsPassArgs) -> Result<ModelOrigin, CliError> {
    let word = |word: &Option<String>| word.as_deref().map(origin_word).transpose();
    Ok(ModelOrigin {
        name: model_name(&args.name)?,
        revision: word(&args.revision)?,
        datasets: args.trained_on.iter().map(|name| origin_word(name)).collect::<Result<_, _>>()?,
        code: word(&args.code)?,
        run: word(&args.run)?,
        ..ModelOrigin::default()
    })
}

/// What is said of the crossing, after its files.
pub(crate) fn summary(passed: &Passed) -> serde_json::Value {
    let opened = &passed.receipt.opened;
    let counts = &passed.receipt.sealed.seal.counts;
    let verdicts: BTreeMap<String, u64> =
        counts.verdicts.iter().map(|(verdict, count)| (verdict.to_string(), *count)).collect();
    serde_json::json!({
        "receipt": opened.crossing,
        "mode": opened.mode,
        "model": opened.model,
        "sealed_at": passed.receipt.sealed.sealed_at,
        "verdicts": verdicts,
    })
}

fn report(args: &ModelsPassArgs, passed: &Passed, json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let opened = &passed.receipt.opened;
    let sealed = summary(passed);
    if json {
        json_document(out, &serde_json::json!({ "files": passed.files, "receipt": sealed }))?;
        return Ok(());
    }
    if args.jsonl {
        for file in &passed.files {
            json_line(out, file)?;
        }
        json_line(out, &sealed)?;
        return Ok(());
    }
    write(out, &passed.files, opened.mode)?;
    writeln!(out, "receipt {}", opened.crossing)?;
    Ok(())
}

fn write(out: &mut impl Write, files: &[FileFate], mode: Mode) -> Result<(), CliError> {
    for file in files {
        write_findings(out, &file.path, &file.findings)?;
        // What a policy holds for something slight has a reason too.
        if file.verdict.holds() && !file.findings.iter().any(|finding| finding.severity > Severity::Low) {
            writeln!(out, "{}: {}: by policy {}", file.path, file.verdict, file.policies.join(", "))?;
        }
    }
    let mut rows = table(["file", "format", "sha256", "verdict", "what became of it"]);
    for file in files {
        let fate = match (file.held, file.again, mode) {
            (true, ..) => "held",
            (_, Some(_), _) => "was there already",
            (_, _, Mode::Observe) if file.verdict.holds() => "crossed: the gate only observes",
            _ => "crossed",
        };
        let digest = file.sha256.map(|sha256| sha256.to_string()).unwrap_or_default();
        rows.add_row([
            file.path.clone(),
            file.format.to_string(),
            digest,
            file.verdict.to_string(),
            fate.to_owned(),
        ]);
    }
    writeln!(out, "{rows}")?;
    let would = files.iter().filter(|file| !file.held && file.verdict.holds()).count();
    if would > 0 && mode == Mode::Observe {
        writeln!(
            out,
            "{would} would be held: the gate is in mode observe; `--mode enforce`, or `gates.models.mode`, keeps them back"
        )?;
    }
    if files.iter().any(|file| file.held) {
        writeln!(
            out,
            "what is held stays with its sender; `lazaret models requests` lists it, `lazaret models admit` lets it pass"
        )?;
    }
    Ok(())
}
