//! What a look does with the hospital's own rules: patterns are told as readers meet what they match, and at the end the
//! allow list lowers what it holds for. A finding is never taken away.

use lazaret_core::{Finding, Locator, Severity, UNINSPECTABLE};
use ring::digest::{Context, SHA256};

use super::{Allowance, FactKind, Own, Scope, dotted, top};
use crate::callables::documents::judge_by;
use crate::callables::modern;
use crate::inside::{How, Met, words_of_document};
use crate::look::{Inspected, Looking};
use crate::part::{Part, printed};
use crate::rules::ALLOWLIST_EXPIRED;

/// How much is read at once for the digest of a file.
const BLOCK: usize = 256 << 10;

/// What a finding is about, by its exact names: an entry of the allow list may be for one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct About(Vec<(FactKind, String)>);

impl About {
    /// A function or class as `module:name`, since `a.b` of `c` is not `b.c` of `a`.
    pub(crate) fn callable(module: &str, name: &str) -> Self {
        Self(vec![(FactKind::Global, format!("{module}:{name}"))])
    }

    /// An operator, alone and with its domain where it has one.
    pub(crate) fn operator(domain: &str, name: &str) -> Self {
        let mut names = vec![(FactKind::Operator, name.to_owned())];
        if !domain.is_empty() {
            names.push((FactKind::Operator, format!("{domain}::{name}")));
        }
        Self(names)
    }

    /// The class or type of a layer.
    pub(crate) fn layer(name: &str) -> Self {
        Self(vec![(FactKind::Layer, name.to_owned())])
    }

    /// What it is beside.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn is(&self, kind: FactKind, name: &str) -> bool {
        self.0.iter().any(|(of, is)| *of == kind && is == name)
    }
}

impl Looking<'_> {
    /// Tells what was met in the file to the rules that match its name.
    pub(crate) fn met(&mut self, kind: FactKind, name: &str, at: impl Fn() -> Locator) {
        let own = self.own;
        for &number in own.matching(kind, name) {
            self.matched(number, kind, name, at());
        }
    }

    /// A function or class that a document names, which its loader imports.
    pub(crate) fn met_callable(&mut self, module: &str, name: &str, at: impl Fn() -> Locator) {
        let own = self.own;
        let met = || Met {
            how: How::Imports,
            name: dotted(module, name),
            does: words_of_document(judge_by(own, module, name)),
            about: Some(About::callable(module, name)),
            times: 1,
        };
        self.uses(met, &at);
        self.own_callable(module, name, at);
    }

    /// A function or class by its module and name: also its package, and whether the hospital's word for it has run out.
    pub(crate) fn own_callable(&mut self, module: &str, name: &str, at: impl Fn() -> Locator) {
        let own = self.own;
        if !own.is_about(module, name) {
            return;
        }
        let (new_module, new_name) = modern(module, name);
        let (old, new) = (dotted(module, name), dotted(new_module, new_name));
        self.met(FactKind::Global, &old, &at);
        if new != old {
            self.met(FactKind::Global, &new, &at);
        }
        self.met(FactKind::Package, top(module), &at);
        if let Some(Own::Constructor(answer)) = own.own(module, name)
            && answer.expired
        {
            let message = format!(
                "`{}` was one of the hospital's own constructors until {} ({}, line {} of the rules)",
                printed(&old),
                answer.until.as_deref().unwrap_or_default(),
                answer.owner,
                answer.line
            );
            self.find(&ALLOWLIST_EXPIRED, at(), message);
        }
    }

    /// An operator of a graph, with the domain that it is of.
    pub(crate) fn met_operator(&mut self, domain: &str, name: &str, at: impl Fn() -> Locator) {
        let met = || Met {
            how: How::Operator,
            name: if domain.is_empty() { name.to_owned() } else { format!("{domain}::{name}") },
            does: None,
            about: Some(About::operator(domain, name)),
            times: 1,
        };
        self.uses(met, &at);
        if !self.own.names.contains_key(&FactKind::Operator) {
            return;
        }
        self.met(FactKind::Operator, name, &at);
        if !domain.is_empty() {
            self.met(FactKind::Operator, &format!("{domain}::{name}"), at);
        }
    }

    /// A layer of a graph, by its class or type.
    pub(crate) fn met_layer(&mut self, name: &str, at: impl Fn() -> Locator) {
        let about = Some(About::layer(name));
        let met = || Met { how: How::Layer, name: name.to_owned(), does: None, about, times: 1 };
        self.uses(met, &at);
        self.met(FactKind::Layer, name, at);
    }

    /// The name of a file or of a member.
    pub(crate) fn met_file(&mut self, name: &str, at: impl Fn() -> Locator) {
        let own = self.own;
        if own.globs.is_empty() || name.is_empty() {
            return;
        }
        let path = name.replace('\\', "/").to_lowercase();
        for (glob, number) in &own.globs {
            if glob.matches(&path) {
                self.matched(*number, FactKind::File, name, at());
            }
        }
    }

    fn matched(&mut self, number: usize, kind: FactKind, name: &str, at: Locator) {
        let Some(rule) = self.own.rules.get(number) else { return };
        let message = format!("{} ({} `{}`)", rule.what, kind.name(), printed(name));
        // As the allow list names it: a function or class by its parts.
        let about = match (kind, name.rsplit_once('.')) {
            (FactKind::Global, Some((module, name))) => About::callable(module, name),
            _ => About(vec![(kind, name.to_owned())]),
        };
        self.add_about(Finding { id: rule.id, severity: rule.severity, at, message }, Some(about));
    }

    /// Lowers what the allow list holds for, and tells which of its entries would have held and have run out.
    pub(crate) fn allow(&mut self, file: &Part) {
        let own = self.own;
        if own.allowances.is_empty() {
            return;
        }
        let mut digest = None;
        let mut told = vec![false; own.allowances.len()];
        let mut expired = Vec::new();
        let whole = self.inspected == Inspected::Whole;
        for found in &mut self.findings {
            if found.finding.severity == Severity::Info {
                continue;
            }
            let mut refusal = None;
            for &number in own.by_rule.get(found.finding.id).into_iter().flatten() {
                let Some(entry) = own.allowances.get(number) else { continue };
                let holds = match &entry.scope {
                    Scope::File(wanted) => {
                        digest.get_or_insert_with(|| sha256(file)).as_ref() == Some(wanted)
                    }
                    Scope::Place(place) => found.finding.at.as_str() == place,
                    Scope::Named(kind, name) => {
                        found.about.as_ref().is_some_and(|about| about.is(*kind, name))
                    }
                };
                if !holds {
                    continue;
                }
                if entry.answer.expired {
                    if let Some(told) = told.get_mut(number)
                        && !std::mem::replace(told, true)
                    {
                        expired.push((entry, found.finding.at.clone()));
                    }
                    continue;
                }
                refusal = refused(&found.finding, entry, whole);
                if refusal.is_none() {
                    lower(&mut found.finding, entry);
                    break;
                }
            }
            if let Some(why) = refusal {
                found.finding.message.push_str(&why);
            }
        }
        for (entry, at) in expired {
            let Allowance { rule, scope, answer } = entry;
            let message = format!(
                "`{rule}` of {scope} was allowed until {} ({}, line {} of the rules)",
                answer.until.as_deref().unwrap_or_default(),
                answer.owner,
                answer.line
            );
            self.find(&ALLOWLIST_EXPIRED, at, message);
        }
    }
}

/// Why an entry that is no file's own does not hold: critical findings, and files of which something was not read, are
/// lowered only where somebody looked at this very file. What an entry by a name or a place lowers comes again with other
/// content.
fn refused(finding: &Finding, entry: &Allowance, whole: bool) -> Option<String> {
    let why = match entry.scope {
        Scope::File(_) => return None,
        _ if finding.severity == Severity::Critical => "a critical finding is lowered",
        _ if !whole || finding.id == UNINSPECTABLE.id => "what was not inspected whole is lowered",
        _ => return None,
    };
    Some(format!(
        "; line {} of the rules does not lower it: {why} only by the SHA-256 of the file",
        entry.answer.line
    ))
}

fn lower(finding: &mut Finding, entry: &Allowance) {
    let answer = &entry.answer;
    finding.message = format!(
        "{}; lowered from {} by the allow list: {} ({}, until {})",
        finding.message,
        finding.severity,
        answer.reason,
        answer.owner,
        answer.until.as_deref().unwrap_or_default()
    );
    finding.severity = Severity::Info;
}

/// The digest of the whole file; none where it cannot be read to its end.
fn sha256(file: &Part) -> Option<[u8; 32]> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; BLOCK];
    let mut at = 0_u64;
    while at < file.len() {
        let read = file.read_at(at, &mut buffer).ok().filter(|read| *read > 0)?;
        context.update(buffer.get(..read)?);
        at = at.saturating_add(read as u64);
    }
    context.finish().as_ref().try_into().ok()
}
