//! `lazaret policy check`: all that makes a policy set invalid, and what is suspicious in a valid one.

use std::path::Path;

use cedar_policy::{Policy, PolicyId};
use lazaret_core::Limits;
use serde_json::Value;

use crate::diagnostic::nearest;
use crate::load::{PolicyText, compile, nearest_annotation, read_file, read_folder, unread_annotations};
use crate::nesting::with_stack;
use crate::{Diagnostic, Level, PolicyNote, SCHEMA};

/// Deepest expression that is searched for rule ids.
const MAX_DEPTH: usize = 256;

/// Checks the policies of a folder. `known_rules` are the ids of all rules; without any, the ids that policies
/// name are not checked.
pub fn check(folder: &Path, known_rules: &[&str], limits: &Limits) -> Vec<Diagnostic> {
    let texts = match read_folder(folder, limits) {
        Ok(texts) => texts,
        Err(wrong) => return wrong,
    };
    let mut found = with_stack(|| found_in(&texts, known_rules));
    found.extend(schema_copy(folder, limits));
    found.sort();
    found
}

fn found_in(texts: &[PolicyText], known_rules: &[&str]) -> Vec<Diagnostic> {
    match compile(texts) {
        Ok(compiled) => {
            let policy = |note: &PolicyNote| compiled.set.policy(&PolicyId::new(&note.id));
            let policies = compiled.notes.iter().filter_map(|note| Some((note, policy(note)?)));
            policies.flat_map(|(note, policy)| doubts(note, policy, known_rules)).collect()
        }
        Err(wrong) => wrong,
    }
}

/// What is suspicious in one valid policy.
fn doubts(note: &PolicyNote, policy: &Policy, known_rules: &[&str]) -> Vec<Diagnostic> {
    let warn = |cause: String| Diagnostic {
        line: Some(note.line),
        column: Some(1),
        ..Diagnostic::whole(Level::Warning, &note.file, cause)
    };
    let mut found = Vec::new();
    if note.why.is_empty() {
        let doubt = warn(format!("policy `{}` has no `@why`", note.id));
        found.push(doubt.help("one sentence there is what people read when a record is held"));
    }
    for key in unread_annotations(policy) {
        let doubt = warn(format!("policy `{}`: nobody reads the annotation `@{key}`", note.id));
        found.push(match nearest_annotation(key) {
            Some(near) => doubt.help(format!("did you mean `@{near}`?")),
            None => doubt,
        });
    }
    if !known_rules.is_empty() {
        for rule in rules_named(policy).into_iter().filter(|rule| !known_rules.contains(&rule.as_str())) {
            let doubt = warn(format!("policy `{}` names the rule `{rule}`, which does not exist", note.id));
            found.push(match nearest(&rule, known_rules.iter().copied()) {
                Some(near) => doubt.help(format!("did you mean `{near}`?")),
                None => doubt,
            });
        }
    }
    found
}

/// The rule ids that a policy compares `context.rules` with.
fn rules_named(policy: &Policy) -> Vec<String> {
    let mut rules = Vec::new();
    if let Ok(json) = policy.to_json() {
        seek_rules(&json, &mut rules, 0);
    }
    rules.sort();
    rules.dedup();
    rules
}

fn seek_rules(json: &Value, rules: &mut Vec<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let deeper = depth.saturating_add(1);
    match json {
        Value::Array(items) => items.iter().for_each(|item| seek_rules(item, rules, deeper)),
        Value::Object(members) => {
            for (operator, operands) in members {
                if ["contains", "containsAny", "containsAll"].contains(&operator.as_str()) {
                    let (left, right) = (operands.get("left"), operands.get("right"));
                    match (left.is_some_and(is_context_rules), right.is_some_and(is_context_rules)) {
                        (true, false) => right.into_iter().for_each(|side| strings(side, rules, deeper)),
                        (false, true) => left.into_iter().for_each(|side| strings(side, rules, deeper)),
                        _ => {}
                    }
                }
                seek_rules(operands, rules, deeper);
            }
        }
        _ => {}
    }
}

/// Whether an expression is `context.rules`, as Cedar writes it in JSON.
fn is_context_rules(json: &Value) -> bool {
    json.pointer("/./attr").and_then(Value::as_str) == Some("rules")
        && json.pointer("/./left/Var").and_then(Value::as_str) == Some("context")
}

fn strings(json: &Value, found: &mut Vec<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let deeper = depth.saturating_add(1);
    match json {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found, deeper)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found, deeper)),
        _ => {}
    }
}

/// The schema beside the policies is a copy for people; one that differs misleads them.
fn schema_copy(folder: &Path, limits: &Limits) -> Option<Diagnostic> {
    let path = folder.join(SCHEMA.name);
    if !path.exists() {
        return None;
    }
    let shown = path.display().to_string();
    let cause = match read_file(&path, limits) {
        Ok(text) if text == SCHEMA.text => return None,
        Ok(_) => "differs from the schema built in, which alone decides".to_owned(),
        Err(cause) => cause,
    };
    let doubt = Diagnostic::whole(Level::Warning, &shown, cause);
    Some(doubt.help("remove it and run `lazaret init` to have a copy of the present one"))
}
