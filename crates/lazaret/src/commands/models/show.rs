//! `lazaret models show`: a model file from the inside, as a tree.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Severity, Sha256};
use lazaret_input::find_blob;
use lazaret_models::{Inside, NoFolder, Report, Terms, look_by, look_file_by};

use crate::cli::ModelsShowArgs;
use crate::commands::policy::of_ledger;
use crate::compose::{ledger_of, model_store_folder};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::own_rules;
use crate::report::{json_document, thousands};

/// Findings or names of one part that are written for eyes; `--json` has all that are kept.
const MOST: usize = 40;

/// Runs the command.
pub(super) fn run(
    args: &ModelsShowArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (own, _) = own_rules::in_force(config, args.rules.as_deref())?;
    let terms = Terms { own: Arc::new(own), inside: true, ..Terms::default() };
    let path = Path::new(&args.file);
    let report = match Sha256::parse(&args.file).filter(|_| !path.exists()) {
        Some(file) => of_registry(file, config, &terms)?,
        None => look_file_by(path, &config.limits(), &terms)
            .map_err(|error| CliError::failed(path.display().to_string(), error))?,
    };
    let Some(inside) = &report.inside else {
        return Err(CliError::Usage(format!("{}: nothing was read", path.display())));
    };
    if json {
        let document = serde_json::json!({ "inspected": report.inspected, "inside": inside });
        json_document(out, &document)?;
    } else {
        write_part(out, inside, "", "")?;
    }
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    Ok(if worst > Some(Severity::Low) { Exit::Findings } else { Exit::Clear })
}

/// A cleared file of the registry.
fn of_registry(file: Sha256, config: &Config, terms: &Terms) -> Result<Report, CliError> {
    let ledger = ledger_of(config)?;
    let store = model_store_folder(config, &config.path("data"));
    let source = find_blob(&store, file)
        .map_err(|error| CliError::failed("the store of models", error))?
        .ok_or_else(|| {
            let why = "is not in the registry: it was held, or it never came";
            CliError::Usage(format!("{file} {why}; `lazaret models impact` says what is known of it"))
        })?;
    let reader = lazaret_ledger::LedgerReader::open(&ledger).map_err(of_ledger)?;
    let last = reader.last_crossing_of_file(file).map_err(of_ledger)?;
    let name = last.and_then(|last| last.entry.file).map(|file| file.name).unwrap_or_default();
    let own = name.rsplit('/').next().unwrap_or_default().to_owned();
    let len = source.len();
    Ok(look_by(Arc::new(source), len, &own, &NoFolder, &config.limits(), terms))
}

/// A part with all that lies in it. `head` stands before its own line, `rest` before those below.
fn write_part(out: &mut impl Write, part: &Inside, head: &str, rest: &str) -> Result<(), CliError> {
    let formats: Vec<&str> = part.formats.iter().map(|format| format.0).collect();
    let formats = if formats.is_empty() { "data".to_owned() } else { formats.join(" and ") };
    writeln!(out, "{head}{}  {formats}, {} bytes", part.name, thousands(part.bytes))?;
    let cut = part.more_parts > 0;
    let more = |so_far: usize| if so_far < part.parts.len() || cut { "│  " } else { "   " };
    let below = more(0);
    for used in part.uses.iter().take(MOST) {
        let grave = used.severity.filter(|severity| *severity > Severity::Info);
        let grave = grave.map_or_else(String::new, |severity| format!(" ({severity})"));
        let does = used.does.map_or_else(String::new, |does| format!(": {does}"));
        let times = if used.times > 1 { format!(", {} times", thousands(used.times)) } else { String::new() };
        writeln!(out, "{rest}{below}  {} {}{does}{times}{grave}", used.how.name(), used.name)?;
    }
    let left = part.uses.iter().skip(MOST).fold(part.more_uses, |sum, used| sum.saturating_add(used.times));
    if left > 0 {
        writeln!(out, "{rest}{below}  … and more names, met {} times", thousands(left))?;
    }
    for finding in part.findings.iter().take(MOST) {
        let (id, severity, at) = (finding.id, finding.severity, &finding.at);
        writeln!(out, "{rest}{below}  ! {severity}: {id}: {at}: {}", finding.message)?;
    }
    if part.findings.len() > MOST {
        writeln!(out, "{rest}{below}  ! … and {} more findings", part.findings.len() - MOST)?;
    }
    for (number, inner) in part.parts.iter().enumerate() {
        let last = number + 1 == part.parts.len() && !cut;
        let (branch, line) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        write_part(out, inner, &format!("{rest}{branch}"), &format!("{rest}{line}"))?;
    }
    if cut {
        let count = thousands(part.more_parts);
        writeln!(out, "{rest}└─ … and {count} more parts (`{}` under [limits])", Inside::PARTS_LIMIT)?;
    }
    Ok(())
}
