//! `lazaret explain`: what a rule finds.

use std::io::Write;

use lazaret_core::{CORE_RULES, Kind, Rule, Severity};
use lazaret_models::{OwnRule, OwnRules};

use crate::cli::ExplainArgs;
use crate::config::{Config, nearest};
use crate::exit::{CliError, Exit};
use crate::own_rules;
use crate::report::{json_document, table};

/// Every rule of every room, sorted by id.
pub(crate) fn rules() -> Vec<(&'static str, Severity, &'static str)> {
    let ingest = lazaret_ingest::rules();
    let models = lazaret_models::rules();
    let faults: [&[&'static Rule]; 7] = [
        &CORE_RULES,
        lazaret_input::RULES,
        &lazaret_phi::RULES,
        &ingest,
        &models,
        &lazaret_ledger::LEDGER_RULES,
        &lazaret_ledger::LINEAGE_RULES,
    ];
    let mut rules: Vec<_> =
        faults.concat().into_iter().map(|rule| (rule.id, rule.severity, rule.title)).collect();
    rules.extend(Kind::ALL.map(|kind| (kind.rule_id(), Severity::Info, kind.about())));
    rules.sort_unstable_by_key(|(id, ..)| *id);
    rules.dedup_by_key(|(id, ..)| *id);
    rules
}

/// Runs the command.
pub(crate) fn run(
    args: &ExplainArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let mut rules = rules();
    // A file of own rules that cannot be read does not stand in the way of what every lazaret knows.
    let known = args.id.as_ref().is_some_and(|id| rules.iter().any(|(known, ..)| known == id));
    let own = if known { OwnRules::none() } else { own_rules::in_force(config, args.rules.as_deref())?.0 };
    rules.extend(own.rules().iter().map(|rule| (rule.id, rule.severity, rule.what.as_str())));
    let Some(id) = &args.id else {
        if json {
            let list: Vec<_> = rules.iter().map(document).collect();
            json_document(out, &list)?;
            return Ok(Exit::Clear);
        }
        let mut rows = table(["rule", "severity", "what it finds"]);
        for (id, severity, title) in rules {
            rows.add_row([id, severity.name(), title]);
        }
        writeln!(out, "{rows}")?;
        return Ok(Exit::Clear);
    };
    let Some(rule) = rules.iter().find(|(known, ..)| known == id) else {
        let near = nearest(id, rules.iter().map(|(id, ..)| *id));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let way_out = if id.starts_with("user.") && own.sha256().is_none() {
            "; rules of the hospital's own stand in a file: name it with --rules"
        } else {
            ""
        };
        return Err(CliError::Usage(format!("no rule `{id}`{hint}{way_out}")));
    };
    if json {
        json_document(out, &document(rule))?;
    } else {
        let (id, severity, title) = rule;
        let verdict = match severity {
            _ if Kind::ALL.iter().any(|kind| kind.rule_id() == *id) => {
                "edited by the profile of the legal basis; no alarm by itself"
            }
            Severity::Critical => "block",
            Severity::High | Severity::Medium => "quarantine",
            Severity::Low | Severity::Info => "allow, recorded",
        };
        writeln!(out, "{id}\n  {title}\n  severity  {severity}\n  default   {verdict}")?;
        if let Some(model) = lazaret_models::rule(id) {
            let cwe: Vec<String> = model.cwe.iter().map(|number| format!("CWE-{number}")).collect();
            let known = [cwe, model.atlas.iter().map(|&technique| technique.to_owned()).collect()].concat();
            if !known.is_empty() {
                writeln!(out, "  known as  {}", known.join(", "))?;
            }
        }
        let page = lazaret_phi::page(id).or_else(|| lazaret_models::page(id));
        if let Some(page) = page.or_else(|| own.rule(id).map(OwnRule::page)) {
            writeln!(out, "\n{}", page.trim_end())?;
        }
    }
    Ok(Exit::Clear)
}

fn document((id, severity, title): &(&'static str, Severity, &str)) -> serde_json::Value {
    serde_json::json!({ "id": id, "severity": severity, "title": title })
}
